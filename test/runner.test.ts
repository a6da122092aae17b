/** Wishes that come at a bad time, and crawls that another process takes away and gives back. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { parseSpider } from '#src/crawl/spider.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { CrawlRecord, Store } from '#src/store/store.js';
import { openTableStore } from '#src/store/table-store.js';
import type { Changes } from '#src/store/tables.js';
import { startCrawler, startWeb } from './support/crawling.js';
import { FickleTables, PlainTables } from './support/plain-tables.js';

/** A site that holds each request until it lets go; tells of the requests as they come. */
async function startHolding() {
  let isHeld = true;
  let told = (_: ServerResponse) => {};
  const held = new Set<ServerResponse>();
  const web = await startWeb((_, response) => {
    // What it answers may be remembered.
    response.setHeader('etag', '"1"');
    if (!isHeld) return void response.end();
    held.add(response);
    response.on('close', () => held.delete(response));
    told(response);
  });
  return {
    web,
    next: () =>
      new Promise<ServerResponse>((resolve) => {
        told = resolve;
      }),
    letGo() {
      isHeld = false;
      for (const response of held) response.end();
    },
    spider: (paths: readonly string[] = ['/']) =>
      parseSpider({
        name: 'x',
        start: paths.map((path) => web.url + path),
        items: {},
        settings: { robots: false, autothrottle: false },
      }),
    [Symbol.asyncDispose]: () => web[Symbol.asyncDispose](),
  };
}

test('runner › of wishes that come at once each is granted or refused by what those before it came to', async () => {
  await using site = await startHolding();
  await using crawler = await startCrawler();
  const { runner } = crawler.engine;
  const asked = site.next();
  const { id } = await runner.start({ spider: site.spider(['/a', '/b']), origin: 'local' });
  await asked;
  const shown = runner.snapshot(id)?.stats;
  assert.equal((shown?.queued ?? 0) + (shown?.inFlight ?? 0), 2);
  assert.ok((shown?.inFlight ?? 0) >= 1);
  const wishes = [runner.resume(id), runner.pause(id), runner.pause(id), runner.resume(id), runner.pause(id)];
  const ends = (await Promise.allSettled(wishes)).map((end) =>
    end.status === 'fulfilled' ? end.value.state : Reflect.get(end.reason, 'code'),
  );
  assert.deepEqual(ends, ['crawl.state', 'paused', 'crawl.state', 'running', 'paused']);
  // One that comes when the first of two has been granted still waits for the second.
  const [resumed, paused] = [runner.resume(id), runner.pause(id)];
  await resumed;
  const again = runner.resume(id);
  assert.deepEqual([(await paused).state, (await again).state], ['paused', 'running']);
  await runner.pause(id);
  const { stats } = runner.snapshot(id) ?? {};
  assert.deepEqual([stats?.queued, stats?.inFlight], [2, 0]);
  assert.equal((await runner.cancel(id)).state, 'cancelled');
  for (const wish of [runner.cancel, runner.pause, runner.resume]) {
    await assert.rejects(wish(id), { code: 'crawl.state' });
    await assert.rejects(wish('none'), { code: 'crawl.unknown' });
  }
});

test('runner › a crawl goes on where the wish to pause or to cancel it could not be written', async (t) => {
  await using site = await startHolding();
  const tables = new FickleTables();
  const store = await openTableStore(tables, {});
  t.after(() => store.close());
  await using crawler = await startCrawler(store);
  const { runner } = crawler.engine;
  const first = site.next();
  const { id } = await runner.start({ spider: site.spider(), origin: 'local' });
  await first;
  for (const wish of [runner.pause, runner.cancel]) {
    const again = site.next();
    tables.fails = true;
    await assert.rejects(wish(id), { code: 'store.failed' });
    tables.fails = false;
    assert.equal(runner.snapshot(id)?.state, 'running');
    await again;
  }
  site.letGo();
  const { last } = await crawler.ended(id);
  assert.equal(last?.type, 'crawl.finished');
});

