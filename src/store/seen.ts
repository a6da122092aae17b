/**
 * All that a crawl has seen: on disk a list in the order in which it came, in memory an index of a few bytes a mark that
 * says where in the list it is. However many URLs there are, a new one is written to the end of the list and nothing is
 * ever moved; and whether a URL is new, one look into the index says.
 */
import { fingerprint } from '../url.js';
import { after, keys } from './keys.js';
import {
  countEntries,
  encodeEntries,
  entryBytes,
  hashAt,
  hashOf,
  markAt,
  markLength,
  placeAt,
  type SeenPlace,
} from './seen-entry.js';
import { SeenIndex } from './seen-index.js';
import { allRows, rowsBetween } from './state.js';
import type { Row, Tables } from './tables.js';

/** Entries of a row: two such rows fill a page of LMDB. */
const blockEntries = 50;
const blockBytes = blockEntries * entryBytes;

/** Blocks that stay in memory, since links mostly lead to what has been met lately: half a megabyte. */
const maxBlocks = 256;

/** Hashes of a row, for whole blocks: a restart reads them instead of the entries. */
const rowHashes = 20 * blockEntries;
const hashBytes = 4;

const nowhere: SeenPlace = { priority: 0, depth: 0, sequence: 0 };

/** The marks of one frontier that are durable. */
export class Seen {
  readonly #index: SeenIndex;
  #count = 0;
  /** What the last block holds while it is not full. */
  #tail: Buffer = Buffer.alloc(0);
  /** Of the full ones, those that were read last. */
  readonly #blocks = new Map<number, Buffer>();
  /** Hashes of which no row has been written, because there are not enough for one. */
  #hashes: number[] = [];

  constructor(
    private readonly tables: Tables,
    private readonly space: string,
  ) {
    const hashRows = [...allRows(tables, keys.seenHashes(space))];
    this.#index = new SeenIndex(hashRows.length * rowHashes);
    for (const [, row] of hashRows) this.#learn(decodeHashes(row));
    const rest = keys.seenBlock(space, this.#count / blockEntries);
    for (const [, block] of rowsBetween(tables, rest, after(keys.seenBlocks(space)))) this.publish(block);
  }

  /** Of a mark that was added several times the newest counts. */
  find(mark: string): SeenPlace | undefined {
    for (const number of this.#index.find(hashOf(mark))) {
      const block = this.#block(Math.floor(number / blockEntries));
      const at = number % blockEntries;
      if (markAt(block, at) === mark) return placeAt(block, at);
    }
    return undefined;
  }

  #block(number: number): Buffer {
    if (number === Math.floor(this.#count / blockEntries)) return this.#tail;
    const known = this.#blocks.get(number);
    const block = known ?? this.tables.get(keys.seenBlock(this.space, number)) ?? Buffer.alloc(blockBytes);
    // The end of a map is what came last.
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    const [oldest = number] = this.#blocks.keys();
    if (this.#blocks.size > maxBlocks) this.#blocks.delete(oldest);
    return block;
  }

  /** The rows that make entries durable: the last block is written again until it is full. */
  rowsOf(entries: Buffer): Row[] {
    if (entries.length === 0) return [];
    const firstBlock = Math.floor(this.#count / blockEntries);
    const blocks = cut(Buffer.concat([this.#tail, entries]), blockBytes);
    const rows = blocks.map((block, at): Row => [keys.seenBlock(this.space, firstBlock + at), block]);
    if (this.#hashes.length + countEntries(entries) < rowHashes) return rows;
    const hashes = [...this.#hashes, ...hashesOf(entries)];
    const firstRow = Math.floor(this.#count / rowHashes);
    for (let at = 0; (at + 1) * rowHashes <= hashes.length; at += 1) {
      const row = encodeHashes(hashes.slice(at * rowHashes, (at + 1) * rowHashes));
      rows.push([keys.seenHashRow(this.space, firstRow + at), row]);
    }
    return rows;
  }

  /** Learns that they are. */
  publish(entries: Buffer): void {
    const hashes = hashesOf(entries);
    this.#learn(hashes);
    this.#tail = endOf(this.#tail, entries, (this.#count % blockEntries) * entryBytes);
    for (const hash of hashes) this.#hashes.push(hash);
    this.#hashes.splice(0, this.#hashes.length - (this.#count % rowHashes));
  }

  #learn(hashes: readonly number[]): void {
    for (const hash of hashes) {
      this.#index.add(hash, this.#count);
      this.#count += 1;
    }
  }
}

function hashesOf(entries: Buffer): number[] {
  return Array.from({ length: countEntries(entries) }, (_, at) => hashAt(entries, at));
}

function encodeHashes(hashes: readonly number[]): Buffer {
  const row = Buffer.allocUnsafe(hashes.length * hashBytes);
  for (const [at, hash] of hashes.entries()) row.writeUInt32LE(hash, at * hashBytes);
  return row;
}

function decodeHashes(row: Buffer): number[] {
  return Array.from({ length: row.length / hashBytes }, (_, at) => row.readUInt32LE(at * hashBytes));
}

/** Pieces of so many bytes; the last one may be shorter. */
function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
}

/** The last bytes of two buffers in a row; as a copy, since a view would keep alive all that it is cut from. */
function endOf(one: Buffer, other: Buffer, size: number): Buffer {
  const all = size > other.length ? Buffer.concat([one, other]) : other;
  return Buffer.from(all.subarray(all.length - size));
}

/** What a group of steps is about to add to what a frontier has seen. */
export class SeenDraft {
  readonly #entries = new Map<string, SeenPlace>();
  #marks: Buffer = Buffer.alloc(0);

  constructor(readonly base: Seen) {}

  /** What is added, in bytes. */
  get marks(): Buffer {
    if (this.#marks.length < this.#entries.size * entryBytes) this.#marks = encodeEntries([...this.#entries]);
    return this.#marks;
  }

  /** Where a URL was queued, by its fingerprint. */
  find(name: string): SeenPlace | undefined {
    const mark = markOf(name);
    return this.#entries.get(mark) ?? this.base.find(mark);
  }

  add(name: string, place: SeenPlace = nowhere): void {
    this.#entries.set(markOf(name), place);
  }
}

/** Fingerprints are marks; whatever else is seen once has its own. */
function markOf(name: string): string {
  return name.length === markLength ? name : fingerprint(name);
}
