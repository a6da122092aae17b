/** Wishes that come at a bad time, and crawls that another process takes away and gives back. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { parseSpider } from '#src/crawl/spider.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { CrawlRecord, Store } from '#src/store/store.js';
import { openTableStore } from '#src/store/table-store.js';
import { startCrawler, startWeb } from './support/crawling.js';
import { FickleTables } from './support/plain-tables.js';

/** A site that holds each request until it lets go; tells of the requests as they come. */
async function startHolding() {
  let isHeld = true;
  let told = (_: ServerResponse) => {};
  const held = new Set<ServerResponse>();
  const web = await startWeb((_, response) => {
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
  const closed = once(await first, 'close');
  await give(store, id, 'other');
  // A record alone is no news in the log.
  await store.commit({ crawl: 'b', events: [{ type: 'x', tail: Buffer.from('}') }] });
  await closed;
  assert.equal(runner.snapshot(id)?.stats.inFlight, 0);
  const again = site.next();
  await give(store, id, 'self');
  await again;
  // Whoever resumes a crawl runs it.
  await runner.pause(id);
  await give(store, id, 'other');
  const resumed = site.next();
  await runner.resume(id);
  assert.equal(store.crawl(id)?.owner, 'self');
  await resumed;
  site.letGo();
  const { last } = await crawler.ended(id);
  assert.deepEqual([last?.type, told, site.web.requests.length], ['crawl.finished', [], 3]);
});
