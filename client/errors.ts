/** What can go wrong between a client and the service. */
import type { CloudEvent, EventCounts, EventData } from '#src/events.js';

/** What is known of an error besides its code. */
export interface ErrorFacts {
  /** Of the HTTP answer, where there was one. */
  readonly status?: number;
  /** Whether trying again may heal it. Streams do so by themselves; calls leave it to the caller. Default false. */
  readonly retryable?: boolean;
  /** The least time before the next attempt; 0: at once. */
  readonly waitMs?: number;
  readonly cause?: unknown;
}

/** The error of every call and stream of the client: a stable code, and a detail that says what to change. */
export class CrawlcastClientError extends Error {
  override readonly name: string = 'CrawlcastClientError';
  readonly status?: number;
  readonly retryable: boolean;
  readonly waitMs?: number;

  /**
   * @param code the service's own where it gave one (`query.invalid`, `auth.missing`), `http.NNN` where it did not, or
   * one of the client's: `connect.failed`, `connect.lost`, `response.invalid`, `websocket.missing`, `websocket.NNNN`, `url.invalid`;
   * `auth.wrong` also without the service, where a token cannot be sent
   */
  constructor(
    readonly code: string,
    readonly detail: string,
    { status, retryable = false, waitMs, cause }: ErrorFacts = {},
  ) {
    super(`${code}: ${detail}`, cause === undefined ? undefined : { cause });
    this.retryable = retryable;
    if (status !== undefined) this.status = status;
    if (waitMs !== undefined) this.waitMs = waitMs;
  }
}

/** A crawl has ended, and what was seen of it is not what its last event says that it wrote. */
export class MissedEventsError extends CrawlcastClientError {
  override readonly name = 'MissedEventsError';

  constructor(
    /** `/crawls/ID` */
    readonly source: string,
    /** How many there are, by type; of the types that were subscribed to. */
    readonly expected: EventCounts,
    readonly seen: EventCounts,
  ) {
    super('events.missed', `${source} wrote ${describe(expected)}, of which ${describe(seen)} arrived`);
  }
}

/** The stream could not go on where it left off: what was in between is no longer to be had. */
export class LogGapError extends CrawlcastClientError {
  override readonly name = 'LogGapError';
  readonly gap: EventData['log.gap'];

  constructor({ data }: CloudEvent<'log.gap', EventData['log.gap']>) {
    super(
      'log.gap',
      `asked to go on after ${data.requested}, the log goes on after ${data.resumedAfter} (${data.reason})`,
    );
    this.gap = data;
  }
}

function describe(counts: EventCounts): string {
  const parts = Object.entries(counts).map(([type, count]) => `${count} ${type}`);
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}
