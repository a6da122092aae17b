/**
 * Our service, its log on disk, in a process of its own that writes to the log what it is told. Through the store, as the
 * pipeline does, but without a crawl: extraction would be the limit, not the streams.
 */
import { tuneCollector } from '#src/collector.js';
import { eventTail } from '#src/events-json.js';
import type { NewEvent } from '#src/store/store.js';
import { openLogService, recordOf } from '../../support/log-service.js';
import { takeOrders } from './child.js';
import { heldMemory } from './held-memory.js';
import { itemJson } from './items.js';
import { timeMark } from './latencies.js';

/** What it may be told; it answers where it listens, when that is done, or what it was to measure. */
export type LogOrder =
  | 'where'
  /** Its memory: see `heldMemory`. */
  | 'measure'
  /** Appends so many events, all at once, in steps as pages have them. */
  | { readonly append: number }
  /** Begins to append one marked event after the other, so many a second; 0 ends it. */
  | { readonly live: number };

/** Items of a page. */
const stepSize = 10;
/** Pages that are under way at once. */
const stepsAtOnce = 1_000;

// As the service does.
tuneCollector();
const service = await openLogService({ transport: 'uws', data: process.argv[2] ?? '' });
const { store, transport } = service;
await store.commit({ crawl: 'a', record: recordOf('a') });
let written = 0;

function newEvent(mark = ''): NewEvent {
  const data = itemJson(written++, mark);
  const tail = eventTail({ source: '/crawls/a', type: 'quote', time: new Date().toISOString(), data });
  return { type: 'quote', tail: Buffer.from(tail) };
}

async function append(count: number): Promise<void> {
  for (let left = count; left > 0; left -= stepSize * stepsAtOnce) {
    const steps = Math.ceil(Math.min(left, stepSize * stepsAtOnce) / stepSize);
    await Promise.all(
      Array.from({ length: steps }, () => {
        const events = Array.from({ length: stepSize }, () => newEvent());
        return store.commit({ crawl: 'a', events });
      }),
    );
  }
}

let live: NodeJS.Timeout | undefined;

function appendLive(perSecond: number): void {
  clearInterval(live);
  if (perSecond === 0) return;
  live = setInterval(async () => {
    await store.commit({ crawl: 'a', events: [newEvent(timeMark())] });
  }, 1_000 / perSecond);
}

takeOrders(async (order: LogOrder) => {
  if (order === 'measure') return heldMemory();
  if (order === 'where') return transport.port;
  if ('live' in order) appendLive(order.live);
  else await append(order.append);
  return transport.port;
});