/** Another process has written whose the crawl is. */
async function give(store: Store, id: string, owner: string): Promise<void> {
  await store.commit({ crawl: id, decide: ({ record }) => ({ record: { ...(record as CrawlRecord), owner } }) });
}

test('runner › a crawl that another process has taken up is let go of, and gone on with when it comes back', async (t) => {
  await using site = await startHolding();
  const peers = { self: 'self', ask: async () => 'alive' as const, isCurrent: async () => true };
  const store = await openMemoryStore({ peers });
  t.after(() => store.close());
  const told: string[] = [];
  await using crawler = await startCrawler(store, { onError: ({ code }) => told.push(code) });
  const { runner } = crawler.engine;
  runner.takeUp();
  const first = site.next();
  const { id } = await runner.start({ spider: site.spider(), origin: 'local' });
  assert.equal(store.crawl(id)?.owner, 'self');
  // Whoever resumes a crawl runs it.
  await first;
  await runner.pause(id);
  await give(store, id, 'other');
  const resumed = site.next();
  await runner.resume(id);
  assert.equal(store.crawl(id)?.owner, 'self');
  const closed = once(await resumed, 'close');
  await give(store, id, 'other');
  // A record alone is no news in the log.
  await store.commit({ crawl: 'b', events: [{ type: 'x', tail: Buffer.from('}') }] });
  await closed;
  assert.equal(runner.snapshot(id)?.stats.inFlight, 0);
  const again = site.next();
  await give(store, id, 'self');
  await again;
  // One that has been taken when its last page is written is not ended here.
  const given = new Promise<void>((resolve) => {
    const off = store.log.onAppend(() => {
      off();
      resolve(give(store, id, 'other'));
    });
  });
  site.letGo();
  await given;
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([store.crawl(id)?.state, store.progress(id)?.stats.pages], ['running', 1]);
  await give(store, id, 'self');
  const { last } = await crawler.ended(id);
  assert.deepEqual([last?.type, told, site.web.requests.length], ['crawl.finished', [], 3]);
});

/** A crawl's rests, which end when the test says so; all other timers are left alone. */
function restsByHand(t: TestContext) {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const rests = new Map<object, () => void>();
  let told = () => {};
  t.mock.method(globalThis, 'setTimeout', (callback: () => void, ms: number) => {
    if (ms !== 2_000) return set(callback, ms);
    const timer = { unref: () => timer };
    rests.set(timer, callback);
    told();
    return timer;
  });
  t.mock.method(globalThis, 'clearTimeout', (timer: NodeJS.Timeout) => rests.delete(timer) || clear(timer));
  return {
    count: () => rests.size,
    end() {
      const callbacks = [...rests.values()];
      rests.clear();
      for (const callback of callbacks) callback();
    },
    /** Does something; resolves when a rest has begun. */
    async setBy(action: () => void): Promise<void> {
      const rest = new Promise<void>((resolve) => {
        told = resolve;
      });
      action();
      await rest;
    },
  };
}

test('runner › a crawl rests where its log cannot be written, says so each time, and asks nobody anything meanwhile', async (t) => {
  await using site = await startHolding();
  const tables = new FickleTables();
  const store = await openTableStore(tables, {});
  t.after(() => store.close());
  const told: string[] = [];
  await using crawler = await startCrawler(store, { onError: ({ code }, crawl) => told.push(`${code} ${crawl}`) });
  const { runner } = crawler.engine;
  const rests = restsByHand(t);
  const first = site.next();
  const { id } = await runner.start({ spider: site.spider(), origin: 'local' });
  const response = await first;
  tables.fails = true;
  for (const sets of [() => response.end(), rests.end]) {
    await rests.setBy(sets);
    const { state, stats } = runner.snapshot(id) ?? {};
    assert.deepEqual([state, stats?.queued, stats?.inFlight], ['running', 1, 0]);
  }
  assert.deepEqual([told, site.web.requests.length], [Array(2).fill(`store.failed ${id}`), 1]);

  // A wish that is not granted goes on with the crawl, whatever comes of the attempt that had begun before it.
  const again = site.next();
  rests.end();
  await assert.rejects(runner.pause(id), { code: 'store.failed' });
  const second = await again;
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([runner.snapshot(id)?.stats.inFlight, rests.count(), told.length], [1, 0, 2]);

  // One that is granted ends its rest.
  await rests.setBy(() => second.end());
  tables.fails = false;
  assert.equal((await runner.pause(id)).state, 'paused');
  assert.deepEqual([rests.count(), told.length], [0, 3]);
  // Where its last page could be written but not its end, that comes when it can.
  await runner.resume(id);
  const off = store.log.onAppend(() => {
    tables.fails = true;
  });
  await rests.setBy(site.letGo);
  off();
  tables.fails = false;
  assert.deepEqual([runner.snapshot(id)?.state, store.progress(id)?.stats.pages, told.length], ['running', 1, 4]);
  rests.end();
  const { last } = await crawler.ended(id);
  assert.deepEqual([last?.type, site.web.requests.length, told.length], ['crawl.finished', 3, 4]);
});

