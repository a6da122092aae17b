/** What the store knows of a crawl, and of a page under way. */
import type { CrawlStats } from '../events.js';
import { after, keys } from './keys.js';
import type { CrawlProgress, CrawlRecord, Lease } from './store.js';
import type { Row, Tables } from './tables.js';

/** A crawl in memory; a group of steps works on a copy. */
export interface CrawlEntry {
  readonly id: string;
  /** Its place among all crawls. */
  readonly order: number;
  /** Under which its frontier is filed. */
  space: string;
  record: CrawlRecord | undefined;
  counts: Record<string, number>;
  /** `queued` counts what is in the durable frontier, leased or not. */
  stats: CrawlStats;
  firstOffset: number;
  lastOffset: number;
  lastFailedOffset?: number;
}

const noStats = { pages: 0, items: 0, failed: 0, skipped: 0, duplicates: 0, bytes: 0, queued: 0, inFlight: 0 };

/** A crawl of which nothing is known yet. */
export function newCrawl(id: string, order: number, space: string): CrawlEntry {
  return {
    id,
    order,
    space,
    record: undefined,
    counts: {},
    stats: { ...noStats },
    firstOffset: 0,
    lastOffset: 0,
  };
}

/** A copy that can be changed and thrown away. */
export function copyCrawl(crawl: CrawlEntry): CrawlEntry {
  return { ...crawl, counts: { ...crawl.counts }, stats: { ...crawl.stats } };
}

/** The figures as others may see them. */
export function progressOf(crawl: CrawlEntry, leased: number): CrawlProgress {
  const { counts, stats, firstOffset, lastOffset, lastFailedOffset = 0 } = copyCrawl(crawl);
  stats.queued = Math.max(0, stats.queued - leased);
  return { counts, stats, firstOffset, lastOffset, lastFailedOffset };
}

/** A value as JSON in bytes. */
export function encodeJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** The oldest event that a document needs, from the beginning of its row; `undefined` where it needs none. */
export function neededOffset(row: Buffer): number | undefined {
  const offset = /^\{"needs":(\d+),/.exec(row.toString('latin1', 0, 32))?.[1];
  return offset === undefined ? undefined : Number(offset);
}

/** A row's JSON; the caller knows what it wrote there. */
export function decodeJson<Value>(bytes: Buffer): Value {
  return JSON.parse(bytes.toString());
}

/** All rows whose keys begin with a prefix, read piece by piece so that nobody holds the table for long. */
export function* allRows(tables: Tables, prefix: string, pieceSize = 1000): Generator<Row> {
  let start = prefix;
  // The first piece is a single row: some callers only want to know whether there are any.
  for (let size = 1; ; size = Math.min(2 * size, pieceSize)) {
    const rows = tables.range(start, after(prefix), size);
    yield* rows;
    const lastRow = rows.at(-1);
    if (lastRow === undefined || rows.length < size) return;
    start = `${lastRow[0]} `;
  }
}

/** What a page that has not ended has written so far: when it is fetched again, none of it is written twice. */
export class PageMemory {
  readonly #known = new Set<string>();
  #fresh: string[] = [];
  /** How many steps of it are on disk. */
  steps = 0;

  /** Reads what is on disk, where there may be something. */
  static load(tables: Tables, space: string, { fingerprint, begun }: Lease): PageMemory {
    const memory = new PageMemory();
    if (!begun) return memory;
    for (const [, value] of allRows(tables, keys.page(space, fingerprint))) {
      for (const mark of decodeJson<string[]>(value)) memory.#known.add(mark);
      memory.steps += 1;
    }
    return memory;
  }

  /** False where the page wrote this before. */
  remember(mark: string): boolean {
    if (this.#known.has(mark)) return false;
    this.#known.add(mark);
    this.#fresh.push(mark);
    return true;
  }

  /** What has been remembered since the last call. */
  takeFresh(): string[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }
}
