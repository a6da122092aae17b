import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openEmbeddedStore } from '#src/store/embedded.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { CrawlRecord, LogEvent, NewEvent, Offer, Retention, Store } from '#src/store/store.js';

type Open = (t: TestContext, retention?: Retention) => Promise<Store>;

const stores: Record<string, Open> = {
  memory: async (t, retention = {}) => {
    const store = await openMemoryStore({ retention });
    t.after(() => store.close());
    return store;
  },
  embedded: async (t, retention = {}) => {
    const dir = await mkdtemp(join(tmpdir(), 'crawlcast-store-'));
    const store = await openEmbeddedStore(dir, { retention });
    t.after(async () => {
      await store.close();
      await rm(dir, { recursive: true });
    });
    return store;
  },
};

const crawl = '01CRAWL';
const host = 'http://a.test';

function event(type: string, data: unknown = {}, more: Partial<NewEvent> = {}): NewEvent {
  const time = new Date().toISOString();
  const tail = `,"source":"/crawls/${crawl}","type":${JSON.stringify(type)},"time":"${time}","data":${JSON.stringify(data)}}`;
  return { type, tail: Buffer.from(tail), ...more };
}

function items(count: number, from = 0): NewEvent[] {
  return Array.from({ length: count }, (_, index) => event('quote', { n: from + index }));
}

function offer(url: string, more: Partial<Offer> = {}): Offer {
  return { url, fingerprint: url, host, depth: 0, ...more };
}

function record(id: string, more: Partial<CrawlRecord> = {}): CrawlRecord {
  return {
    id,
    spider: 'quotes',
    definition: { name: 'quotes' },
    origin: 'local',
    start: ['http://a.test/'],
    settings: { concurrency: 16 },
    state: 'running',
    startedAt: '2026-11-22T09:54:36.123Z',
    ...more,
  };
}

function data(entry: LogEvent): unknown {
  return JSON.parse(entry.json.toString()).data;
}

function readAll(store: Store, after = 0): LogEvent[] {
  const events: LogEvent[] = [];
  for (let batch = store.log.read(after); batch.length > 0; batch = store.log.read(events.at(-1)?.offset ?? 0)) {
    events.push(...batch);
  }
  return events;
}

