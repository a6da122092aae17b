/**
 * A table in which rows with scattered keys are cheap. Written in place, each of them would change a page of its own,
 * and the more of them there are, the less two of them share one. So they go to the end of a journal first and stay in
 * memory as well; when there are many, they go to their places in the order of their keys.
 */
import { isScattered, journalNumberOf, keys } from './keys.js';
import { SortedMap } from './sorted.js';
import { allRows, decodeJson, encodeJson, rowsBetween } from './state.js';
import type { Changes, Row, Tables } from './tables.js';

/** Rows in memory before they begin to go to their places. */
const maxRecent = 32_768;

/**
 * Rows that go to their places for each that is new: more than one, or moving would fall behind; not many more, so that
 * those who write pay for what they write, and nobody for those before.
 */
const movedPerNew = 1.25;

/** Rows that go to their places together: the fewer they are, the more often the pages above them are written. */
const movedAtOnce = 512;

/** Rows of the journal that are forgotten with one transaction, which adds a single one. */
const forgottenAtOnce = 16;

/** Rows that are read from the disk at once. */
const maxPiece = 1_000;

/** Rows by key, their bytes as a string of as many characters, which takes half the memory; `null` where one was deleted. */
type Rows = SortedMap<string | null>;

/** How far rows have gone to their places, for whoever goes on after a restart. */
interface Progress {
  /** The first row of the journal that is not on its way. */
  readonly firstRecent: number;
  /** The last key that is in its place. */
  readonly movedTo: string;
}

const nothingMoved: Progress = { firstRecent: 0, movedTo: '' };

/** Goes on with the journal that the table holds. Its `write` must be called by one at a time. */
export class JournaledTables implements Tables {
  #recent: Rows = new SortedMap();
  /** On their way to their places, in the order of their keys: those up to `#movedTo` are there. */
  #moving: Rows | undefined;
  #movedTo = '';
  /** How many should have gone on by now. */
  #due = 0;
  #allMoved = false;
  /** The journal's rows: those of what is moving come before those of what is recent. */
  #first = 0;
  #firstRecent = 0;
  #next = 0;

  constructor(private readonly tables: Tables) {
    const progress = tables.get(keys.journalProgress);
    const { firstRecent, movedTo }: Progress = progress ? decodeJson(progress) : nothingMoved;
    for (const [key, row] of allRows(tables, keys.journalRows)) {
      const number = journalNumberOf(key);
      if (this.#next === 0) this.#first = number;
      this.#next = number + 1;
      if (number >= firstRecent) keep(this.#recent, decodeRows(row));
      else {
        this.#moving ??= new SortedMap();
        keep(this.#moving, decodeRows(row));
      }
    }
    this.#movedTo = movedTo;
    this.#firstRecent = Math.max(firstRecent, this.#first);
  }

  get(key: string): Buffer | undefined {
    if (!isScattered(key)) return this.tables.get(key);
    let row = this.#recent.get(key);
    if (row === undefined) row = this.#moving?.get(key);
    if (row === undefined) return this.tables.get(key);
    return row === null ? undefined : bytesOf(row);
  }

  range(from: string, to: string, limit: number): Row[] {
    if (!isScattered(from)) return this.tables.range(from, to, limit);
    const sources: Iterable<readonly [string, string | Buffer | null]>[] = [
      this.#recent.from(from),
      this.#moving?.from(from) ?? [],
      rowsBetween(this.tables, from, to, Math.min(limit, maxPiece)),
    ];
    const rows: Row[] = [];
    for (const [key, value] of merge(sources)) {
      if (key >= to || rows.length >= limit) break;
      if (value !== null) rows.push([key, typeof value === 'string' ? bytesOf(value) : value]);
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
    this.#due += scattered.length * movedPerNew;
    const moved = this.#allMoved ? this.#forget(direct) : this.#move(direct);
    await this.tables.write(direct);
    moved();
    keep(this.#recent, scattered);
    if (scattered.length > 0) this.#next += 1;
    if (this.#moving === undefined && this.#recent.size >= maxRecent) this.#startMoving();
  }

  close(): Promise<void> {
    return this.tables.close();
  }

  #startMoving(): void {
    this.#moving = this.#recent;
    this.#movedTo = '';
    this.#due = 0;
    this.#firstRecent = this.#next;
    this.#recent = new SortedMap();
  }

  /** Moves some rows to their places, when enough are due; what it returns is to be called once that is durable. */
  #move(changes: Map<string, Buffer | undefined>): () => void {
    const room = Math.ceil(this.#due);
    if (this.#moving === undefined || room < movedAtOnce) return () => {};
    let left = room;
    let last = this.#movedTo;
    for (const [key, value] of this.#moving.from(`${last} `)) {
      if (left === 0) break;
      changes.set(key, value === null ? undefined : bytesOf(value));
      last = key;
      left -= 1;
    }
    const progress: Progress = { firstRecent: this.#firstRecent, movedTo: last };
    changes.set(keys.journalProgress, encodeJson(progress));
    return () => {
      this.#movedTo = last;
      this.#due = 0;
      this.#allMoved = left > 0;
    };
  }

  /** When all are there, the journal forgets them, the oldest first: what is left of it after a crash says what was written last. */
  #forget(changes: Map<string, Buffer | undefined>): () => void {
    const first = Math.min(this.#first + forgottenAtOnce, this.#firstRecent);
    for (let row = this.#first; row < first; row += 1) changes.set(keys.journalRow(row), undefined);
    if (first === this.#firstRecent) changes.set(keys.journalProgress, undefined);
    return () => {
      this.#first = first;
      if (first < this.#firstRecent) return;
      this.#moving = undefined;
      this.#allMoved = false;
    };
  }
}

function keep(into: Rows, rows: Iterable<readonly [string, Buffer | null]>): void {
  for (const [key, value] of rows) into.set(key, value === null ? null : value.toString('latin1'));
}

function bytesOf(row: string): Buffer {
  return Buffer.from(row, 'latin1');
}

/** Rows of several sources in the order of their keys; of those with the same key, the first source's. */
function* merge<Value>(sources: readonly Iterable<readonly [string, Value]>[]): Generator<readonly [string, Value]> {
  const cursors = sources.map((source) => source[Symbol.iterator]());
  const heads = cursors.map((cursor) => cursor.next());
  for (;;) {
    let first: readonly [string, Value] | undefined;
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
