/** What the main thread does of the threads' work, with real threads and real sockets. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { lastValueFrom, tap, toArray } from 'rxjs';
import { createFetcher } from '#src/crawl/fetcher.js';
import { MainShare } from '#src/crawl/main-share.js';
import type { Job, PageUpdate, SpiderSource } from '#src/crawl/messages.js';
import { flush, tell } from '#src/crawl/place.js';
import { createPool, type Pool } from '#src/crawl/pool.js';
import { parseSpider, type SpiderInput, sourceOf } from '#src/crawl/spider.js';
import { startCrawler, startWeb } from './support/crawling.js';
import { request } from './support/fetching.js';
import { temporaryFolder } from './support/process.js';
import { sendHtml, serveSite, type TestSite } from './support/sites.js';

const line = { each: 'p', fields: { text: 'b' } };

/** A pool, and whom it asked for what. */
interface Bench {
  readonly pool: Pool;
  readonly site: TestSite;
  /** Paths of the pages that the main thread has fetched. */
  readonly here: string[];
  /** Paths of those that it has given up. */
  readonly given: string[];
  /** How many of them it had at once, at most. */
  readonly most: () => number;
  jobFor(path: string, changes?: Partial<Job>): Job;
  /** Fetches pages all at once, and gives what was told of each. */
  read(paths: readonly string[], changes?: Partial<Job>): Promise<PageUpdate[][]>;
}

/** Starts a pool whose crawl is called `crawl`. */
async function start(
  t: TestContext,
  spider: Partial<SpiderInput> | SpiderSource = {},
  {
    size = 1,
    page = small,
    type = () => undefined,
    answer = () => false,
  }: {
    size?: number;
    page?: (path: string) => string | Buffer;
    type?: (path: string) => string | undefined;
    /** Whether it has answered in a way of its own. */
    answer?: (path: string, response: ServerResponse) => boolean;
  } = {},
): Promise<Bench> {
  const site = await serveSite(t, (path, response) => {
    if (answer(path, response)) return;
    const body = page(path);
    if (typeof body !== 'string') response.setHeader('content-encoding', 'zstd');
    sendHtml(response, body, type(path));
  });
  const fetcher = createFetcher();
  const here: string[] = [];
  const given: string[] = [];
  let [now, most] = [0, 0];
  const pool = createPool(size, {
    fetcher: {
      ...fetcher,
      async fetch(wanted, caller) {
        const path = new URL(wanted.url).pathname;
        here.push(path);
        caller.onEnd(() => given.push(path));
        most = Math.max(most, ++now);
        try {
          return await fetcher.fetch(wanted, caller);
        } finally {
          now--;
        }
      },
    },
  });
  t.after(async () => {
    await pool.close();
    await fetcher.close();
  });
  const source =
    'module' in spider
      ? (spider as SpiderSource)
      : sourceOf(parseSpider({ name: 'a', start: [site.url], items: { line }, ...spider }));
  pool.addSpider('crawl', source);
  const jobFor = (path: string, changes: Partial<Job> = {}): Job => {
    const { url, options } = request(site.url + path, { maxBytes: 10_000_000 });
    return { crawl: 'crawl', url, options, sitemap: false, begun: false, ...changes };
  };
  const readPage = (job: Job) => lastValueFrom(pool.visit(job).pipe(tap(pool.taken), toArray()));
  return {
    pool,
    site,
    here,
    given,
    most: () => most,
    jobFor,
    read: (paths, changes) => Promise.all(paths.map((path) => readPage(jobFor(path, changes)))),
  };
}

const small = (path: string) => `<p><b>${path}</b>`;
const paths = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `/${from + i}`);
const itemsOf = (updates: readonly PageUpdate[]) =>
  updates.flatMap((update) => ('items' in update ? update.items : []));
const textOf = (updates: readonly PageUpdate[]) =>
  itemsOf(updates).map(
    ({ tail }) => JSON.parse(`{${Buffer.from(tail).toString().replace(/^,/, '')}`.replace(/\n*$/, '')).data.text,
  );

test('main share › begins when sixteen pages of a crawl were small, and has eight at a time', async (t) => {
  const { read, here, most } = await start(t);
  for (const path of paths(16)) await read([path]);
  assert.deepEqual(here, []);
  const many = paths(60, 16);
  const told = await read(many);
  assert.equal(here.length, 8, 'and the others are in the thread');
  assert.equal(most(), 8);
  assert.deepEqual(
    told.map(textOf),
    many.map((path) => [path]),
  );
  await read(['/next']);
  assert.equal(here.at(-1), '/next', 'where nobody has anything to do it is first');
});

