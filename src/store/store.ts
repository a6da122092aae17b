/**
 * The seam behind which events, frontier and crawl state live. One writer, many cursors.
 *
 * Everything that changes goes through {@link Store.commit}: one step is one transaction, and what it wrote is visible
 * to readers only once it is durable. A lease is not written anywhere: a URL stays in the durable frontier until the
 * step that ends its page, so that whatever was in flight when the process died is simply still queued.
 */
import type { CrawlcastError } from '../errors.js';
import type { CrawlState, CrawlStats, EventCounts } from '../events.js';

/** One event as the log keeps it. */
export interface LogEvent {
  readonly offset: number;
  readonly type: string;
  readonly crawl: string;
  /** The whole CloudEvent as UTF-8 JSON, id included; not to be changed. */
  readonly json: Buffer;
}

/** Events in a row. One is made an object only where somebody looks at it alone: most are sent on as they lie. */
export interface Batch extends Iterable<LogEvent> {
  readonly length: number;
  /** Offset of its first event. In an empty batch it means nothing, nor does `last`. */
  readonly first: number;
  /** Offset of its last event. */
  readonly last: number;
  /** The event at an index from 0; a negative one counts from the end. */
  at(index: number): LogEvent | undefined;
  typeAt(index: number): string;
  crawlAt(index: number): string;
  jsonAt(index: number): Buffer;
  /** The events from one index up to another, which is left out, as server-sent events in a row. A view, not a copy. */
  frames(from: number, to: number): Buffer;
  /** How many bytes that is. */
  size(from: number, to: number): number;
}

/** An event that is to be appended; the log gives it offset and id. */
export interface NewEvent {
  readonly type: string;
  /** The event's JSON behind its id, UTF-8: from `,"source":` to the closing brace. Made where the item was extracted. */
  readonly tail: Uint8Array;
  /**
   * What makes it the same event when its page is fetched again (content, and which of several equal ones).
   * A page that has not ended writes no identity twice, also after a restart.
   */
  readonly identity?: string;
  /** What makes it the same event within its whole crawl: written once, afterwards counted as a duplicate. */
  readonly once?: string;
}

/** A URL for the frontier. */
export interface Offer {
  readonly url: string;
  /** Of the canonical URL; a fingerprint is queued once per crawl. */
  readonly fingerprint: string;
  /** Politeness is kept per host: scheme, name and port. */
  readonly host: string;
  /** Links from a start URL, by the shortest path known; a shorter path moves a URL that is still queued. */
  readonly depth: number;
  /** Higher goes first within its host; then lower depth, then first come. Default 0. */
  readonly priority?: number;
  /** Whether it is one of the crawl's start URLs. */
  readonly start?: boolean;
  /** The redirects that led here, oldest first: each begins with its fingerprint. */
  readonly via?: readonly string[];
  /** Whether its page has been read, by a longer path: now it is read for its links alone. */
  readonly again?: boolean;
}

/** A URL taken from the frontier. In memory only: it goes back by itself when the process ends. */
export interface Lease extends Offer {
  readonly crawl: string;
  /** Whether some step of this page is already in the log, so that identities have to be looked up. Kept by the store. */
  begun: boolean;
}

/** What is known of a crawl, and changes by steps. */
export interface CrawlRecord {
  readonly id: string;
  /** The spider's name. */
  readonly spider: string;
  /** The whole spider, with its secrets: what a crawl needs to go on. Absent once it is over. */
  readonly definition?: unknown;
  /** Whether the spider came from this machine's disk or command line, or in over HTTP. */
  readonly origin: 'local' | 'http';
  readonly start: readonly string[];
  readonly state: CrawlState;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly finishedAt?: string;
  /** The process that runs it, where several share the store: only that one takes from its frontier. */
  readonly owner?: string;
  /** Why it failed, and whether somebody has been told. */
  readonly error?: { code: string; message: string; told?: boolean };
}

/** Running figures of a crawl, kept by the store from what each step wrote. */
export interface CrawlProgress {
  readonly counts: EventCounts;
  /** `inFlight` is always 0 here: leases are not durable. */
  readonly stats: CrawlStats;
  /** Offset of its first event; 0 before it. */
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Of its last `page.failed`; 0 where there was none. */
  readonly lastFailedOffset: number;
}

/** A small document of any JSON value, by collection and key: stored spiders, validators of pages. */
export interface DocumentChange {
  readonly collection: string;
  readonly key: string;
  /** `undefined` deletes. */
  readonly value: unknown;
  /** Offset of the oldest event without which it is good for nothing: when that one is no longer kept, it goes as well. */
  readonly needs?: number;
}

/** A document of any JSON value that is one crawl's own, by key: its cookies. It goes with the frontier. */
export interface OwnDocument {
  readonly key: string;
  readonly value: unknown;
}