test('runner › nobody is told of a crawl that rests because another process has touched it, or taken it', async (t) => {
  await using site = await startHolding();
  const peers = { self: 'self', ask: async () => 'alive' as const, isCurrent: async () => true };
  const tables = new FickleTables();
  const store = await openTableStore(tables, { peers });
  t.after(() => store.close());
  const told: string[] = [];
  await using crawler = await startCrawler(store, { onError: ({ code }) => told.push(code) });
  const { runner } = crawler.engine;
  // Whoever watches the other processes rests as long as a crawl does, and between two rounds.
  const rests = restsByHand(t);
  await rests.setBy(runner.takeUp);
  const first = site.next();
  const { id } = await runner.start({ spider: site.spider(), origin: 'local' });
  const response = await first;
  // What another process writes makes the leases void in the same way.
  store.openFrontier(id);
  await rests.setBy(() => response.end());
  const second = site.next();
  await rests.setBy(rests.end);
  const again = await second;

  await give(store, id, 'other');
  tables.fails = true;
  await rests.setBy(() => again.end());
  tables.fails = false;
  await rests.setBy(rests.end);
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([runner.snapshot(id)?.stats.inFlight, site.web.requests.length, told], [0, 2, []]);
  // It is nobody's rest any more that keeps it from being taken up.
  await give(store, id, 'self');
  site.letGo();
  rests.end();
  const { last } = await crawler.ended(id);
  assert.deepEqual([last?.type, site.web.requests.length, told], ['crawl.finished', 3, []]);
});

/** Tables on which a write waits as long as the test wants. */
class SlowTables extends PlainTables {
  held: Promise<unknown> | undefined;
  onHeld = () => {};

  override async write(changes: Changes): Promise<void> {
    if (this.held !== undefined) this.onHeld();
    await this.held;
    await super.write(changes);
  }
}

test('runner › a host that has answered is asked for its next page before what it answered is on disk', async (t) => {
  const tables = new SlowTables();
  const store = await openTableStore(tables, {});
  t.after(() => store.close());
  let letGo = () => {};
  let askedForNext = () => {};
  const next = new Promise<void>((resolve) => {
    askedForNext = resolve;
  });
  await using web = await startWeb((_, response) => {
    if (web.requests.length === 2) askedForNext();
    // From now on nothing is written any more.
    tables.held ??= new Promise<void>((resolve) => {
      letGo = resolve;
    });
    response.end();
  });
  await using crawler = await startCrawler(store);
  const settings = { robots: false, autothrottle: false, concurrencyPerHost: 1 };
  const start = ['/a', '/b'].map((path) => web.url + path);
  const spider = parseSpider({ name: 'x', start, items: {}, settings });
  const { id } = await crawler.engine.runner.start({ spider, origin: 'local' });
  await next;
  assert.equal(store.progress(id)?.stats.pages, 0);
  letGo();
  const { last } = await crawler.ended(id);
  assert.equal(last?.data.stats.pages, 2);
});

