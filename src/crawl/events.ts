/** The service's own events, ready for the log. */
import { Buffer } from 'node:buffer';
import type { EventData, SystemEventType } from '../events.js';
import { eventTail } from '../events-json.js';
import type { NewEvent } from '../store/store.js';

/** What every event of a crawl names as its source. */
export function crawlSource(crawl: string): string {
  return `/crawls/${crawl}`;
}

/** An event of the service's own vocabulary, with the present time. */
export function newEvent<Type extends SystemEventType>(
  crawl: string,
  type: Type,
  subject: string | undefined,
  data: EventData[Type],
): NewEvent {
  const time = new Date().toISOString();
  const text = eventTail({ source: crawlSource(crawl), type, subject, time, data: JSON.stringify(data) });
  return { type, tail: Buffer.from(text) };
}
