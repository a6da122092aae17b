import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { reasonAt } from '#src/crawl/endings.js';
import { parseSpider } from '#src/crawl/spider.js';
import { openEmbeddedStore } from '#src/store/embedded.js';
import { openMemoryStore } from '#src/store/memory.js';
import { nextAppend, startCrawler, startWeb } from './support/crawling.js';

for (const how of ['pause', 'restart'] as const) {
  test(`endings › F5 a crawl that fails after a ${how} says what its last page that failed said`, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'crawlcast-endings-'));
    t.after(() => rm(dir, { recursive: true }));
    let isHeld = true;
    await using web = await startWeb((request, response) => {
      if (request.url === '/no') response.writeHead(403).end();
      else if (!isHeld) response.writeHead(302, { location: 'http://elsewhere.test/' }).end();
    });
    let store = await openEmbeddedStore(dir);
    let crawler = await startCrawler(store);
    t.after(async () => {
      await crawler.engine.close();
      await store.close();
    });
    const start = ['/no', '/held'].map((path) => web.url + path);
    const spider = parseSpider({ name: 'x', start, items: {} });
    const { id } = await crawler.engine.runner.start({ spider, origin: 'local' });
    while (store.progress(id)?.stats.failed !== 1) await nextAppend(store.log);
    if (how === 'pause') {
      await crawler.engine.runner.pause(id);
      isHeld = false;
      await crawler.engine.runner.resume(id);
    } else {
      await crawler.engine.close();
      await store.close();
      isHeld = false;
      store = await openEmbeddedStore(dir);
      crawler = await startCrawler(store);
      crawler.engine.runner.takeUp();
    }
    const { last } = await crawler.ended(id);
    assert.deepEqual([last?.type, last?.data.error], ['crawl.failed', 'http.403']);
    assert.equal(store.crawl(id)?.error?.code, 'http.403');
  });
}

test('endings › where the last page that failed has left the log, nobody knows why', async (t) => {
  const store = await openMemoryStore();
  t.after(() => store.close());
  assert.equal(reasonAt(store.log, 0).code, 'start.skipped');
  assert.equal(reasonAt(store.log, 7).code, 'start.skipped');
});

test('endings › of a crawl that is over neither its spider nor a secret is kept', async () => {
  await using web = await startWeb((request, response) => response.end(request.headers.authorization ?? ''));
  await using crawler = await startCrawler();
  const start = [`${web.url.replace('://', '://ann:pa55word@')}/`];
  const { id, of } = await crawler.crawl({ name: 'x', start, items: {}, settings: { headers: { 'x-key': 'k3y' } } });
  assert.equal(of('page')[0]?.data.bytes, 'Basic YW5uOnBhNTV3b3Jk'.length);
  const record = crawler.store.crawl(id);
  assert.deepEqual([record?.state, record?.definition, record?.start], ['finished', undefined, [`${web.url}/`]]);
  assert.doesNotMatch(JSON.stringify(record), /pa55word|k3y/);
});

test('endings › the last event of a cancelled crawl counts itself, and nothing is queued any more', async () => {
  await using web = await startWeb(() => {});
  await using crawler = await startCrawler();
  const start = ['/a', '/b'].map((path) => web.url + path);
  const spider = parseSpider({ name: 'x', start, items: {} });
  const { id } = await crawler.engine.runner.start({ spider, origin: 'local' });
  assert.equal(crawler.store.progress(id)?.stats.queued, 2);
  await crawler.engine.runner.cancel(id);
  const { last } = await crawler.ended(id);
  assert.deepEqual([last?.type, last?.data.stats.queued], ['crawl.cancelled', 0]);
  assert.deepEqual(last?.data.counts, { 'crawl.started': 1, 'crawl.cancelled': 1 });
});
