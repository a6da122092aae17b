import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import type { SpiderInput } from '#src/crawl/spider.js';
import { openMemoryStore } from '#src/store/memory.js';
import { type Crawled, startCrawler, startWeb, type Told } from './support/crawling.js';

/** Two pages, the second behind a link; `changes` lets them change. */
async function startChanging(headers: (path: string) => Record<string, string>) {
  const pages = new Map([
    ['/', '<p>one</p><p>two</p><p>one</p><a href=/next>x</a><a rel=nofollow href=/not>x</a>'],
    ['/next', '<p>three</p>'],
  ]);
  const asked: string[] = [];
  const web = await startWeb((request: IncomingMessage, response) => {
    const path = request.url ?? '';
    const sent = headers(path);
    const { 'if-none-match': match = '', 'if-modified-since': since = '' } = request.headers;
    asked.push(`${path} ${match}${since}`);
    const fresh = sent.etag === undefined ? sent['last-modified'] === since && since !== '' : sent.etag === match;
    if (fresh) response.writeHead(304, sent).end();
    else response.writeHead(200, { ...sent, 'content-type': 'text/html' }).end(pages.get(path));
  });
  return { web, pages, asked };
}

function spider(url: string, changes: Partial<SpiderInput> = {}): SpiderInput {
  return {
    name: 'x',
    start: [`${url}/`],
    items: { p: { each: 'p', fields: { text: {} } } },
    follow: ['a'],
    ...changes,
  };
}

const pagesOf = (crawled: Crawled) =>
  crawled.of('page').map(({ data: { status, items, links, bytes, notModified } }) => ({
    status,
    items,
    links,
    bytes,
    notModified,
  }));
const bare = ({ type, subject, data }: Told) => ({ type, subject, data });

for (const [title, headers] of [
  ['an ETag', (path: string) => ({ etag: `W/"${path}"` })],
  ['a date', () => ({ 'last-modified': 'Sun, 22 Nov 2026 10:00:00 GMT' })],
] as const) {
  test(`validators › with ${title} a fresh crawl is complete, and fetches nothing twice`, async () => {
    const { web, asked } = await startChanging(headers);
    await using _ = web;
    await using crawler = await startCrawler();
    const first = await crawler.crawl(spider(web.url));
    for (let i = 0; i < 2; i++) {
      asked.length = 0;
      const again = await crawler.crawl(spider(web.url));
      assert.deepEqual(
        again.events.filter(({ type }) => type === 'p').map(bare),
        first.events.filter(({ type }) => type === 'p').map(bare),
      );
      assert.deepEqual([...new Set(again.events.map(({ source }) => source))], [`/crawls/${again.id}`]);
      assert.deepEqual(pagesOf(again), [
        { status: 304, items: 3, links: 2, bytes: 0, notModified: true },
        { status: 304, items: 1, links: 0, bytes: 0, notModified: true },
      ]);
      assert.deepEqual(again.of('page.skipped').map(bare), first.of('page.skipped').map(bare));
      assert.equal(again.last?.data.stats.items, 4);
      assert.ok(
        asked.every((line) => !line.endsWith(' ')),
        'all were asked for on a condition',
      );
    }
  });
}

test('validators › a page that has changed is fetched', async () => {
  let version = 1;
  const { web, pages } = await startChanging((path) => ({ etag: `"${path === '/' ? version : 0}"` }));
  await using _ = web;
  await using crawler = await startCrawler();
  await crawler.crawl(spider(web.url));
  version = 2;
  pages.set('/', '<p>new</p><a href=/next>x</a>');
  const again = await crawler.crawl(spider(web.url));
  assert.deepEqual(again.items, [{ text: 'new' }, { text: 'three' }]);
  assert.deepEqual(
    again.of('page').map(({ data }) => data.status),
    [200, 304],
  );
});

for (const [title, changes] of [
  ['a spider that looks for something else', { items: { q: { each: 'p', fields: { t: {} } } } }],
  ['another spider', { name: 'y' }],
  ['a spider that follows something else', { follow: ['a:not([rel])'] }],
  ['a spider that does not want it', { settings: { conditional: false } }],
] as const) {
  test(`validators › ${title} fetches everything`, async () => {
    const { web, asked } = await startChanging((path) => ({ etag: `"${path}"` }));
    await using _ = web;
    await using crawler = await startCrawler();
    await crawler.crawl(spider(web.url));
    const plain: unknown = JSON.parse(JSON.stringify(changes));
    await crawler.crawl(spider(web.url, plain as Partial<SpiderInput>));
    assert.deepEqual(asked, ['/ ', '/next ', '/ ', '/next ']);
  });
}

test('validators › pages without them are fetched, and a 304 that nobody asked for gives nothing', async () => {
  const { web, asked } = await startChanging(() => ({}));
  await using _ = web;
  await using crawler = await startCrawler();
  for (let i = 0; i < 2; i++) assert.equal((await crawler.crawl(spider(web.url))).items.length, 4);
  assert.equal(asked.length, 4);
  await using unasked = await startWeb((_request, response) => response.writeHead(304).end());
  const whole = { p: { fields: { text: 'p' } } };
  assert.deepEqual((await crawler.crawl(spider(unasked.url, { items: whole }))).items, []);
});

test('validators › pages whose items the log has let go of are fetched', async () => {
  const { web, asked } = await startChanging((path) => ({ etag: `"${path}"` }));
  await using _ = web;
  const store = await openMemoryStore({ retention: { maxEvents: 1 } });
  {
    await using crawler = await startCrawler(store);
    await crawler.crawl(spider(web.url));
    // What has been let go of is known by what the log begins with.
    const filler = Array.from({ length: 2_000 }, (_none, i) => ({
      type: 'filler',
      tail: Buffer.from(`,"source":"/x","type":"filler","time":"2026-11-22T00:00:00.000Z","data":${i}}`),
    }));
    await store.commit({ crawl: 'filler', events: filler });
    while (store.log.first < 10) await store.commit({ crawl: 'filler', events: filler });
    const again = await crawler.crawl(spider(web.url));
    assert.deepEqual(
      pagesOf(again)
        .map(({ status }) => status)
        .filter((status) => status !== 200),
      [],
    );
    assert.deepEqual(asked, ['/ ', '/next ', '/ ', '/next ']);
  }
  await store.close();
});
