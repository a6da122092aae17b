import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { ResponseHead } from '#src/crawl/messages.js';
import { parseSpider, type SpiderInput } from '#src/crawl/spider.js';
import { Validators } from '#src/crawl/validators.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { DocumentChange, Lease, NewEvent, Store } from '#src/store/store.js';
import { type Crawled, nextAppend, startCrawler, startWeb, type Told } from './support/crawling.js';
import { collectGarbage } from './support/garbage.js';

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

test('validators › a page that came in parts is remembered whole', async () => {
  let finish: (() => void) | undefined;
  await using web = await startWeb((request, response) => {
    if (request.headers['if-none-match'] === '"1"') return void response.writeHead(304, { etag: '"1"' }).end();
    response.writeHead(200, { etag: '"1"', 'content-type': 'text/html' }).write('<p>one</p>');
    if (finish !== undefined) response.end('<p>two</p>');
    finish ??= () => response.end('<p>two</p>');
  });
  await using crawler = await startCrawler();
  const { id } = await crawler.engine.runner.start({ spider: parseSpider(spider(web.url)), origin: 'local' });
  while (crawler.store.progress(id)?.counts.p !== 1) await nextAppend(crawler.store.log);
  finish?.();
  await crawler.ended(id);
  const again = await crawler.crawl(spider(web.url));
  assert.deepEqual(again.items, [{ text: 'one' }, { text: 'two' }]);
  assert.deepEqual(
    pagesOf(again).map(({ status }) => status),
    [304],
  );
});

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

test('validators › what was remembered of a page is let go of when the page leads elsewhere by now', async (t) => {
  const store = await openMemoryStore();
  t.after(() => store.close());
  const given: WeakRef<object>[] = [];
  const read = store.document.bind(store);
  store.document = (collection, key) => {
    const value = structuredClone(read(collection, key));
    if (typeof value === 'object' && value !== null) given.push(new WeakRef(value));
    return value;
  };
  let hasMoved = false;
  let tellReached = () => {};
  const reached = new Promise<void>((resolve) => {
    tellReached = resolve;
  });
  await using web = await startWeb((request, response) => {
    if (!hasMoved) response.writeHead(200, { etag: '"1"', 'content-type': 'text/html' }).end('<p>');
    else if (request.url !== '/last') response.writeHead(302, { location: '/last' }).end();
    else tellReached();
  });
  await using crawler = await startCrawler(store);
  const start = Array.from({ length: 10 }, (_, n) => `${web.url}/${n}`);
  await crawler.crawl(spider(web.url, { start }));
  hasMoved = true;
  const crawling = crawler.crawl(spider(web.url, { start, settings: { concurrency: 1 } }));
  await reached;
  await setImmediate();
  collectGarbage();
  assert.equal(given.length, 10);
  assert.equal(given.filter((value) => value.deref() !== undefined).length, 0);
  for (const { id, state } of store.crawls()) if (state === 'running') await crawler.engine.runner.cancel(id);
  await crawling;
});

const lease: Lease = {
  crawl: 'a',
  host: 'http://a.test',
  url: 'http://a.test/',
  fingerprint: 'f',
  depth: 1,
  begun: false,
};
const item: NewEvent = { type: 'p', tail: Buffer.from(',"type":"p","data":1}') };
const link = { url: 'http://a.test/next', nofollow: false };

interface Page {
  readonly status?: number;
  readonly headers?: ResponseHead['headers'];
  readonly items?: number;
  readonly links?: number;
  /** How many the thread has counted. */
  readonly counted?: { items?: number; links?: number };
}

function memoryOf(store: Store, changes: Partial<SpiderInput> = {}): Validators {
  return new Validators(store, 'a', parseSpider(spider('http://a.test', changes)));
}

/** Lets a page end, and gives what is to be remembered of it. */
async function endPage(store: Store, validators: Validators, page: Page = {}): Promise<DocumentChange | undefined> {
  const { status = 200, headers = { etag: ['"1"'] }, items = 1, links = 1, counted } = page;
  const committed = await store.commit({ crawl: 'a', events: Array.from({ length: items }, () => item) });
  const ended = {
    head: { status, headers, latencyMs: 1 },
    links: Array.from({ length: links }, () => link),
    itemCount: counted?.items ?? items,
    linkCount: counted?.links ?? links,
  };
  return validators.changeFor(lease, ended, committed);
}

