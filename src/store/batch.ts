/** Events in a row as the log has them: bytes, and numbers that say what lies where. */
import { frameEnd } from '../events-json.js';
import type { Batch, LogEvent } from './store.js';

/** Where events lie among bytes, one behind the other. */
export interface Layout {
  readonly bytes: Buffer;
  /** Where the first one begins. */
  readonly begin: number;
  /** Types and crawls, each once. */
  readonly names: readonly string[];
  /** For each event: the places of its type and crawl among the names, where its JSON begins, and where the event ends. */
  readonly rows: ArrayLike<number>;
  /** Whether all of that is used again for other events. Default: false. */
  readonly isLent?: boolean;
}

/** Numbers of an event in a layout. */
export const rowLength = 4;

/** Events of a layout, all or some in a row. */
export class StoredBatch implements Batch {
  /**
   * @param first offset of the first event
   * @param skipped how many events of the layout lie before it
   */
  constructor(
    readonly first: number,
    private readonly layout: Layout,
    private readonly skipped = 0,
    readonly length = layout.rows.length / rowLength,
  ) {}

  get last(): number {
    return this.first + this.length - 1;
  }

  /** The same in memory of its own. */
  kept(): StoredBatch {
    if (!this.layout.isLent) return this;
    const rows = new Int32Array(this.length * rowLength);
    this.copyRows(rows, 0, 0);
    const bytes = Buffer.from(this.frames(0, this.length));
    return new StoredBatch(this.first, { bytes, begin: 0, names: this.layout.names, rows });
  }

  get names(): readonly string[] {
    return this.layout.names;
  }

  /** Copies its rows to a place among others, for a layout in which its bytes begin elsewhere. */
  copyRows(rows: Int32Array, at: number, begin: number): void {
    const [from, moved] = [this.skipped * rowLength, begin - this.#endOf(-1)];
    for (let row = 0; row < this.length * rowLength; row += rowLength) {
      rows[at + row] = this.layout.rows[from + row] ?? 0;
      rows[at + row + 1] = this.layout.rows[from + row + 1] ?? 0;
      rows[at + row + 2] = (this.layout.rows[from + row + 2] ?? 0) + moved;
      rows[at + row + 3] = (this.layout.rows[from + row + 3] ?? 0) + moved;
    }
  }

  holds(offset: number): boolean {
    return offset >= this.first && offset <= this.last;
  }

  /** Those from one place to before another, as far as there are any. */
  slice(from: number, to: number): StoredBatch {
    const begin = Math.min(Math.max(from, 0), this.length);
    const length = Math.max(Math.min(to, this.length) - begin, 0);
    return new StoredBatch(this.first + begin, this.layout, this.skipped + begin, length);
  }

  at(index: number): LogEvent | undefined {
    const place = index < 0 ? this.length + index : index;
    return place >= 0 && place < this.length ? new StoredEvent(this, place) : undefined;
  }

  *[Symbol.iterator](): Generator<LogEvent, void, void> {
    for (let place = 0; place < this.length; place++) yield new StoredEvent(this, place);
  }

  typeAt(index: number): string {
    return this.#name(index, 0);
  }

  crawlAt(index: number): string {
    return this.#name(index, 1);
  }

  jsonAt(index: number): Buffer {
    return this.layout.bytes.subarray(this.#number(index, 2), this.#endOf(index) - frameEnd.length);
  }

  frames(from: number, to: number): Buffer {
    return this.layout.bytes.subarray(this.#endOf(from - 1), this.#endOf(to - 1));
  }

  size(from: number, to: number): number {
    return this.#endOf(to - 1) - this.#endOf(from - 1);
  }

  #endOf(index: number): number {
    return this.skipped + index < 0 ? this.layout.begin : this.#number(index, 3);
  }

  #name(index: number, column: number): string {
    return this.layout.names[this.#number(index, column)] ?? '';
  }

  #number(index: number, column: number): number {
    return this.layout.rows[(this.skipped + index) * rowLength + column] ?? 0;
  }
}

/** One event of a batch, for whoever looks at it alone. */
class StoredEvent implements LogEvent {
  readonly offset: number;
  readonly type: string;
  readonly crawl: string;

  constructor(
    private readonly batch: StoredBatch,
    private readonly place: number,
  ) {
    this.offset = batch.first + place;
    this.type = batch.typeAt(place);
    this.crawl = batch.crawlAt(place);
  }

  get json(): Buffer {
    return this.batch.jsonAt(this.place);
  }
}

/** No events. */
export const noEvents = new StoredBatch(1, { bytes: Buffer.alloc(0), begin: 0, names: [], rows: [] });

/** Turns rows as they are written into those of a layout: lengths become ends, and every place counts from the first of all bytes. */
export function layOut(rows: number[], begin: number): void {
  let at = begin;
  for (let row = 0; row < rows.length; row += rowLength) {
    const end = at + (rows[row + 3] ?? 0);
    rows[row + 2] = at + (rows[row + 2] ?? 0);
    rows[row + 3] = end;
    at = end;
  }
}

/** A name's place among others, which it joins if it is new. They are few, so that looking through them is quick. */
export function numberOf(names: string[], name: string): number {
  const known = names.indexOf(name);
  return known < 0 ? names.push(name) - 1 : known;
}
