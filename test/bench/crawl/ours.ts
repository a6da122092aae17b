/** Our contender: `crawlcast serve` with all that it does, its log on disk, and a subscriber that follows the crawl. */
import { strict as assert } from 'node:assert';
import { startChild } from '../support/child.js';
import { startMeter } from '../support/meter.js';
import { addPage, type Extracted, nothing, pageAt, pathOf } from '../support/quote-site.js';
import { callJson, type Service, startService } from '../support/service.js';
import type { Contender } from './contender.js';
import { spiderOf } from './spider.js';
import type { Seen } from './subscriber.js';

/** Makes the contender. The clock runs from the request to start the crawl until its last event has reached the subscriber. */
export function crawlOurs(workers: number): Contender {
  return async ({ origin, pages, warmUps, warmUpPages }) => {
    const service = await startService(workers);
    for (let done = 0; done < warmUps; done++) await warmUp(service, `${origin}${pathOf(warmUpPages, 1)}`);
    const subscriber = startChild(new URL('./subscriber.js', import.meta.url));
    try {
      await subscriber.ask(service.port);
      const [meter, beside] = [startMeter([service.pid]), startMeter([subscriber.pid])];
      const startMs = performance.now();
      await callJson(`${service.url}/crawls`, { spider: spiderOf(`${origin}${pathOf(pages, 1)}`) });
      const seen = await subscriber.ask<Seen>('finish');
      const seconds = (performance.now() - startMs) / 1_000;
      const [spent, { cpuSeconds: subscriberSeconds }] = [meter.stop(), beside.stop()];
      const extracted = await readLog(service.url);
      assert.equal(seen.items, extracted.items, 'the subscriber has seen every item of the log');
      return { ...extracted, seconds, subscriberSeconds, ...spent };
    } finally {
      await subscriber.end();
      await service.end();
    }
  };
}

/** A crawl before the clock runs, the same as what is measured, subscriber included. */
export async function warmUp({ url, port }: Service, start: string): Promise<void> {
  const subscriber = startChild(new URL('./subscriber.js', import.meta.url));
  try {
    await subscriber.ask(port);
    await callJson(`${url}/crawls`, { spider: spiderOf(start) });
    await subscriber.ask('finish');
  } finally {
    await subscriber.end();
  }
}

interface Event {
  readonly type: string;
  readonly subject: string;
  readonly data: { quote: string; author: string; tags: string[] };
}

/** What is in the log, when the clock no longer runs. */
async function readLog(url: string): Promise<Extracted> {
  const response = await fetch(`${url}/events?since=0&crawl=latest&type=quote,page`);
  const items = new Map<string, Event['data'][]>();
  let sum = nothing;
  for await (const { type, subject, data } of eventsOf(response)) {
    if (type === 'page') sum = addPage(sum, pageAt(subject), items.get(subject) ?? []);
    else items.set(subject, [...(items.get(subject) ?? []), data]);
    if (type === 'page') items.delete(subject);
  }
  return sum;
}

async function* eventsOf(response: Response): AsyncGenerator<Event> {
  let rest = '';
  if (response.body === null) return;
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('data: ')) yield JSON.parse(line.slice(6));
  }
}
