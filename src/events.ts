/** The closed vocabulary: every event type that the service writes, and its data. Item types come on top, from spiders. */

/** Where a crawl stands. */
export type CrawlState = 'running' | 'paused' | 'finished' | 'failed' | 'cancelled';

/** Running totals of a crawl; `bytes` are those of page bodies after decompression, `queued` and `inFlight` are URLs. */
export interface CrawlStats {
  pages: number;
  items: number;
  failed: number;
  skipped: number;
  duplicates: number;
  bytes: number;
  queued: number;
  inFlight: number;
}

/** A crawl as it stands: what the service answers, and its clients read. */
export interface CrawlSnapshot {
  readonly id: string;
  /** The spider's name. */
  readonly spider: string;
  readonly state: CrawlState;
  readonly start: readonly string[];
  /** RFC 3339. */
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly stats: CrawlStats;
  /** Offset of its first event; 0 before it. */
  readonly firstOffset: number;
  readonly lastOffset: number;
}

/** How many events of each type a crawl has written, its last event included. */
export type EventCounts = Record<string, number>;

/** Why a link was not followed. */
export type SkipReason =
  | 'robots'
  | 'offsite'
  | 'nofollow'
  | 'depth'
  | 'budget'
  | 'scheme'
  | 'trap'
  | 'private'
  | 'invalid'
  | 'length'
  | 'port';

/** Why a stream could not go on where its reader asked. */
export type GapReason = 'truncated' | 'epoch' | 'ahead' | 'malformed';

/** What the last event of a crawl says. */
export interface CrawlEnd {
  stats: CrawlStats;
  counts: EventCounts;
}

/** The data of each event type of the service itself. */
export interface EventData {
  'crawl.started': { spider: string; start: string[]; settings: Record<string, unknown> };
  page: {
    url: string;
    status: number;
    depth: number;
    /** Of the body, after decompression. */
    bytes: number;
    /** From the request to the end of the body. */
    ms: number;
    items: number;
    links: number;
    /** The site says that the page is as an earlier crawl found it: its items are those, written again. */
    notModified?: true;
  };
  'page.failed': { url: string; error: string; message: string; attempts: number };
  'page.skipped': { url: string; reason: SkipReason };
  'crawl.paused': { stats: CrawlStats };
  'crawl.resumed': { stats: CrawlStats };
  'crawl.finished': CrawlEnd;
  'crawl.failed': CrawlEnd & { error: string; message: string };
  'crawl.cancelled': CrawlEnd;
  'log.gap': { requested: string; resumedAfter: string; reason: GapReason };
}

/** A type of event that the service itself writes. */
export type SystemEventType = keyof EventData;

/** One event as every transport carries it: CloudEvents 1.0, structured JSON. */
export interface CloudEvent<Type extends string = string, Data = unknown> {
  specversion: '1.0';
  /** `EPOCH-OFFSET`. */
  id: string;
  source: string;
  type: Type;
  /** The page's URL, where the event is about one. */
  subject?: string;
  /** RFC 3339, UTC, milliseconds. */
  time: string;
  data: Data;
}

/** Event types after which a crawl writes no more. */
export const finalEventTypes: ReadonlySet<string> = new Set(['crawl.finished', 'crawl.failed', 'crawl.cancelled']);

const reserved = /^(page|crawl|log)(\.|$)/;

/** What a spider may call its items, as a regular expression: see {@link isItemType}. */
export const itemTypePattern = `^(?!${reserved.source.slice(1)})[A-Za-z][A-Za-z0-9_.-]{0,63}$`;
const itemType = new RegExp(itemTypePattern);

/** Whether a spider may call its items this: a short plain word that is none of the service's own types. */
export function isItemType(name: string): boolean {
  return itemType.test(name);
}

/** Whether an event of this type carries an item. */
export function isItemEvent(type: string): boolean {
  return !reserved.test(type);
}
