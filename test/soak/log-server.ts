/** A service in a process of its own, whose log is written at a rate that its parent asks for. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { eventOf, openLogService, recordOf, type transports } from '../support/log-service.js';

/** What the parent may ask. Answered with {@link Answer}, once it is done. */
export type Order = { readonly append: number; readonly perSecond?: number } | 'measure' | 'close';

/** How the service stands. */
export interface Answer {
  readonly url: string;
  readonly epoch: string;
  readonly last: number;
  /** Without the pages of the log's file, which the system keeps in memory as long as it has room. */
  readonly memoryBytes: number;
}

const [transport, data] = process.argv.slice(2);
// The parent is one of our own tests.
const service = await openLogService({ transport: transport as (typeof transports)[number], data: data ?? '' });
const { store, url } = service;
await store.commit({ crawl: 'a', record: recordOf('a') });

async function append(count: number, perSecond: number): Promise<void> {
  const startedMs = performance.now();
  for (let done = 0; done < count; ) {
    const due = Math.min(count, Math.ceil(((performance.now() - startedMs) / 1_000) * perSecond));
    if (due > done) await appendLong(Math.min(due - done, 500));
    done += Math.min(due - done, 500);
    await delay(2);
  }
}

async function appendLong(count: number): Promise<void> {
  const events = Array.from({ length: count }, () => eventOf('a', 'quote', { text: 'x'.repeat(1_000) }));
  await store.commit({ crawl: 'a', events });
}

function memoryBytes(): number {
  if (process.platform !== 'linux') return process.memoryUsage.rss();
  const [, kilobytes] = /RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) * 1_024;
}

process.on('message', async (order: Order) => {
  if (order === 'close') await service.close();
  else if (order !== 'measure') await append(order.append, order.perSecond ?? 1_000);
  global.gc?.();
  const answer: Answer = { url, epoch: store.log.epoch, last: store.log.last, memoryBytes: memoryBytes() };
  process.send?.(answer);
  if (order === 'close') process.disconnect();
});