test('runner › a page that failed is not to be asked for again before what came of it is on disk', async (t) => {
  const tables = new SlowTables();
  const store = await openTableStore(tables, {});
  t.after(() => store.close());
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    tables.onHeld = resolve;
  });
  await using web = await startWeb((_, response) => {
    if (web.requests.length > 1) return void response.end();
    // From now on nothing is written any more.
    tables.held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    response.writeHead(503, { 'set-cookie': 'a=1' }).end();
  });
  await using crawler = await startCrawler(store);
  const settings = { robots: false, autothrottle: false, retries: 1 };
  const spider = parseSpider({ name: 'x', start: [web.url], items: {}, settings });
  const { id } = await crawler.engine.runner.start({ spider, origin: 'local' });
  await held;
  assert.equal(crawler.engine.runner.snapshot(id)?.stats.inFlight, 1);
  letGo();
  const { last } = await crawler.ended(id);
  assert.deepEqual([last?.data.stats.pages, web.requests.length], [1, 2]);
});

test('runner › a crawl that is stopped while it skips what its budget leaves skips the rest at the next start', async (t) => {
  await using web = await startWeb((_, response) => response.end());
  const tables = new SlowTables();
  const peers = { self: 'self', ask: async () => 'alive' as const, isCurrent: async () => true };
  const store = await openTableStore(tables, { peers });
  t.after(() => store.close());
  // More than are skipped at a time.
  const start = Array.from({ length: 1_300 }, (_, n) => `${web.url}/${n}`);
  const settings = { robots: false, autothrottle: false, maxPages: 1, concurrency: 1 };
  const spider = parseSpider({ name: 'x', start, items: {}, settings });
  const rests = restsByHand(t);
  let id: string;
  {
    await using crawler = await startCrawler(store);
    const { runner, pool } = crawler.engine;
    const added = t.mock.method(pool, 'addSpider');
    const forgotten: string[] = [];
    t.mock.method(pool, 'forgetSpider', (crawl: string) => forgotten.push(crawl));
    const held = new Promise<void>((resolve) => {
      tables.onHeld = resolve;
    });
    let letGo = () => {};
    const off = store.log.onAppend(() => {
      if (store.progress(id)?.stats.pages !== 1) return;
      off();
      tables.held = new Promise<void>((resolve) => {
        letGo = resolve;
      });
    });
    ({ id } = await runner.start({ spider, origin: 'local' }));
    await rests.setBy(runner.takeUp);
    assert.equal(added.mock.callCount(), 1, 'it runs already');
    await held;
    assert.deepEqual(forgotten, [id], 'its spider is not needed to skip them');
    await rests.setBy(rests.end);
    assert.equal(added.mock.callCount(), 1, 'it is not taken up anew for as long as it is being ended');
    const closed = runner.stop();
    tables.held = undefined;
    letGo();
    await closed;
    assert.equal(rests.count(), 0);
    const { state, stats } = runner.snapshot(id) ?? {};
    assert.deepEqual([state, stats?.skipped, stats?.queued, stats?.inFlight], ['running', 1_000, 299, 0]);
    runner.takeUp();
    assert.equal(added.mock.callCount(), 1, 'nothing begins any more');
  }
  await using crawler = await startCrawler(store);
  crawler.engine.runner.takeUp();
  const { last, of } = await crawler.ended(id);
  const { stats } = last?.data ?? {};
  assert.deepEqual([last?.type, stats?.pages, stats?.skipped, stats?.queued], ['crawl.finished', 1, 1_299, 0]);
  assert.ok(of('page.skipped').every(({ data }) => data.reason === 'budget'));
  assert.equal(web.requests.length, 1);
});

test('runner › of a crawl that is over nothing is queued, whatever was when it was cancelled', async (t) => {
  await using site = await startHolding();
  const store = await openMemoryStore();
  t.after(() => store.close());
  await using crawler = await startCrawler(store);
  const first = site.next();
  const { id } = await crawler.engine.runner.start({ spider: site.spider(['/a', '/b']), origin: 'local' });
  await first;
  assert.equal([...store.openFrontier(id).hosts()].length, 1);
  const { stats } = await crawler.engine.runner.cancel(id);
  assert.deepEqual([stats.queued, stats.inFlight, [...store.openFrontier(id).hosts()]], [0, 0, []]);
});
