/** A service whose log the test writes itself: no crawl runs, there are only events and those who read them. */
import type { TestContext } from 'node:test';
import type { Config } from '#src/config.js';
import { eventTail } from '#src/events-json.js';
import { type RunningService, startService } from '#src/service.js';
import { openEmbeddedStore } from '#src/store/embedded.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { CrawlRecord, NewEvent, Peers, Retention, Store } from '#src/store/store.js';
import { usualConfig } from './service.js';

/** How the service under test is run. */
export interface LogServiceOptions {
  readonly transport?: Config['transport'];
  /** Default: in memory. */
  readonly data?: string;
  readonly retention?: Retention;
  readonly corsOrigin?: readonly string[];
  readonly onError?: (error: unknown) => void;
  /** Others who are said to use the same store, which is in memory. */
  readonly peers?: Peers;
}

export const transports = ['uws', 'ws'] as const;

/** Opens a store and serves it on a free port; who starts it closes it. */
export async function openLogService(options: LogServiceOptions = {}): Promise<RunningService> {
  const { transport = 'auto', data, retention = {}, corsOrigin = [], onError, peers } = options;
  const shared = { retention, ...(peers && { peers }) };
  const store = await (data === undefined ? openMemoryStore(shared) : openEmbeddedStore(data, { retention }));
  const config = { ...usualConfig, data: data ?? '', transport, corsOrigin, allowPrivateNetworks: true, retention };
  return startService(config, store, onError === undefined ? {} : { onError });
}

/** The same, closed with the test. */
export async function startLogService(test: TestContext, options: LogServiceOptions = {}): Promise<RunningService> {
  const service = await openLogService(options);
  test.after(() => service.close());
  return service;
}

/** What the item of a number says. */
export function itemOf(n: number): { n: number; parity: string; tags: string[]; text: string } {
  return { n, parity: n % 2 === 0 ? 'even' : 'odd', tags: [`m${n % 3}`, `m${n % 5}`], text: 'x'.repeat(80) };
}

/** An event with some data, as a crawl would write it. */
export function eventOf(crawl: string, type: string, data: unknown, time = new Date().toISOString()): NewEvent {
  const source = `/crawls/${crawl}`;
  return { type, tail: Buffer.from(eventTail({ source, type, time, data: JSON.stringify(data) })) };
}

/** Appends items with these numbers as one step. */
export async function appendItems(store: Store, crawl: string, from: number, count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, i) => eventOf(crawl, 'quote', itemOf(from + i)));
  await store.commit({ crawl, events });
}

/** A crawl of the built-in spider, as the runner would have recorded it; a paused one is left alone at the start. */
export function recordOf(id: string, state: CrawlRecord['state'] = 'paused'): CrawlRecord {
  return {
    id,
    spider: 'quotes',
    definition: {},
    origin: 'local',
    start: [],
    state,
    startedAt: '2026-01-01T00:00:00.000Z',
  };
}

/** Lets the store do all that it had put off: what retention no longer keeps is gone afterwards. */
export async function tidy(store: Store): Promise<void> {
  for (let first = -1; first !== store.log.first; ) {
    first = store.log.first;
    await store.commit({ crawl: '', documents: [{ collection: 'test', key: 'tidy', value: first }] });
  }
}