for (const [what, spider] of [
  [
    'a regular expression that goes back',
    { items: { line: { each: 'p', fields: { text: { css: 'b', strip: '(a|b)+' } } } } },
  ],
  ['code of its own', 'module'],
] as const) {
  test(`main share › has no page of a spider with ${what}`, async (t) => {
    const module = join(temporaryFolder(t), 'own.mjs');
    writeFileSync(module, 'export default { start: ["http://a.test/"], *parse() {} };');
    const { read, here } = await start(t, spider === 'module' ? { items: {}, follow: [], module } : spider);
    for (const path of paths(20)) await read([path]);
    assert.deepEqual(here, []);
  });
}

test('main share › has those of a spider whose regular expression is a mere set of characters', async (t) => {
  const { read, here } = await start(t, {
    items: { line: { each: 'p', fields: { text: { css: 'b', strip: '[“”]' } } } },
  });
  for (const path of paths(17)) await read([path]);
  assert.deepEqual(here, ['/16']);
});

test('main share › there is none where there are threads for more cores, and no sitemap is in it', async (t) => {
  const two = await start(t, {}, { size: 2 });
  for (const path of paths(20)) await two.read([path]);
  assert.deepEqual(two.here, []);
  const one = await start(t);
  for (const path of paths(20)) await one.read([path], { sitemap: true });
  assert.deepEqual(one.here, []);
});

test('main share › pauses when a page is large, until as many were small again', async (t) => {
  const page = (path: string) => small(path) + (path === '/large' ? ' '.repeat(300_000) : '');
  const { read, here } = await start(t, {}, { page });
  for (const path of paths(16)) await read([path]);
  await read(['/large']);
  assert.deepEqual(here, ['/large'], 'it could not be known before');
  for (const path of paths(17)) await read([path]);
  assert.deepEqual(here, ['/large', '/16']);
});

for (const [what, costly] of [
  ['asks too much of selectors', '<p>'.repeat(3) + '<i></i><a></a>'.repeat(2_000)],
  ['is too long', ' '.repeat(600_000)],
] as const) {
  test(`main share › a page that ${what} is asked for again, of the thread, and the next ones of its crawl as well`, async (t) => {
    const page = (path: string) => small(path) + (path.startsWith('/costly') ? `${costly}<p><b>end</b>` : '');
    const { read, here, site } = await start(t, { follow: ['a:has(~ u)'] }, { page });
    for (const path of paths(16)) await read([path]);
    const [first = []] = await read(['/costly']);
    assert.deepEqual(here, ['/costly']);
    assert.equal(first.at(-1)?.kind, 'again');
    const [second = []] = await read(['/costly'], { begun: true });
    assert.equal(second.at(-1)?.kind, 'end');
    assert.equal(site.requests.filter((path) => path === '/costly').length, 2);
    const identities = new Set(itemsOf([...first, ...second]).map(({ identity }) => identity));
    assert.equal(identities.has(undefined), false, 'what was told of it before can be told from the rest');
    assert.ok(textOf(second).includes('end'));
    for (const path of paths(20)) await read([path]);
    assert.deepEqual(here, ['/costly']);
  });
}

const many = (count: number, rule: unknown) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`field${i}`, rule]));
const item = (each: string, fields: Record<string, unknown>) =>
  ({ items: { line: { each, fields } } }) as Partial<SpiderInput>;
const linksOf = (...follow: NonNullable<SpiderInput['follow']>): Partial<SpiderInput> => ({ follow });