/** A store in which a page is remembered; with headers, as they were. */
async function remembering(page: Page = {}): Promise<{ store: Store; change: DocumentChange }> {
  const store = await openMemoryStore();
  const change = await endPage(store, memoryOf(store), page);
  assert.ok(change);
  await store.commit({ crawl: 'a', documents: [change] });
  return { store, change };
}

test('validators › what cannot be told whole, or when it changes, is not remembered', async () => {
  const store = await openMemoryStore();
  const isRemembered = async (page: Page) => (await endPage(store, memoryOf(store), page)) !== undefined;
  for (const page of [
    {},
    { items: 0, links: 0 },
    { items: 10_000 },
    { links: 10_000 },
    { headers: { etag: ['x'.repeat(1_000)] } },
  ])
    assert.ok(await isRemembered(page), JSON.stringify(page));
  for (const page of [
    ...[{ items: 10_001 }, { links: 10_001 }, { counted: { items: 2 } }, { counted: { links: 2 } }, { status: 203 }],
    ...[{ headers: {} }, { headers: { etag: [''] } }, { headers: { etag: ['x'.repeat(1_001)] } }],
  ])
    assert.ok(!(await isRemembered(page)), JSON.stringify(page));
  await store.close();
});

test('validators › what is remembered goes with the items that it needs, or what was last when there are none', async () => {
  const store = await openMemoryStore();
  await store.commit({ crawl: 'a', events: [item, item] });
  assert.equal((await endPage(store, memoryOf(store), { items: 2 }))?.needs, 3);
  assert.equal((await endPage(store, memoryOf(store), { items: 0 }))?.needs, 4);
  await store.close();
});

test('validators › a page is asked for on a condition where all that it gave is known and would be given again', async () => {
  const { store, change } = await remembering({ headers: { etag: ['"1"'], 'last-modified': ['then'] } });
  const conditions = { 'if-none-match': '"1"', 'if-modified-since': 'then' };
  const ask = (changes: Partial<SpiderInput> = {}, more: Partial<Lease> = {}) =>
    memoryOf(store, changes).conditionsFor({ ...lease, ...more });
  assert.deepEqual(ask(), conditions);
  assert.equal(ask({}, { begun: true }), undefined, 'what it has begun to write, it ends in the same way');
  assert.equal(ask({}, { depth: 0 }), undefined, 'as a start URL it might be a sitemap');
  for (const settings of [{ userAgent: 'other' }, { headers: { a: 'b' } }, { cookies: { a: 'b' } }])
    assert.equal(ask({ settings }), undefined, JSON.stringify(settings));
  const beyond = { ...(change.value as object), items: [store.log.last + 1] };
  await store.commit({ crawl: 'a', documents: [{ ...change, value: beyond }] });
  assert.equal(ask(), undefined, 'its items are not there');
  await store.close();
});

test('validators › a page that is unchanged keeps what its answer does not say anew', async () => {
  for (const [headers, etag, lastModified] of [
    [{}, '"1"', 'then'],
    [{ etag: ['"2"'] }, '"2"', 'then'],
    [{ 'last-modified': ['now'] }, '"1"', 'now'],
  ] as const) {
    const { store } = await remembering({ headers: { etag: ['"1"'], 'last-modified': ['then'] } });
    const validators = memoryOf(store);
    assert.ok(validators.conditionsFor(lease));
    assert.equal(validators.yieldOf(lease)?.items.length, 1);
    const change = await endPage(store, validators, { status: 304, headers });
    const value = change?.value as Record<string, unknown>;
    assert.deepEqual([value.etag, value.lastModified], [etag, lastModified]);
    await store.close();
  }
});

test('validators › what came of an attempt that broke off is not counted with what the next one gives', async () => {
  const store = await openMemoryStore();
  const validators = memoryOf(store);
  validators.collect(lease, [link], await store.commit({ crawl: 'a', events: [item] }));
  validators.conditionsFor(lease);
  assert.deepEqual((await endPage(store, validators))?.needs, 2);
  await store.close();
});

test('validators › what code gives is not remembered: it may depend on more than the page', async () => {
  const store = await openMemoryStore();
  const written = { ...parseSpider(spider('http://a.test')), module: '/spider.js' };
  assert.equal(await endPage(store, new Validators(store, 'a', written)), undefined);
  await store.close();
});
