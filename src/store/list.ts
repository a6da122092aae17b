/**
 * A list on disk that only ever grows. Its records lie in blocks, so many in each, and whatever is added is written to
 * the end: what that costs does not depend on how much is there, and nothing is ever moved.
 */
import { CrawlcastError } from '../errors.js';
import { Recent } from '../recent.js';
import { after, keys } from './keys.js';
import { allRows } from './state.js';
import type { Row, Tables } from './tables.js';

/** A full block in memory. */
interface Kept {
  readonly number: number;
  readonly block: Buffer;
}

const lengthBytes = 4;

/** A record to be filled from `recordStart` on: its length is ahead of it already. */
export function newRecord(bytes: number): Buffer {
  const record = Buffer.allocUnsafe(recordStart + bytes);
  record.writeUInt32LE(bytes, 0);
  return record;
}

/** Where in a new record its content begins. */
export const recordStart = lengthBytes;

/** A record, as its place among others in the same bytes: a view of it would cost more than reading it does. */
export interface RecordPlace {
  readonly bytes: Buffer;
  readonly begin: number;
  readonly end: number;
}

/** And which one it is. */
export interface NumberedPlace extends RecordPlace {
  readonly number: number;
}

/** The records of one list that are durable. */
export class List {
  #count = 0;
  /** What the last block holds while it is not full. */
  #tail: Buffer = Buffer.alloc(0);
  /** Those that were read or written last. */
  readonly #blocks = new Recent<Kept>(128);

  /**
   * @param name what the keys of its blocks begin with
   * @param perBlock records of a block: chosen so that two blocks mostly fill a page of LMDB
   */
  constructor(
    private readonly tables: Tables,
    private readonly name: string,
    readonly perBlock: number,
  ) {
    const last = tables.last(name, after(name));
    if (last === undefined) return;
    const [key, block] = last;
    let records = 0;
    forEachRecord(block, () => (records += 1));
    this.#count = keys.blockNumberOf(key) * perBlock + records;
    if (records < perBlock) this.#tail = block;
  }

  get count(): number {
    return this.#count;
  }

  /** A record by its number, from 0 on. */
  at(number: number): RecordPlace {
    return nthOf(this.#block(this.blockOf(number)), number % this.perBlock);
  }

  /** The block in which a record is, and those around it. */
  blockOf(number: number): number {
    return Math.floor(number / this.perBlock);
  }

  /** The last record of a block that answers to a description. */
  findLastIn(block: number, matches: (bytes: Buffer, begin: number) => boolean): NumberedPlace | undefined {
    let found: NumberedPlace | undefined;
    let number = block * this.perBlock;
    forEachRecord(this.#block(block), (bytes, begin, end) => {
      if (matches(bytes, begin)) found = { number, bytes, begin, end };
      number += 1;
    });
    return found;
  }

  /** All records in order. */
  forEach(visit: (bytes: Buffer, begin: number, end: number) => void): void {
    for (const [, block] of allRows(this.tables, this.name)) forEachRecord(block, visit);
  }

  /** The blocks that records would fill: the one that is not full is written again. */
  blocksWith(records: readonly Buffer[]): Buffer[] {
    const blocks: Buffer[] = [];
    let head = this.#tail;
    for (let at = 0, room = this.perBlock - (this.#count % this.perBlock); at < records.length; ) {
      blocks.push(Buffer.concat([head, ...records.slice(at, at + room)]));
      at += room;
      room = this.perBlock;
      head = Buffer.alloc(0);
    }
    return blocks;
  }

  /** The rows that make such blocks durable. */
  rowsOf(blocks: readonly Buffer[]): Row[] {
    const first = this.blockOf(this.#count);
    return blocks.map((block, at): Row => [keys.block(this.name, first + at), block]);
  }

  /** Learns that they are. */
  publish(blocks: readonly Buffer[], records: number): void {
    const first = this.blockOf(this.#count);
    this.#count += records;
    const full = this.blockOf(this.#count) - first;
    for (const [at, block] of blocks.entries()) {
      if (at < full) this.#blocks.add({ number: first + at, block });
      this.#tail = at < full ? Buffer.alloc(0) : block;
    }
  }

  #block(number: number): Buffer {
    if (number === this.blockOf(this.#count)) return this.#tail;
    const kept = this.#blocks.find((one) => one.number === number);
    if (kept !== undefined) return kept.block;
    const block = this.tables.get(keys.block(this.name, number));
    if (block === undefined)
      throw new CrawlcastError('data.corrupt', `The frontier has lost block ${number} of ${this.name}.`);
    this.#blocks.add({ number, block });
    return block;
  }
}

/** What a group of steps is about to add to a list. */
export class ListDraft {
  readonly #records: Buffer[] = [];
  #blocks: Buffer[] = [];

  constructor(private readonly list: List) {}

  /** How many there will be. */
  get count(): number {
    return this.list.count + this.#records.length;
  }

  /** @returns the number that it will have */
  add(record: Buffer): number {
    this.#records.push(record);
    return this.count - 1;
  }

  at(number: number): RecordPlace {
    const added = this.#records[number - this.list.count];
    if (added === undefined) return this.list.at(number);
    return { bytes: added, begin: recordStart, end: added.length };
  }

  /** The rows that make it durable; nothing is added after that. */
  settle(): Row[] {
    this.#blocks = this.list.blocksWith(this.#records);
    return this.list.rowsOf(this.#blocks);
  }

  /** It is durable. */
  publish(): void {
    this.list.publish(this.#blocks, this.#records.length);
  }
}

function forEachRecord(block: Buffer, visit: (bytes: Buffer, begin: number, end: number) => void): void {
  for (let at = 0; at < block.length; ) {
    const begin = at + lengthBytes;
    at = begin + block.readUInt32LE(at);
    visit(block, begin, at);
  }
}

function nthOf(bytes: Buffer, index: number): RecordPlace {
  let at = 0;
  for (let left = index; left > 0; left -= 1) at += lengthBytes + bytes.readUInt32LE(at);
  const begin = at + lengthBytes;
  return { bytes, begin, end: begin + bytes.readUInt32LE(at) };
}
