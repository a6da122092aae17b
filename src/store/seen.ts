/**
 * All that a crawl has seen, as a log-structured merge tree: what is new is in memory and appended to the disk, and goes
 * on into sorted runs, which are merged while they are many. However many URLs there are, a new one is written to the
 * end of something; in a sorted table each would change a page of its own.
 */
import { fingerprint } from '../url.js';
import { keys } from './keys.js';
import { SeenMerge } from './seen-merge.js';
import {
  bitsOf,
  countEntries,
  encodeEntries,
  loadRuns,
  markAt,
  markLength,
  placeAt,
  type SeenEntry,
  type SeenPlace,
  SeenRun,
  segmentEntries,
} from './seen-run.js';
import { allRows } from './state.js';
import type { Changes, Tables } from './tables.js';

/** Entries that are new enough to be in memory. */
const maxFresh = 4096;

/** Runs of one level before they become one of the next. */
const runsPerLevel = 8;

const nowhere: SeenPlace = { priority: 0, depth: 0, sequence: 0 };

/** Part of the work on the runs, for one transaction. */
export interface Compaction {
  readonly changes: Changes;
  /** To be called once it is durable. */
  readonly done: () => void;
}

/** The marks of one frontier that are durable. */
export class Seen {
  readonly #fresh = new Map<string, SeenPlace>();
  /** Rows of the fresh ones: those from the first to before the next are on disk. */
  #firstRow = 0;
  #nextRow = 0;
  /** In the order in which they are searched: lower levels, then newer runs, know better. */
  #runs: SeenRun[];
  #merge: SeenMerge | undefined;
  /** Handed out, and not durable yet. */
  #planned: Compaction | undefined;

  constructor(
    private readonly tables: Tables,
    readonly space: string,
  ) {
    this.#runs = loadRuns(tables, space).sort(byAge);
    for (const [key, row] of allRows(tables, keys.freshRows(space))) {
      const number = Number.parseInt(key.slice(keys.freshRows(space).length), 36);
      if (this.#nextRow === 0) this.#firstRow = number;
      this.#nextRow = number + 1;
      for (let at = 0; at < countEntries(row); at += 1) this.#fresh.set(markAt(row, at), placeAt(row, at));
    }
  }

  find(mark: string): SeenPlace | undefined {
    const known = this.#fresh.get(mark);
    if (known !== undefined) return known;
    const bits = bitsOf(mark);
    for (const run of this.#runs) {
      const place = run.find(mark, bits);
      if (place !== undefined) return place;
    }
    return undefined;
  }

  /** The row that makes entries durable. */
  rowOf(entries: readonly SeenEntry[]): readonly [key: string, row: Buffer] {
    return [keys.freshRow(this.space, this.#nextRow), encodeEntries(entries)];
  }

  /** Learns that they are. */
  publish(entries: readonly SeenEntry[]): void {
    this.#nextRow += 1;
    for (const [mark, place] of entries) this.#fresh.set(mark, place);
  }

  /** Whether more is in memory than should be. */
  get isFull(): boolean {
    return this.#fresh.size >= maxFresh;
  }

  /**
   * What should be done next about the runs; nothing where all is well. The same again where it has not become durable.
   * @param room entries that may be looked at
   */
  compact(room: number): Compaction | undefined {
    if (this.#planned !== undefined) return this.#planned;
    const next = this.#next(room);
    if (next === undefined) return undefined;
    const done = () => {
      this.#planned = undefined;
      next.done();
    };
    this.#planned = { changes: next.changes, done };
    return this.#planned;
  }

  #next(room: number): Compaction | undefined {
    if (this.isFull) return this.#flush();
    this.#merge ??= this.#startMerge();
    return this.#merge && this.#goOn(this.#merge, room);
  }

  /** What is fresh becomes a run. */
  #flush(): Compaction {
    const changes = new Map<string, Buffer | undefined>();
    const run = new SeenRun(this.tables, this.space, this.#nextNumber(), 0);
    const entries = [...this.#fresh].sort(([a], [b]) => (a < b ? -1 : 1));
    for (let from = 0; from < entries.length; from += segmentEntries) {
      run.append(encodeEntries(entries.slice(from, from + segmentEntries)), changes);
    }
    run.complete(changes);
    const nextRow = this.#nextRow;
    for (let row = this.#firstRow; row < nextRow; row += 1) changes.set(keys.freshRow(this.space, row), undefined);
    const done = () => {
      // Others may have come since it was planned.
      for (const [mark, place] of entries) if (this.#fresh.get(mark) === place) this.#fresh.delete(mark);
      this.#firstRow = nextRow;
      this.#runs = [run, ...this.#runs].sort(byAge);
    };
    return { changes, done };
  }

  #startMerge(): SeenMerge | undefined {
    for (let level = 0; ; level += 1) {
      const runs = this.#runs.filter((run) => run.level === level);
      if (runs.length >= runsPerLevel) {
        return new SeenMerge(runs, new SeenRun(this.tables, this.space, this.#nextNumber(), level + 1));
      }
      if (!this.#runs.some((run) => run.level > level)) return undefined;
    }
  }

  #goOn(merge: SeenMerge, room: number): Compaction {
    const changes = new Map<string, Buffer | undefined>();
    const isWhole = merge.write(room, changes);
    if (!isWhole) return { changes, done: () => {} };
    const { inputs, output } = merge;
    output.complete(changes);
    for (const run of inputs) run.remove(changes);
    const done = () => {
      this.#merge = undefined;
      this.#runs = [output, ...this.#runs.filter((run) => !inputs.includes(run))].sort(byAge);
    };
    return { changes, done };
  }

  /** No number of a run that is searched or written. */
  #nextNumber(): number {
    return Math.max(-1, this.#merge?.output.number ?? -1, ...this.#runs.map(({ number }) => number)) + 1;
  }
}

function byAge(one: SeenRun, other: SeenRun): number {
  return one.level - other.level || other.number - one.number;
}

/** What a group of steps is about to add to what a frontier has seen. */
export class SeenDraft {
  readonly #entries = new Map<string, SeenPlace>();

  constructor(readonly base: Seen) {}

  get size(): number {
    return this.#entries.size;
  }

  get entries(): readonly SeenEntry[] {
    return [...this.#entries];
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
