/**
 * A table in which rows with scattered keys are cheap. Written in place, each of them would change a page of its own,
 * and the more of them there are, the less two of them share one. So they go to the end of a journal first and stay in
 * memory as well; when there are many, they go to their places in the order of their keys.
 */
import { isScattered, journalNumberOf, keys } from './keys.js';
import { SortedMap } from './sorted.js';
import { allRows, rowsBetween } from './state.js';
import type { Changes, Row, Tables } from './tables.js';

/** Rows in memory before they begin to go to their places. */
const maxRecent = 16_384;

/** Rows that go to their places with one transaction: more than it adds. */
const movedAtOnce = { least: 64, perNew: 3 } as const;

/** Rows that are read from the disk at once. */
const maxPiece = 1_000;

/** Rows by key; `null` where one was deleted. */
type Rows = SortedMap<Buffer | null>;

/** Goes on with the journal that the table holds. Its `write` must be called by one at a time. */
export class JournaledTables implements Tables {
  #recent: Rows = new SortedMap();
  /** On their way to their places, in the order of their keys: those up to `#movedTo` are there. */
  #moving: Rows | undefined;
  #movedTo = '';
  /** The journal's rows: those of what is moving come before those of what is recent. */
  #first = 0;
  #firstRecent = 0;
  #next = 0;

  constructor(private readonly tables: Tables) {
    for (const [key, row] of allRows(tables, keys.journalRows)) {
      const number = journalNumberOf(key);
      if (this.#next === 0) this.#first = number;
      this.#next = number + 1;
      this.#keep(decodeRows(row));
    }
    this.#firstRecent = this.#first;
  }

  get(key: string): Buffer | undefined {
    if (!isScattered(key)) return this.tables.get(key);
    let row = this.#recent.get(key);
    if (row === undefined) row = this.#moving?.get(key);
    return row === undefined ? this.tables.get(key) : (row ?? undefined);
  }

  range(from: string, to: string, limit: number): Row[] {
    if (!isScattered(from)) return this.tables.range(from, to, limit);
    const sources = [
      this.#recent.from(from),
      this.#moving?.from(from) ?? [],
      rowsBetween(this.tables, from, to, Math.min(limit, maxPiece)),
    ];
    const rows: Row[] = [];
    for (const [key, value] of merge(sources)) {
      if (key >= to || rows.length >= limit) break;
      if (value !== null) rows.push([key, value]);
    }
    return rows;
  }

  last(from: string, to: string): Row | undefined {
    if (!isScattered(from)) return this.tables.last(from, to);
    return this.range(from, to, Number.MAX_SAFE_INTEGER).at(-1);
  }

  async write(changes: Changes): Promise<void> {
    const direct = new Map<string, Buffer | undefined>();
    const scattered: [string, Buffer | null][] = [];
    for (const [key, value] of changes) {
      if (isScattered(key)) scattered.push([key, value ?? null]);
      else direct.set(key, value);
    }
    if (scattered.length > 0) direct.set(keys.journalRow(this.#next), encodeRows(scattered));
    const moved = this.#move(Math.max(movedAtOnce.least, scattered.length * movedAtOnce.perNew), direct);
    await this.tables.write(direct);
    moved();
    this.#keep(scattered);
    if (scattered.length > 0) this.#next += 1;
    if (this.#moving === undefined && this.#recent.size >= maxRecent) this.#startMoving();
  }

  close(): Promise<void> {
    return this.tables.close();
  }

  /** As copies: a view would keep alive all that it was cut from. */
  #keep(rows: Iterable<readonly [string, Buffer | null]>): void {
    for (const [key, value] of rows) this.#recent.set(key, value && Buffer.from(value));
  }

  #startMoving(): void {
    this.#moving = this.#recent;
    this.#movedTo = '';
    this.#firstRecent = this.#next;
    this.#recent = new SortedMap();
  }

  /** Moves some rows to their places; what it returns is to be called once that is durable. */
  #move(room: number, changes: Map<string, Buffer | undefined>): () => void {
    if (this.#moving === undefined) return () => {};
    let left = room;
    let last = this.#movedTo;
    for (const [key, value] of this.#moving.from(`${last} `)) {
      if (left === 0) break;
      changes.set(key, value ?? undefined);
      last = key;
      left -= 1;
    }
    // When all are there, the journal forgets them, the oldest first: what is left of it after a crash is carried out again.
    const first = Math.min(this.#first + left, this.#firstRecent);
    for (let row = this.#first; row < first; row += 1) changes.set(keys.journalRow(row), undefined);
    return () => {
      this.#movedTo = last;
      this.#first = first;
      if (first === this.#firstRecent) this.#moving = undefined;
    };
  }
}

/** Rows of several sources in the order of their keys; of those with the same key, the first source's. */
function* merge(
  sources: readonly Iterable<readonly [string, Buffer | null]>[],
): Generator<readonly [string, Buffer | null]> {
  const cursors = sources.map((source) => source[Symbol.iterator]());
  const heads = cursors.map((cursor) => cursor.next());
  for (;;) {
    let first: readonly [string, Buffer | null] | undefined;
    for (const { done, value } of heads) if (!done && (first === undefined || value[0] < first[0])) first = value;
    if (first === undefined) return;
    yield first;
    for (const [index, head] of heads.entries()) {
      if (!head.done && head.value[0] === first[0]) heads[index] = cursors[index]?.next() ?? head;
    }
  }
}

const headBytes = 6;
const deleted = -1;

/** Rows in bytes: each as the lengths of key and value, key and value; `null` is one that was deleted. */
export function encodeRows(rows: readonly (readonly [string, Buffer | null])[]): Buffer {
  let size = 0;
  for (const [key, value] of rows) size += headBytes + Buffer.byteLength(key) + (value?.length ?? 0);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const [key, value] of rows) {
    const length = bytes.write(key, at + headBytes);
    bytes.writeUInt16LE(length, at);
    bytes.writeInt32LE(value?.length ?? deleted, at + 2);
    at += headBytes + length;
    if (value !== null) at += value.copy(bytes, at);
  }
  return bytes;
}

/** The rows that bytes say. */
export function* decodeRows(bytes: Buffer): Generator<[string, Buffer | null]> {
  for (let at = 0; at < bytes.length; ) {
    const keyEnd = at + headBytes + bytes.readUInt16LE(at);
    const length = bytes.readInt32LE(at + 2);
    const key = bytes.toString('utf8', at + headBytes, keyEnd);
    at = keyEnd + Math.max(0, length);
    yield [key, length === deleted ? null : bytes.subarray(keyEnd, at)];
  }
}