// Each is short, and its selectors walk little. What is made of it is not.
for (const [what, spider, costly, type] of [
  [
    'a long default in many items',
    item('i', { text: { css: 'b', default: 'x'.repeat(10_000) } }),
    '<i></i>'.repeat(2_000),
  ],
  ['many fields in many items', item('i', many(100, 'b')), '<i></i>'.repeat(4_000)],
  [
    'the markup inside of each of many',
    item('div', { text: { as: 'html' } }),
    '<div>'.repeat(400) + 'x'.repeat(10_000),
  ],
  ['one attribute in many fields', item('p', many(100, { attr: 'title' })), `<p title="${'x'.repeat(100_000)}">`],
  ['one text in many fields', item('p', many(100, {})), `<p>${'x'.repeat(100_000)}`],
  ['an expression that is long', item('p', { text: { strip: 'x'.repeat(500) } }), `<p>${'y'.repeat(300_000)}`],
  ['a long base', linksOf('a'), `<base href="/${'x'.repeat(10_000)}/">${'<a href=y></a>'.repeat(500)}`],
  [
    'many places for a value',
    linksOf({ css: 'p', url: 'http://a.test/{value}'.padEnd(300, '{value}') }),
    `<p>${'x'.repeat(200_000)}`,
  ],
  ['a class with many names', item('.none i', {}), `<div class="${'a '.repeat(50_000)}">${'<i></i>'.repeat(1_000)}`],
  [
    'a marker that is nowhere',
    { items: { line: { from: { css: 'u', after: 'x'.repeat(1_000) }, fields: {} } } },
    `<u>${'y'.repeat(300_000)}</u>`,
  ],
  ['many elements', item('none', {}), '<i></i>'.repeat(50_000)],
  ['many elements in JSON', item('none', {}), `[${'1,'.repeat(50_000)}1]`, 'application/json'],
  ['many links', linksOf('a'), '<a href=y></a>'.repeat(20_000)],
] as const) {
  test(`main share › a page with ${what} is too much`, async (t) => {
    const page = (path: string) => (path === '/costly' ? costly : small(path));
    const { read, here } = await start(t, spider, { page, type: (path) => (path === '/costly' ? type : undefined) });
    for (const path of paths(16)) await read([path]);
    const [told = []] = await read(['/costly']);
    assert.deepEqual(here, ['/costly']);
    const last = told.at(-1);
    assert.ok(last?.kind === 'again');
    assert.equal(last.head?.status, 200, 'its cookies count');
    assert.notEqual(told[0]?.latencyMs, undefined, 'its host has answered');
  });
}

/** A share that has seen enough small pages, its fetcher answering what is packed in a way of its own. */
function alone(spider: Partial<SpiderInput>) {
  const told: string[] = [];
  let resolve: (update: PageUpdate) => void = () => {};
  const heard = new Promise<PageUpdate>((heardOf) => {
    resolve = heardOf;
  });
  const fetcher = {
    ...createFetcher(),
    async fetch() {
      told.push('asked');
      const head = { status: 200, headers: { 'content-encoding': ['zstd'] }, latencyMs: 1 };
      return { head, body: { discard: () => told.push('discarded'), async *[Symbol.asyncIterator]() {} } };
    },
  };
  const share = new MainShare(fetcher, (_, updates) => resolve(updates[0]?.[1] as PageUpdate));
  share.addSpider('crawl', sourceOf(parseSpider({ name: 'a', start: ['http://a.test/'], items: {}, ...spider })));
  for (let page = 0; page < 16; page++) share.seen('crawl', 1);
  const { url, options } = request('http://a.test/');
  const job: Job = { crawl: 'crawl', url, options, sitemap: false, begun: false };
  return { share, job, told, heard };
}

test('main share › gives up the body of what is not for it', async () => {
  const { share, job, told, heard } = alone({});
  tell(share.place, { kind: 'fetch', id: 1, job });
  const update = await heard;
  assert.deepEqual(told, ['asked', 'discarded']);
  assert.ok(share.isTooMuch(update));
});

test('main share › keeps nothing of a crawl that is forgotten', () => {
  const { share, job, told } = alone({});
  assert.equal(share.takes(job), true);
  share.forgetSpider('crawl');
  assert.equal(share.takes(job), false);
  tell(share.place, { kind: 'fetch', id: 1, job });
  flush(share.place);
  assert.deepEqual(told, [], 'how its pages are read is not known any more');
});

const long = `:is(${'a,'.repeat(50)}b)`;

test('main share › which spiders it has pages of', () => {
  const stripped = (strip: string) => item('p', { text: { css: 'b', strip } });
  const types = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`type${i}`, { each: 'p', fields: {} }]));
  const spiders: readonly (readonly [takes: boolean, spider: Partial<SpiderInput>])[] = [
    [true, item('p', { text: 'b', all: ['b'], link: { attr: 'href', as: 'url' } })],
    [true, { items: types(15), follow: ['a'] }],
    [true, item('p', many(100, 'b'))],
    [false, { items: types(16), follow: ['a'] }],
    [false, item(long, {})],
    [false, item('p', { all: [long] })],
    [false, item('p', { text: { css: long } })],
    [false, linksOf({ css: long })],
    [false, { items: { line: { from: { css: long }, fields: {} } } }],
    [true, stripped('[“”]')],
    ...['a*', 'a+', 'a?', 'a{2}', '(a)', 'a|b'].map((strip) => [false, stripped(strip)] as const),
  ];
  for (const [takes, spider] of spiders) {
    const { share, job } = alone(spider);
    assert.equal(share.takes(job), takes, JSON.stringify(spider).slice(0, 100));
  }
});

test('main share › a spider that cannot be compiled costs its own pages, and nobody else', async (t) => {
  const { read, pool } = await start(t);
  pool.addSpider('broken', { items: {}, follow: ['a:none-such'] });
  const [told = []] = await read(['/0'], { crawl: 'broken' });
  const [{ kind, code } = {}, ...more] = told as Partial<PageUpdate & { kind: 'error' }>[];
  assert.deepEqual([kind, code, more], ['error', 'spider.invalid', []]);
  const [other = []] = await read(['/0']);
  assert.equal(other.at(-1)?.kind, 'end');
});

