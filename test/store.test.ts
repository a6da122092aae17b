import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { openEmbeddedStore } from '#src/store/embedded.js';
import { openJetStreamStore } from '#src/store/jetstream.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { CrawlRecord, Frontier, Lease, LogEvent, NewEvent, Offer, Retention, Store } from '#src/store/store.js';
import { parseStoreUrl } from '#src/store-url.js';
import { fingerprint } from '#src/url.js';
import { hasNats, type NatsServer, startNats } from './support/nats.js';

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
  jetstream: async (t, retention = {}) => {
    assert.ok(nats);
    const dir = await mkdtemp(join(tmpdir(), 'crawlcast-store-'));
    streams += 1;
    const store = await openJetStreamStore(parseStoreUrl(`${nats.url}?stream=s${streams}`), dir, { retention });
    t.after(async () => {
      await store.close();
      await rm(dir, { recursive: true });
    });
    return store;
  },
};

let nats: NatsServer | undefined;
let streams = 0;
before(async () => {
  if (hasNats) nats = await startNats();
});
after(() => nats?.end());

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
  return { url, fingerprint: fingerprint(url), host, depth: 0, ...more };
}

function record(id: string, more: Partial<CrawlRecord> = {}): CrawlRecord {
  return {
    id,
    spider: 'quotes',
    definition: { name: 'quotes' },
    origin: 'local',
    start: ['http://a.test/'],
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
  const skip = name === 'jetstream' && !hasNats && 'there is no nats-server here';
  describe(`${name} store`, { skip }, () => {
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
          assert.equal(batch.first, after + 1);
          assert.ok(batch.length >= 1 && batch.length <= limit);
        }
        // Also where all behind it has just been read, and is at hand.
        assert.ok(store.log.read(after).length >= 1);
        assert.equal(store.log.read(after, 1).length, 1);
      }
      assert.deepEqual([store.log.read(700).length, store.log.read(5000).length], [0, 0]);
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
      await store.commit({ crawl, bytes: 10, offers: [offer('/1'), offer('/2'), offer('/1')] });
      await store.commit({ crawl, bytes: 1 });
      assert.deepEqual(store.progress(crawl), {
        counts: { 'crawl.started': 1, quote: 2, author: 1, page: 1, 'page.failed': 1, 'page.skipped': 1 },
        stats: { pages: 1, items: 3, failed: 1, skipped: 1, duplicates: 1, bytes: 111, queued: 2, inFlight: 0 },
        firstOffset: 2,
        lastOffset: 8,
        lastFailedOffset: 7,
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

    it('lets a lease go back and be the next of its host', async (t) => {
      const store = await open(t);
      await store.commit({ crawl, offers: [offer('/1'), offer('/2'), offer('/x', { host: 'http://x.test' })] });
      const frontier = store.openFrontier(crawl);
      const available: string[] = [];
      frontier.onAvailable((at) => available.push(at));
      assert.deepEqual([...frontier.hosts()].sort(), [host, 'http://x.test']);
      const lease = take(frontier);
      assert.equal(lease.url, '/1');
      take(frontier);
      assert.deepEqual([...frontier.hosts()], ['http://x.test']);
      assert.deepEqual([frontier.queued, frontier.leased, store.progress(crawl)?.stats.queued], [1, 2, 1]);
      frontier.putBack(lease);
      frontier.putBack(lease);
      assert.deepEqual(available, [host]);
      assert.deepEqual([frontier.queued, frontier.leased], [2, 1]);
      assert.equal(take(frontier), lease);
      await store.commit({ crawl, lease, release: true });
      frontier.putBack(lease);
      assert.deepEqual([frontier.queued, frontier.leased], [1, 1]);
      assert.equal(frontier.take(host), undefined);
    });

    it('queues what was leased again when the frontier is opened again', async (t) => {
      const store = await open(t);
      await store.commit({ crawl, offers: [offer('/1'), offer('/2'), offer('/3')] });
      const before = store.openFrontier(crawl);
      await store.commit({ crawl, lease: take(before), release: true });
      take(before);
      take(before);
      const frontier = store.openFrontier(crawl);
      assert.equal(frontier.queued, 2);
      assert.deepEqual([take(frontier).url, take(frontier).url], ['/2', '/3']);
    });

    it('has done with a page whose end becomes durable after it was put back', async (t) => {
      const store = await open(t);
      await store.commit({ crawl, offers: [offer('/1')] });
      const frontier = store.openFrontier(crawl);
      const lease = take(frontier);
      const ending = store.commit({ crawl, lease, release: true });
      frontier.putBack(lease);
      await ending;
      assert.deepEqual([frontier.queued, frontier.leased, [...frontier.hosts()]], [0, 0, []]);
      assert.equal(frontier.take(host), undefined);
    });

    it('counts every URL once when its frontier is opened while they are being written', async (t) => {
      const store = await open(t);
      for (let round = 0; round < 50; round += 1) {
        const offers = Array.from({ length: 20 }, (_, n) => offer(`/${round}-${n}`, { host: `http://h${n % 3}.test` }));
        let isWritten = false;
        const writing = store.commit({ crawl, offers }).then(() => {
          isWritten = true;
        });
        let frontier = store.openFrontier(crawl);
        for (let turn = 0; turn < round && !isWritten; turn += 1) {
          await new Promise((resolve) => setImmediate(resolve));
          frontier = store.openFrontier(crawl);
        }
        const early = frontier.take('http://h0.test');
        await writing;
        const queued = (round + 1) * 20;
        assert.deepEqual([frontier.queued + frontier.leased, store.openFrontier(crawl).queued], [queued, queued]);
        assert.equal(frontier.leased, early ? 1 : 0);
      }
    });

    it('announces a host only when its URL can be taken', async (t) => {
      const store = await open(t);
      const frontier = store.openFrontier(crawl);
      const taken: string[] = [];
      frontier.onAvailable((at) => {
        for (let lease = frontier.take(at); lease; lease = frontier.take(at)) taken.push(lease.url);
      });
      const urls = Array.from({ length: 300 }, (_, n) => `/${n}`);
      await Promise.all(urls.map((url) => store.commit({ crawl, offers: [offer(url)] })));
      assert.deepEqual(taken, urls);
    });

    it('moves a URL that still waits to a shorter path or a higher priority', async (t) => {
      const store = await open(t);
      const frontier = store.openFrontier(crawl);
      await store.commit({
        crawl,
        offers: [offer('/1', { depth: 3 }), offer('/2', { depth: 3 }), offer('/3', { depth: 3 })],
      });
      await store.commit({ crawl, offers: [offer('/2', { depth: 2 }), offer('/3', { depth: 4, priority: 1 })] });
      await store.commit({ crawl, offers: [offer('/1', { depth: 7 }), offer('/3', { depth: 1, priority: -1 })] });
      assert.deepEqual([frontier.queued, store.progress(crawl)?.stats.duplicates], [3, 4]);
      const taken = [take(frontier), take(frontier), take(frontier)];
      assert.deepEqual(
        taken.map(({ url, depth, priority }) => [url, depth, priority]),
        [
          ['/3', 1, 1],
          ['/2', 2, undefined],
          ['/1', 3, undefined],
        ],
      );
    });

    it('moves a URL of a low priority that is found without one', async (t) => {
      const store = await open(t);
      const frontier = store.openFrontier(crawl);
      await store.commit({ crawl, offers: [offer('/1', { priority: -1 }), offer('/2', { priority: -1 })] });
      await store.commit({ crawl, offers: [offer('/2')] });
      const taken = [take(frontier), take(frontier)];
      assert.deepEqual(
        taken.map(({ url, priority }) => [url, priority]),
        [
          ['/2', undefined],
          ['/1', -1],
        ],
      );
    });

    it('moves a URL that its page offers again, with a higher priority or by a shorter path, and counts no duplicate', async (t) => {
      const store = await open(t);
      const frontier = store.openFrontier(crawl);
      await store.commit({ crawl, offers: [offer('/page')] });
      const lease = take(frontier);
      await store.commit({ crawl, lease, offers: [offer('/1', { depth: 2 }), offer('/2', { depth: 2 })] });
      await store.commit({ crawl, lease, offers: [offer('/2', { depth: 1, priority: 5 })], release: true });
      assert.equal(store.progress(crawl)?.stats.duplicates, 0);
      const { url, depth, priority } = take(frontier);
      assert.deepEqual([url, depth, priority], ['/2', 1, 5]);
      assert.deepEqual([take(frontier).url, frontier.queued], ['/1', 0]);
    });

    it('reads a page again by the shortest path that is known then, and not for each longer one', async (t) => {
      const store = await open(t);
      const frontier = store.openFrontier(crawl);
      const bounded = { crawl, isBounded: true } as const;
      await store.commit({ ...bounded, offers: [offer('/page', { depth: 9 })] });
      await store.commit({ ...bounded, lease: take(frontier), offers: [offer('/on', { depth: 10 })], release: true });
      take(frontier);
      const find = (...depths: number[]) =>
        store.commit({ ...bounded, offers: depths.map((depth) => offer('/page', { depth })) });
      for (const depth of [5, 3, 8, 4]) await find(depth);
      const lease = take(frontier);
      assert.deepEqual([lease.url, lease.depth, lease.again, frontier.queued], ['/page', 3, true, 0]);
      await find(3, 7);
      assert.equal(frontier.queued, 0);
      await find(2, 1);
      assert.deepEqual([take(frontier).depth, frontier.queued], [1, 0]);
    });

    it('reads a page again to which a shorter path is found while it is under way', async (t) => {
      const store = await open(t);
      const frontier = store.openFrontier(crawl);
      const bounded = { crawl, isBounded: true } as const;
      await store.commit({ ...bounded, offers: [offer('/page', { depth: 9 })] });
      take(frontier);
      await store.commit({ ...bounded, offers: [offer('/page', { depth: 5 })] });
      const lease = take(frontier);
      assert.deepEqual([lease.url, lease.depth, lease.again], ['/page', 5, true]);
    });

    it('reads a page again whose links were all too deep, and none that has no links', async (t) => {
      const store = await open(t);
      const frontier = store.openFrontier(crawl);
      const bounded = { crawl, isBounded: true } as const;
      await store.commit({ ...bounded, offers: [offer('/deep', { depth: 9 }), offer('/leaf', { depth: 9 })] });
      const end = (events: NewEvent[]) => store.commit({ ...bounded, lease: take(frontier), events, release: true });
      await end([event('page.skipped', { reason: 'depth' }), event('page')]);
      await end([event('page')]);
      await store.commit({ ...bounded, offers: [offer('/deep', { depth: 9 }), offer('/deep', { depth: 11 })] });
      assert.equal(frontier.queued, 0);
      await store.commit({ ...bounded, offers: [offer('/deep', { depth: 5 }), offer('/leaf', { depth: 5 })] });
      assert.deepEqual([frontier.queued, take(frontier).url], [1, '/deep']);
    });

    it('crawls a URL once that is leased while a shorter path to it is being written', async (t) => {
      const store = await open(t);
      const frontier = store.openFrontier(crawl);
      await store.commit({ crawl, offers: [offer('/1', { depth: 3 })] });
      const moved = store.commit({ crawl, offers: [offer('/1', { depth: 1 })] });
      await Promise.resolve();
      const lease = take(frontier);
      await moved;
      assert.equal(frontier.take(host), undefined);
      await store.commit({ crawl, offers: [offer('/1', { depth: 0 })] });
      assert.equal(frontier.take(host), undefined);
      await store.commit({ crawl, lease, release: true });
      assert.deepEqual([frontier.queued, frontier.leased, store.progress(crawl)?.stats.queued], [0, 0, 0]);
      assert.equal(store.openFrontier(crawl).take(host), undefined);
    });

    it('serves a long queue of many hosts in order, whatever comes in between', async (t) => {
      const store = await open(t);
      const random = seeded(7);
      const frontier = store.openFrontier(crawl);
      const waiting = new Map<string, Offer[]>();
      let number = 0;
      for (let round = 0; round < 60; round += 1) {
        const offers = Array.from({ length: random(80) }, () =>
          offer(`/${number++}`, { host: `http://h${random(3)}.test`, depth: random(4), priority: random(3) - 1 }),
        );
        await store.commit({ crawl, offers });
        for (const each of offers) waiting.set(each.host, [...(waiting.get(each.host) ?? []), each]);
        for (const [at, queue] of waiting) {
          queue.sort(
            (a, b) =>
              (b.priority ?? 0) - (a.priority ?? 0) ||
              a.depth - b.depth ||
              Number(a.url.slice(1)) - Number(b.url.slice(1)),
          );
          for (let count = random(20); count > 0; count -= 1) {
            const lease = frontier.take(at);
            assert.equal(lease?.url, queue.shift()?.url);
            if (lease && random(2) === 0) await store.commit({ crawl, lease, release: true });
          }
        }
      }
      assert.equal(
        frontier.queued,
        [...waiting.values()].reduce((sum, queue) => sum + queue.length, 0),
      );
    });

    it('writes no identity, offer or once-only event of a page twice when the page is fetched again', async (t) => {
      const store = await open(t);
      const first = [event('quote', 1, { identity: 'a' }), event('author', 1, { once: 'A' })];
      const second = [event('quote', 2, { identity: 'b' }), event('author', 2, { once: 'B' })];
      await store.commit({ crawl, offers: [offer('/1'), offer('/2')] });
      const lease = take(store.openFrontier(crawl));
      assert.equal(lease.begun, false);
      await store.commit({ crawl, lease, events: first, offers: [offer('/3'), offer('/2')] });
      assert.equal(lease.begun, true);
      const again = take(store.openFrontier(crawl));
      assert.deepEqual([again.url, again.begun], ['/1', true]);
      const offers = [offer('/3'), offer('/2'), offer('/4')];
      const done = await store.commit({ crawl, lease: again, release: true, events: [...first, ...second], offers });
      assert.deepEqual(done.events.map(data), [2, 2]);
      assert.equal(done.queued, 1);
      assert.deepEqual([store.progress(crawl)?.stats.duplicates, store.progress(crawl)?.stats.queued], [1, 3]);
      const other = take(store.openFrontier(crawl));
      const last = await store.commit({ crawl, lease: other, release: true, events: first });
      assert.deepEqual(last.events.map(data), [1]);
      assert.equal(store.progress(crawl)?.stats.duplicates, 2);
    });

    it('remembers a page that is put back between two of its steps', async (t) => {
      const store = await open(t);
      await store.commit({ crawl, offers: [offer('/1')] });
      const frontier = store.openFrontier(crawl);
      const lease = take(frontier);
      const events = [event('quote', 1, { identity: 'a' })];
      const [one, two] = await Promise.all([
        store.commit({ crawl, lease, events }),
        store.commit({ crawl, lease, events: [...events, event('quote', 2, { identity: 'b' })] }),
      ]);
      assert.deepEqual([one.events.length, two.events.length], [1, 1]);
      frontier.putBack(lease);
      const again = take(frontier);
      const three = await store.commit({ crawl, lease: again, release: true, events });
      assert.equal(three.events.length, 0);
    });

    it('remembers of a page what each of its steps wrote', async (t) => {
      const store = await open(t);
      await store.commit({ crawl, offers: [offer('/1')] });
      const lease = take(store.openFrontier(crawl));
      const events = ['a', 'b', 'c'].map((identity) => event('quote', identity, { identity }));
      for (const each of events.slice(0, 2)) await store.commit({ crawl, lease, events: [each] });
      const again = take(store.openFrontier(crawl));
      const done = await store.commit({ crawl, lease: again, release: true, events });
      assert.deepEqual(done.events.map(data), ['c']);
    });

    it('counts types that are called as what objects are born with', async (t) => {
      const store = await open(t);
      const event = { type: 'constructor', tail: Buffer.from(',"type":"constructor","data":1}') };
      await store.commit({ crawl, record: record(crawl), events: [event, event] });
      assert.equal(store.progress(crawl)?.counts.constructor, 2);
    });

    it('forgets a dropped frontier at once, and all that was filed with it', async (t) => {
      const store = await open(t);
      const urls = Array.from({ length: 2500 }, (_, n) => `/${n}`);
      await store.commit({ crawl, record: record(crawl), offers: urls.map((url) => offer(url)) });
      const frontier = store.openFrontier(crawl);
      const lease = take(frontier);
      frontier.putBack(take(frontier));
      await store.commit({ crawl, record: record(crawl, { state: 'cancelled' }), dropFrontier: true });
      assert.deepEqual([frontier.queued, frontier.leased, [...frontier.hosts()].length], [0, 0, 0]);
      assert.equal(store.progress(crawl)?.stats.queued, 0);
      await store.commit({ crawl, lease, release: true });
      assert.equal(store.openFrontier(crawl).queued, 0);
      assert.equal((await store.commit({ crawl, offers: [offer('/1')] })).queued, 1);
    });

    it('keeps documents by collection and key', async (t) => {
      const store = await open(t);
      const long = `http://a.test/${'ä'.repeat(3000)}`;
      const put = (collection: string, key: string, value: unknown) =>
        store.commit({ crawl: '', documents: [{ collection, key, value }] });
      await put('spiders', 'one', { a: [1] });
      await put('spiders', long, null);
      await put('spider', 's one', 'other');
      await put('spiders', 'gone', 1);
      await put('spiders', 'gone', undefined);
      assert.deepEqual(store.document('spiders', 'one'), { a: [1] });
      assert.equal(store.document('spiders', long), null);
      assert.equal(store.document('spiders', 'gone'), undefined);
      const all = [...store.documents('spiders')].sort((a, b) => (a.key < b.key ? -1 : 1));
      assert.deepEqual(all, [
        { key: long, value: null },
        { key: 'one', value: { a: [1] } },
      ]);
      assert.equal(store.progress(''), undefined);
    });

    it('keeps what is a crawl’s own until its frontier is dropped', async (t) => {
      const store = await open(t);
      const keep = (key: string, value: unknown) => store.commit({ crawl, ownDocuments: [{ key, value }] });
      await Promise.all([keep('one', 1), keep('x'.repeat(300), [2]), keep('one', { a: 3 })]);
      await store.commit({ crawl: 'other', ownDocuments: [{ key: 'one', value: 4 }] });
      const values = (id: string) => Array.from(store.ownDocuments(id), ({ key, value }) => [key, value]).sort();
      assert.deepEqual(values(crawl), [
        ['one', { a: 3 }],
        ['x'.repeat(300), [2]],
      ]);
      void keep('late', 5);
      await store.commit({ crawl, dropFrontier: true });
      assert.deepEqual([values(crawl), values('other'), values('none')], [[], [['one', 4]], []]);
    });

    it('writes nothing of a step that cannot be written, and all of its neighbours', async (t) => {
      const store = await open(t);
      const circle: Record<string, unknown> = {};
      circle.self = circle;
      const good = [store.commit({ crawl, events: items(2) })];
      const bad = store.commit({ crawl, events: items(2), record: record(crawl, { definition: circle }) });
      good.push(store.commit({ crawl, events: items(2) }));
      await assert.rejects(bad, { code: 'store.failed' });
      assert.deepEqual(
        (await Promise.all(good)).map(({ events }) => events[0]?.offset),
        [1, 3],
      );
      assert.equal(store.progress(crawl)?.stats.items, 4);
      assert.equal(store.crawl(crawl), undefined);
    });

    it('keeps as many events as it is told to, the newest', async (t) => {
      const store = await open(t, { maxEvents: 1000 });
      await store.commit({ crawl, events: items(900) });
      for (let n = 900; n < 5000; n += 100) await store.commit({ crawl, events: items(100, n) });
      await eventually(() => store.log.first === 4001);
      const kept = readAll(store);
      assert.deepEqual([kept.length, kept[0]?.offset, kept.at(-1)?.offset], [1000, 4001, 5000]);
      assert.equal(store.log.offsetAt(0), 4000);
    });

    it('keeps as many bytes as it is told to', async (t) => {
      const store = await open(t, { maxBytes: 100_000 });
      for (let n = 0; n < 3000; n += 100) await store.commit({ crawl, events: items(100, n) });
      const size = () => readAll(store).reduce((sum, { json }) => sum + json.length, 0);
      await eventually(() => size() <= 100_000);
      assert.ok(size() > 60_000);
      assert.equal(readAll(store).at(-1)?.offset, 3000);
    });

    it('lets go of events that are too old, also when nothing is appended', async (t) => {
      const store = await open(t, { maxAgeMs: 100 });
      await store.commit({ crawl, events: items(10) });
      await eventually(() => store.log.first === 11);
      assert.deepEqual([store.log.read(0).length, store.log.last], [0, 10]);
      assert.equal((await store.commit({ crawl, events: items(1) })).events[0]?.offset, 11);
    });

    it('takes no step after it has been closed, and finishes those before', async (t) => {
      const store = await open(t);
      const before = store.commit({ crawl, events: items(3) });
      await store.close();
      assert.equal((await before).events.length, 3);
      await assert.rejects(store.commit({ crawl, events: items(1) }), { code: 'service.stopping' });
    });
  });
}

function take(frontier: Frontier, at = host): Lease {
  const lease = frontier.take(at);
  assert.ok(lease);
  return lease;
}

/** Whole numbers below a bound, the same ones each time. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** For what happens in the background, soon after a step. */
async function eventually(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, 'it never came true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
