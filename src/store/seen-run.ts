/** A run of the marks of a crawl: sorted, never changed, in segments of which the first mark and a filter are in memory. */
import { after, keys } from './keys.js';
import { allRows, decodeJson, encodeJson } from './state.js';
import type { Tables } from './tables.js';

/** Where the URL with a mark was queued; says nothing where the mark is not one of a URL. */
export interface SeenPlace {
  readonly priority: number;
  readonly depth: number;
  readonly sequence: number;
}

/** A mark, 22 characters of ASCII, and what is known under it. */
export type SeenEntry = readonly [mark: string, place: SeenPlace];

/** Characters of a mark. */
export const markLength = 22;

/** Of one entry: mark, priority, depth, sequence. */
export const entryBytes = markLength + 8 + 4 + 6;

/** Entries of one segment: a look-up reads a whole one. */
export const segmentEntries = 512;

/** Ten bits an entry and five probes: one look-up in a hundred reads a segment in vain. */
const filterBits = segmentEntries * 10;
const probes = 5;

/** What is written of a run once it is whole; without it, its segments do not count. */
interface RunHeader {
  readonly level: number;
  readonly segments: number;
}

/** Entries one behind the other. */
export function encodeEntries(entries: readonly SeenEntry[]): Buffer {
  const bytes = Buffer.allocUnsafe(entries.length * entryBytes);
  let at = 0;
  for (const [mark, { priority, depth, sequence }] of entries) {
    bytes.write(mark, at, 'latin1');
    bytes.writeDoubleBE(priority, at + markLength);
    bytes.writeUInt32BE(depth, at + markLength + 8);
    bytes.writeUIntBE(sequence, at + markLength + 12, 6);
    at += entryBytes;
  }
  return bytes;
}

/** How many entries there are. */
export function countEntries(bytes: Buffer): number {
  return bytes.length / entryBytes;
}

/** The mark of an entry, by its place. */
export function markAt(bytes: Buffer, index: number): string {
  return bytes.toString('latin1', index * entryBytes, index * entryBytes + markLength);
}

/** What is known under a mark, by its place. */
export function placeAt(bytes: Buffer, index: number): SeenPlace {
  const at = index * entryBytes + markLength;
  return {
    priority: bytes.readDoubleBE(at),
    depth: bytes.readUInt32BE(at + 8),
    sequence: bytes.readUIntBE(at + 12, 6),
  };
}

/** Copies an entry to a place among others. */
export function copyEntry(from: Buffer, index: number, to: Buffer, toIndex: number): void {
  from.copy(to, toIndex * entryBytes, index * entryBytes, (index + 1) * entryBytes);
}

/** One run, ready to be searched. */
export class SeenRun {
  readonly firsts: string[] = [];
  readonly #filters: Buffer[] = [];

  constructor(
    private readonly tables: Tables,
    private readonly space: string,
    readonly number: number,
    readonly level: number,
  ) {}

  /** Reads what has to be in memory of a run that is on disk. */
  static load(tables: Tables, space: string, number: number, header: Buffer): SeenRun {
    const { level, segments } = decodeJson<RunHeader>(header);
    const run = new SeenRun(tables, space, number, level);
    for (const [, index] of allRows(tables, keys.segmentIndices(space, number))) {
      // Behind them there may be those of a run that was broken off and had the same number.
      if (run.firsts.length < segments) run.#know(index);
    }
    return run;
  }

  /** @param bits of the mark, as {@link bitsOf} gives them: whoever asks many runs makes them once */
  find(mark: string, bits: Bits): SeenPlace | undefined {
    const segment = upperBound(this.firsts.length, (at) => (this.firsts[at] ?? '') <= mark) - 1;
    const filter = this.#filters[segment];
    if (filter === undefined || !mayHold(filter, bits)) return undefined;
    const entries = this.segment(segment);
    const at = upperBound(countEntries(entries), (index) => markAt(entries, index) <= mark) - 1;
    return at >= 0 && markAt(entries, at) === mark ? placeAt(entries, at) : undefined;
  }

  /** The bytes of a segment; empty behind the last one, where there may be some of a run that was broken off. */
  segment(index: number): Buffer {
    if (index >= this.firsts.length) return Buffer.alloc(0);
    return this.tables.get(keys.segment(this.space, this.number, index)) ?? Buffer.alloc(0);
  }

  /** Adds a segment behind the others, and says what has to be written. */
  append(entries: Buffer, changes: Map<string, Buffer | undefined>): void {
    const index = indexOf(entries);
    changes.set(keys.segment(this.space, this.number, this.firsts.length), entries);
    changes.set(keys.segmentIndex(this.space, this.number, this.firsts.length), index);
    this.#know(index);
  }

  /** Makes it count from now on. */
  complete(changes: Map<string, Buffer | undefined>): void {
    const header: RunHeader = { level: this.level, segments: this.firsts.length };
    changes.set(keys.run(this.space, this.number), encodeJson(header));
  }

  /** Takes it off the disk. */
  remove(changes: Map<string, Buffer | undefined>): void {
    changes.set(keys.run(this.space, this.number), undefined);
    for (let index = 0; index < this.firsts.length; index += 1) {
      changes.set(keys.segment(this.space, this.number, index), undefined);
      changes.set(keys.segmentIndex(this.space, this.number, index), undefined);
    }
  }

  #know(index: Buffer): void {
    this.firsts.push(index.toString('latin1', 0, markLength));
    this.#filters.push(index.subarray(markLength));
  }
}

/** All runs of a space that are whole. */
export function loadRuns(tables: Tables, space: string): SeenRun[] {
  const runs: SeenRun[] = [];
  for (const [key, header] of tables.range(keys.runs(space), after(keys.runs(space)), maxRuns)) {
    runs.push(SeenRun.load(tables, space, Number.parseInt(key.slice(keys.runs(space).length), 36), header));
  }
  return runs;
}

/** More than there ever are: a few of each level. */
const maxRuns = 10_000;

/** The first mark of a segment, and its Bloom filter. */
function indexOf(entries: Buffer): Buffer {
  const index = Buffer.alloc(markLength + filterBits / 8);
  entries.copy(index, 0, 0, markLength);
  const filter = index.subarray(markLength);
  for (let entry = 0; entry < countEntries(entries); entry += 1) {
    const [start, step] = bitsOf(markAt(entries, entry));
    for (let probe = 0, bit = start; probe < probes; probe += 1, bit = (bit + step) % filterBits) {
      filter[bit >> 3] = (filter[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
  }
  return index;
}

function mayHold(filter: Buffer, [start, step]: Bits): boolean {
  for (let probe = 0, bit = start; probe < probes; probe += 1, bit = (bit + step) % filterBits) {
    if (((filter[bit >> 3] ?? 0) & (1 << (bit & 7))) === 0) return false;
  }
  return true;
}

/** The first bit of a mark in a filter, and how far apart the others are. */
export type Bits = readonly [start: number, step: number];

/** Two hashes of a mark (FNV-1a and its like), from which all probes follow (Kirsch and Mitzenmacher 2006). */
export function bitsOf(mark: string): Bits {
  let one = 0x811c9dc5;
  let two = 0;
  for (let at = 0; at < mark.length; at += 1) {
    one = Math.imul(one ^ mark.charCodeAt(at), 0x01000193);
    two = Math.imul(two, 31) + mark.charCodeAt(at);
  }
  return [(one >>> 0) % filterBits, ((two >>> 0) % (filterBits - 1)) + 1];
}

/** How many of `count` places, from the first on, a condition holds for. */
function upperBound(count: number, holds: (at: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