for (const [name, open] of Object.entries(stores)) {
  describe(`${name} store`, () => {
    it('gives events offsets from 1 and ids with its epoch', async (t) => {
      const store = await open(t);
      assert.match(store.log.epoch, /^[0-9a-f]{8}$/);
      assert.deepEqual([store.log.first, store.log.last], [1, 0]);
      const { events } = await store.commit({ crawl, events: [event('quote', { n: 1 }), event('page')] });
      assert.deepEqual(
        events.map(({ offset, type, crawl: from }) => [offset, type, from]),
        [
          [1, 'quote', crawl],
          [2, 'page', crawl],
        ],
      );
      const written = JSON.parse(events[0]?.json.toString() ?? '');
      assert.equal(written.id, `${store.log.epoch}-1`);
      assert.equal(written.specversion, '1.0');
      assert.deepEqual(written.data, { n: 1 });
      assert.deepEqual([store.log.first, store.log.last], [1, 2]);
    });

    it('carries out steps in the order of the calls', async (t) => {
      const store = await open(t);
      const done = await Promise.all(
        Array.from({ length: 3000 }, (_, n) => store.commit({ crawl, events: [event('quote', { n })] })),
      );
      assert.deepEqual(
        done.map(({ events }) => events[0]?.offset),
        Array.from({ length: 3000 }, (_, n) => n + 1),
      );
      assert.deepEqual(
        readAll(store).map((entry) => data(entry)),
        Array.from({ length: 3000 }, (_, n) => ({ n })),
      );
    });

    it('reads from any offset with any limit', async (t) => {
      const store = await open(t);
      await store.commit({ crawl, events: items(700) });
      for (const after of [0, 1, 255, 256, 257, 511, 600, 699]) {
        for (const limit of [1, 7, 256]) {
          const batch = store.log.read(after, limit);
          assert.equal(batch[0]?.offset, after + 1);
          assert.ok(batch.length >= 1 && batch.length <= limit);
        }
      }
      assert.deepEqual(store.log.read(700), []);
      assert.deepEqual(store.log.read(5000), []);
    });

    it('gives the same batch to every reader at a live position', async (t) => {
      const store = await open(t);
      await store.commit({ crawl, events: items(5) });
      await store.commit({ crawl, events: items(5) });
      assert.equal(store.log.read(5), store.log.read(5));
      assert.equal(store.log.read(5).length, 5);
    });

    it('calls listeners after each append until they stop', async (t) => {
      const store = await open(t);
      const seen: number[] = [];
      const stop = store.log.onAppend(() => seen.push(store.log.last));
      await store.commit({ crawl, events: items(2) });
      await store.commit({ crawl, events: items(1) });
      stop();
      await store.commit({ crawl, events: items(1) });
      assert.deepEqual(seen, [2, 3]);
    });

    it('finds the offset behind which everything is later than a time', async (t) => {
      const store = await open(t);
      await store.commit({ crawl, events: items(600) });
      const between = Date.now();
      while (Date.now() <= between) await new Promise((resolve) => setImmediate(resolve));
      await store.commit({ crawl, events: items(10) });
      assert.equal(store.log.offsetAt(0), 0);
      assert.equal(store.log.offsetAt(between), 600);
      assert.equal(store.log.offsetAt(Date.now() + 1000), 610);
    });

    it('keeps crawls in the order in which they were made, with their newest record', async (t) => {
      const store = await open(t);
      await store.commit({ crawl: 'b', record: record('b') });
      await store.commit({ crawl: 'a', record: record('a') });
      await store.commit({ crawl: 'b', record: record('b', { state: 'paused' }) });
      assert.deepEqual(
        store.crawls().map(({ id, state }) => [id, state]),
        [
          ['b', 'paused'],
          ['a', 'running'],
        ],
      );
      assert.equal(store.crawl('none'), undefined);
      assert.equal(store.progress('none'), undefined);
    });

    it('counts what each step wrote', async (t) => {
      const store = await open(t);
      await store.commit({ crawl: 'other', events: [event('crawl.started')] });
      const types = ['crawl.started', 'quote', 'quote', 'author', 'page', 'page.failed', 'page.skipped'];
      await store.commit({ crawl, events: types.map((type) => event(type)), bytes: 100 });
      await store.commit({ crawl, bytes: 11, offers: [offer('/1'), offer('/2'), offer('/1')] });
      assert.deepEqual(store.progress(crawl), {
        counts: { 'crawl.started': 1, quote: 2, author: 1, page: 1, 'page.failed': 1, 'page.skipped': 1 },
        stats: { pages: 1, items: 3, failed: 1, skipped: 1, duplicates: 1, bytes: 111, queued: 2, inFlight: 0 },
        firstOffset: 2,
        lastOffset: 8,
      });
    });

    it('queues a fingerprint once, and counts the others as duplicates', async (t) => {
      const store = await open(t);
      assert.equal((await store.commit({ crawl, offers: [offer('/1'), offer('/2')] })).queued, 2);
      assert.equal((await store.commit({ crawl, offers: [offer('/2'), offer('/3')] })).queued, 1);
      const frontier = store.openFrontier(crawl);
      const first = frontier.take(host);
      assert.ok(first);
      await store.commit({ crawl, lease: first, release: true, offers: [offer('/1')] });
      assert.equal(store.progress(crawl)?.stats.duplicates, 2);
      assert.equal(frontier.queued, 2);
    });

    it('takes by priority, then depth, then first come', async (t) => {
      const store = await open(t);
      await store.commit({
        crawl,
        offers: [
          offer('/deep', { depth: 2 }),
          offer('/b', { depth: 1 }),
          offer('/c', { depth: 1 }),
          offer('/low', { priority: -1 }),
          offer('/high', { depth: 9, priority: 10 }),
          offer('/higher', { depth: 9, priority: 10.5 }),
        ],
      });
      const frontier = store.openFrontier(crawl);
      const taken = Array.from({ length: 7 }, () => frontier.take(host)?.url);
      assert.deepEqual(taken, ['/higher', '/high', '/b', '/c', '/deep', '/low', undefined]);
    });
  });
}