test('main share › what is packed with zstd is for the thread, which unpacks it', async (t) => {
  // One frame of one raw block.
  const packed = Buffer.concat([Buffer.from('28b52ffd0058590000', 'hex'), Buffer.from('<p><b>ok</b>')]);
  packed.writeUIntLE((12 << 3) | 1, 6, 3);
  const { read, here } = await start(t, {}, { page: (path) => (path === '/zstd' ? packed : small(path)) });
  for (const path of paths(16)) await read([path]);
  const [first = []] = await read(['/zstd']);
  assert.deepEqual(here, ['/zstd']);
  assert.equal(first.at(-1)?.kind, 'again');
  const [second = []] = await read(['/zstd']);
  assert.deepEqual(textOf(second), ['ok']);
});

test('main share › what is asked for again is asked for when its host may be, and told once', async () => {
  const delay = 100;
  const times: number[] = [];
  const links = (from: number) => `<a href="/${from + 1}"></a>${small(`/${from}`)}`;
  await using web = await startWeb((request, response) => {
    if (request.url === '/17') times.push(performance.now());
    sendHtml(response, links(Number(request.url?.slice(1))) + (request.url === '/17' ? ' '.repeat(600_000) : ''));
  });
  await using crawler = await startCrawler(undefined, { allowPrivateNetworks: true });
  const { last, items } = await crawler.crawl({
    name: 'a',
    start: [`${web.url}/0`],
    items: { line },
    follow: ['a'],
    settings: { delay, maxPages: 19, robots: false, retries: 0 },
  });
  assert.equal(last?.type, 'crawl.finished');
  assert.deepEqual(
    items,
    Array.from({ length: 19 }, (_, i) => ({ text: `/${i}` })),
  );
  const [first = 0, second = 0, ...more] = times;
  assert.deepEqual(more, []);
  // A busy machine hears of the first one late; what is asked for again at once comes within a few milliseconds.
  assert.ok(second - first > delay / 4, `${second - first} ms`);
});

test('main share › a page that nobody wants any more is let go', async (t) => {
  const { read, pool, here, given, jobFor } = await start(t);
  for (const path of paths(16)) await read([path]);
  const told: PageUpdate[] = [];
  const subscription = pool.visit(jobFor('/dropped')).subscribe((update) => told.push(update));
  subscription.unsubscribe();
  await read(['/next']);
  assert.deepEqual(told, []);
  assert.deepEqual(given, ['/dropped'], 'its request is given up');
  assert.equal(here.at(-1), '/next');
});

test('main share › what is too much for the thread as well has failed', async (t) => {
  const page = (path: string) => (path === '/costly' ? '<i></i><a></a>'.repeat(20_000) : small(path));
  const { read } = await start(t, { follow: ['a:has(~ u)'] }, { page });
  const [told = []] = await read(['/costly']);
  assert.equal(told.at(-1)?.kind, 'error');
});

test('main share › has no page of a crawl that is forgotten', async (t) => {
  const { read, pool, here, jobFor } = await start(t);
  for (const path of paths(16)) await read([path]);
  pool.forgetSpider('crawl');
  const subscription = pool.visit(jobFor('/late')).subscribe();
  t.after(() => subscription.unsubscribe());
  pool.addSpider('other', { items: {}, follow: [] });
  await read(['/0'], { crawl: 'other' });
  assert.deepEqual(here, []);
});

test('main share › a page goes on as its batches are taken care of', async (t) => {
  let sendMore = () => {};
  const parts = 12;
  const answer = (path: string, response: ServerResponse) => {
    if (path !== '/long') return false;
    let part = 0;
    response.setHeader('content-type', 'text/html');
    sendMore = () => (part < parts ? response.write(`${small(`${part++}`)}</b></p>`) : response.end());
    sendMore();
    return true;
  };
  const { read, pool, here, jobFor } = await start(t, {}, { answer });
  for (const path of paths(16)) await read([path]);
  const batches: PageUpdate[] = [];
  await new Promise<void>((complete) => {
    const next = (update: PageUpdate) => {
      if (update.kind !== 'batch') return;
      batches.push(update);
      pool.taken(update);
      // Each part comes when the one before it has been told, so that none of them travel together.
      sendMore();
    };
    pool.visit(jobFor('/long')).subscribe({ next, complete });
  });
  assert.deepEqual(here, ['/long']);
  assert.equal(batches.length, parts);
});
