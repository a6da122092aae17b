/** Several runs of marks become one, a piece at a time. */
import { copyEntry, countEntries, entryBytes, markAt, type SeenRun, segmentEntries } from './seen-run.js';

/** A place in one of the runs. */
interface Cursor {
  readonly run: SeenRun;
  segment: number;
  entries: Buffer;
  at: number;
  /** The mark there; `undefined` at the end. */
  mark: string | undefined;
}

/** A merge under way. Of a mark that several runs have, the first run's place counts. */
export class SeenMerge {
  readonly #cursors: Cursor[];

  constructor(
    readonly inputs: readonly SeenRun[],
    readonly output: SeenRun,
  ) {
    this.#cursors = inputs.map((run) => {
      const entries = run.segment(0);
      return { run, segment: 0, entries, at: 0, mark: countEntries(entries) > 0 ? markAt(entries, 0) : undefined };
    });
  }

  /** Writes whole segments until so many entries are done; true where the output is complete. */
  write(room: number, changes: Map<string, Buffer | undefined>): boolean {
    for (let done = 0; done < room; ) {
      const entries = this.#nextSegment();
      const count = countEntries(entries);
      if (count > 0) this.output.append(entries, changes);
      if (count < segmentEntries) return true;
      done += count;
    }
    return false;
  }

  #nextSegment(): Buffer {
    const entries = Buffer.allocUnsafe(segmentEntries * entryBytes);
    let count = 0;
    for (; count < segmentEntries; count += 1) {
      const first = this.#first();
      if (first?.mark === undefined) break;
      copyEntry(first.entries, first.at, entries, count);
      const { mark } = first;
      for (const cursor of this.#cursors) if (cursor.mark === mark) step(cursor);
    }
    return entries.subarray(0, count * entryBytes);
  }

  #first(): Cursor | undefined {
    let first: Cursor | undefined;
    for (const cursor of this.#cursors) {
      if (cursor.mark !== undefined && (first?.mark === undefined || cursor.mark < first.mark)) first = cursor;
    }
    return first;
  }
}

function step(cursor: Cursor): void {
  cursor.at += 1;
  if (cursor.at >= countEntries(cursor.entries)) {
    cursor.segment += 1;
    cursor.entries = cursor.run.segment(cursor.segment);
    cursor.at = 0;
  }
  // An empty segment is behind the last one.
  cursor.mark = cursor.at < countEntries(cursor.entries) ? markAt(cursor.entries, cursor.at) : undefined;
}