/** One transaction. All of it is durable, or nothing of it. */
export interface Step {
  readonly crawl: string;
  /** Creates the crawl, or replaces what is known of it. */
  readonly record?: CrawlRecord;
  /** Appended in this order. */
  readonly events?: readonly NewEvent[];
  readonly offers?: readonly Offer[];
  /** Whether depth decides what is followed: a page that leads further is then read again where a shorter path to it is found. */
  readonly isBounded?: boolean;
  /** The page that events and offers come from. */
  readonly lease?: Lease;
  /** The page has ended: its URL leaves the frontier, its identities are forgotten. */
  readonly release?: boolean;
  /** Added to the crawl's `stats.bytes`. */
  readonly bytes?: number;
  /** The crawl is over: what its frontier, fingerprints and own documents take is given back (at leisure, in the background). */
  readonly dropFrontier?: boolean;
  readonly documents?: readonly DocumentChange[];
  readonly ownDocuments?: readonly OwnDocument[];
  /**
   * Decides when the step's turn has come, knowing all that was written before it: by this process or another. What it
   * returns is part of the step; what it throws refuses the step. May be asked again where another process was first.
   */
  readonly decide?: (standing: Standing) => Pick<Step, 'record' | 'events'>;
}

/** A crawl as all steps before leave it. */
export interface Standing {
  readonly record: CrawlRecord | undefined;
  readonly progress: CrawlProgress;
}

/** What a step came to. */
export interface Committed {
  /** What was written, in order, without what was there already. */
  readonly events: readonly LogEvent[];
  /** How many of the offers were new. */
  readonly queued: number;
}

/** The append-only log, for readers. */
export interface EventLog {
  /** Made with the log, 8 hex digits: ids of another log are never resumed by mistake. */
  readonly epoch: string;
  /** Offset of the oldest event that is kept; `last + 1` where none is. */
  readonly first: number;
  /** Offset of the newest durable event; 0 where there never was one. */
  readonly last: number;
  /**
   * The next events after an offset, at least one where there is one, at most `limit`. Default: as many as lie together,
   * some hundred. For all who ask for the newest it is the same batch. Starts at `first` where `after` is older than that.
   */
  read(after: number, limit?: number): Batch;
  /**
   * The same without a limit and without a copy: its bytes are good until the next read. For callers that send them on at once.
   */
  lend(after: number): Batch;
  /** The offset after which to start reading in order to see every event with a later time. */
  offsetAt(timeMs: number): number;
  /** Calls back after each append, once it is durable. Returns the function that ends it. */
  onAppend(listener: () => void): () => void;
}

/** The durable queue of one crawl, by host. Scheduling between hosts is the business of `crawl/`. */
export interface Frontier {
  /** URLs that can be taken: without those that are leased. */
  readonly queued: number;
  readonly leased: number;
  /** Hosts with at least one URL that can be taken. */
  hosts(): Iterable<string>;
  /** Takes the next URL of a host: highest priority, then lowest depth, then first come. */
  take(host: string): Lease | undefined;
  /** Gives a lease back unfinished; it becomes the next of its host. */
  putBack(lease: Lease): void;
  /** Calls back with the host of each URL that becomes available. Returns the function that ends it. */
  onAvailable(listener: (host: string) => void): () => void;
}

/** The processes that share a store. Each crawl is run by one of them, its `owner`. */
export interface Peers {
  /** This process's name among them. */
  readonly self: string;
  /** Whether a process answers: `gone` where the cluster knows of none by that name, `silent` where it does not reply. */
  ask(owner: string): Promise<'alive' | 'silent' | 'gone'>;
  /** Whether this process has taken in all that any of them had written by now; rejects where nobody can say. */
  isCurrent(): Promise<boolean>;
}

/** Log, frontier and crawl state together. */
export interface Store {
  /** Absent where no other process can use it. */
  readonly peers?: Peers | undefined;
  readonly log: EventLog;
  /**
   * Makes a step durable. Steps are carried out in the order of the calls; steps that wait together share one commit.
   * @throws CrawlcastError `store.full`, `store.failed`: nothing of the step was written, or nobody can say (a cluster
   * that does not answer); `store.fenced`: its lease is no longer valid, because the frontier has been opened again or
   * another process has changed the crawl; whatever `decide` throws
   */
  commit(step: Step): Promise<Committed>;
  /** Whether a step is on its way to be durable. */
  readonly isCommitting: boolean;
  /** Why the last commit failed, or the next one would; `undefined` where none did. */
  readonly failure?: CrawlcastError | undefined;
  /** What would keep the next step from being written, as far as can be told without one. */
  trouble(): Promise<CrawlcastError | undefined>;
  /** All crawls, oldest first. */
  crawls(): readonly CrawlRecord[];
  crawl(id: string): CrawlRecord | undefined;
  progress(id: string): CrawlProgress | undefined;
  /** The frontier of a crawl that goes on. One per crawl at a time; opening it again forgets all leases. */
  openFrontier(crawl: string): Frontier;
  document(collection: string, key: string): unknown;
  documents(collection: string): Iterable<{ key: string; value: unknown }>;
  /** Those of a crawl that is not over. */
  ownDocuments(crawl: string): Iterable<OwnDocument>;
  /** Waits for what is under way, then lets go of the disk. */
  close(): Promise<void>;
}

/** How much log is kept; absent: all of it. The oldest goes first. */
export interface Retention {
  readonly maxEvents?: number;
  readonly maxBytes?: number;
  readonly maxAgeMs?: number;
}
