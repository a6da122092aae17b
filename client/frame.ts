/** What comes in over a connection, whichever protocol it speaks. */
import type { Observable } from 'rxjs';
import type { CloudEvent } from '#src/events.js';
import { CrawlcastClientError } from './errors.js';
import type { Gate } from './gate.js';
import type { Service } from './service.js';
import type { Request } from './subscription.js';

/** An event, or only the place where the cursor is. */
export interface Frame {
  /** `EPOCH-OFFSET` */
  readonly id: string;
  readonly event?: CloudEvent;
  /** The place where the service starts: it goes out before the service tells of a gap. */
  readonly isOpening?: boolean;
}

/**
 * Opens one connection. It completes where the service says that nothing more will come; whatever else ends it is a
 * `CrawlcastClientError`. Unsubscribing closes it.
 */
export type Open = (service: Service, request: Request, gate: Gate) => Observable<Frame>;

/** Without a sign of life for so long, a connection is given up: the service gives one every 15 s. */
export const silenceMs = 45_000;

/** A connection that broke, and may be opened again. */
export function lost(detail: string, facts: { waitMs?: number; cause?: unknown } = {}): CrawlcastClientError {
  return new CrawlcastClientError('connect.lost', detail, { retryable: true, ...facts });
}

/**
 * Reads JSON that the service wrote.
 * @throws CrawlcastClientError `response.invalid`
 */
export function parseJson(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // said below
  }
  throw new CrawlcastClientError('response.invalid', `this is not from a Crawlcast service: ${text.slice(0, 100)}`);
}

/** Whether it is an event of the service. */
export function isEvent(value: object): value is CloudEvent {
  return 'specversion' in value && 'id' in value && typeof value.id === 'string' && 'type' in value;
}
