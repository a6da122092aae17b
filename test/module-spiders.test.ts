import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readSpider } from '#src/crawl/shelf.js';
import { startSite } from '#src/site/site.js';
import { type Crawled, type Crawler, startCrawler } from './support/crawling.js';
import { runService, runToEnd, temporaryFolder, transports } from './support/process.js';
import { sendHtml, serveSite, type TestSite } from './support/sites.js';

const example = fileURLToPath(new URL('../examples/authors.ts', import.meta.url));

let crawler: Crawler;
before(async () => {
  crawler = await startCrawler();
});
after(() => crawler[Symbol.asyncDispose]());

/** A module's file with this `parse`, and what else is given. */
function moduleFile(t: TestContext, parse: string, name = 'mine.ts'): string {
  const file = join(temporaryFolder(t), name);
  writeFileSync(file, parse);
  return file;
}

/** Crawls a site with a generator function that has this text. */
async function crawlWith(t: TestContext, site: TestSite, parse: string, settings = {}): Promise<Crawled> {
  const file = moduleFile(t, `export default { start: ['${site.url}/'], settings: { retries: 0 }, ${parse} };`);
  const spider = { ...(await readSpider(file)) };
  const own = { autothrottle: false, robots: false, ...settings };
  const { id } = await crawler.engine.runner.start({ spider, settings: own, origin: 'local' });
  return crawler.ended(id);
}

const page = '<base href="/dir/"><h1>Hi</h1><p class=a>1</p><p class=b>2 <i>x</i></p><a href=two rel=nofollow>t</a>';
const servePage = (t: TestContext) => serveSite(t, (_, response) => sendHtml(response, page));

test('the example is right by its types', async () => {
  const root = new URL('..', import.meta.url);
  const folder = new URL('build/module-example/', root);
  mkdirSync(folder, { recursive: true });
  const compilerOptions = { noEmit: true, composite: false, noUnusedLocals: false };
  const config = { extends: '../../tsconfig.json', compilerOptions, files: [example], references: [] };
  writeFileSync(new URL('tsconfig.json', folder), JSON.stringify(config));
  const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root));
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', fileURLToPath(folder)]);
  assert.equal(stdout, '');
});

test('the example reads the authors of the practice site, each once', async (t) => {
  const site = await startSite({ pages: 2 });
  t.after(() => site.close());
  const { code, stdout, stderr } = await runToEnd(['crawl', example, '--workers', '1'], {
    env: { SITE: `${site.url}/` },
  });
  assert.equal(code, 0, stderr);
  const authors = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.ok(authors.length > 3);
  assert.equal(new Set(authors.map(({ name }) => name)).size, authors.length);
  for (const { name, born, place, about } of authors) {
    assert.match(name, /^\p{Lu}[^\n]*$/u);
    assert.match(born, /^\d{4}-\d\d-\d\d$/);
    assert.match(place, /^\p{Lu}/u);
    assert.match(about, /\/author\//);
  }
});

test('a module sees the whole page through the selectors and fields of data spiders', async (t) => {
  const site = await servePage(t);
  const crawl = await crawlWith(
    t,
    site,
    `*parse(page: import('crawlcast').Page) {
      const [a, b] = page.select('p');
      yield { item: 'seen', data: {
        status: page.status, type: page.headers['content-type'], body: page.body.length,
        title: page.text('h1'), none: page.text('h9'), all: page.texts('p'), cls: b?.attr('class'), inner: b?.text('i'),
        own: a?.text(), number: b?.number(), html: b?.html(), links: page.links('a'), whole: page.text(),
        read: page.read({ h: 'h1', ps: ['p'], n: { css: '.a', as: 'number' } }),
      } };
    }`,
  );
  assert.deepEqual(crawl.items, [
    {
      status: 200,
      type: 'text/html; charset=utf-8',
      body: page.length,
      title: 'Hi',
      none: null,
      all: ['1', '2 x'],
      cls: 'b',
      inner: 'x',
      own: '1',
      number: 2,
      html: '2 <i>x</i>',
      links: [{ url: `${site.url}/dir/two`, nofollow: true }],
      whole: '',
      read: { h: 'Hi', ps: ['1', '2 x'], n: 1 },
    },
  ]);
});

test('links of a module are resolved, may be nothing, and go through the gate', async (t) => {
  const site = await servePage(t);
  const crawl = await crawlWith(
    t,
    site,
    `async *parse(page) {
      if (!page.url.endsWith('/')) return;
      yield { follow: [null, undefined, 'one'] };
      yield { follow: page.links('a') };
      yield { follow: 'http://elsewhere.test/', priority: 5 };
    }`,
    { robots: true },
  );
  const skipped = crawl.of('page.skipped').map(({ data }) => `${data.reason} ${data.url}`);
  assert.deepEqual(skipped.sort(), [`nofollow ${site.url}/dir/two`, 'offsite http://elsewhere.test/']);
  assert.deepEqual(
    crawl.of('page').map(({ data }) => data.url),
    [`${site.url}/`, `${site.url}/dir/one`],
  );
  assert.equal(crawl.of('page')[0]?.data.links, 3);
});

test('items of a module keep their order, equal ones stay two', async (t) => {
  const crawl = await crawlWith(
    t,
    await servePage(t),
    `*parse() { for (let i = 0; i < 1000; i++) yield { item: 'n', data: { i: i >> 1 } }; }`,
  );
  assert.deepEqual(
    crawl.items,
    Array.from({ length: 1_000 }, (_, i) => ({ i: i >> 1 })),
  );
  assert.equal(crawl.of('page')[0]?.data.items, 1_000);
});

const wrong: readonly [what: string, parse: string, message: RegExp][] = [
  ['throws', "\n*parse() {\n throw new Error('boom\\nsecond'); }", /^mine\.ts:3: boom$/],
  ['throws what is no error', "*parse() { throw 'ouch'; }", /^mine\.ts: ouch$/],
  ['rejects', "async *parse() { await Promise.reject(new Error('late')); }", /^mine\.ts:1: late$/],
  ['uses a bad selector', "*parse(page) { page.select('p['); }", /^mine\.ts.*"p\["/],
  ['is no generator', 'async parse() {}', /generator/],
  ['yields something else', "*parse() { yield { type: 'a', data: {} }; }", /\{item, data\}.*not \{type, data\}$/],
  ['is an item and links in one', "*parse() { yield { item: 'a', data: {}, follow: '/b' }; }", /in turn/],
  ['has no type', '*parse() { yield { item: 7, data: {} }; }', /cannot be called 7/],
  ['takes a type of the service', "*parse() { yield { item: 'page', data: {} }; }", /"page"/],
  ['has a list for an item', "*parse() { yield { item: 'x', data: [] }; }", /"x".*a list/],
  ['has a circle', "*parse() { const d = {}; d.d = d; yield { item: 'x', data: d }; }", /circular/],
  ['has what JSON has not', "*parse() { yield { item: 'x', data: { n: 1n } }; }", /"x".*"n".*1/],
  ['has an item as large as no page', "*parse() { yield { item: 'x', data: { t: 'x'.repeat(2e6) } }; }", /maxBytes/],
  ['follows a number', '*parse() { yield { follow: 7 }; }', /URL.*7/],
  ['never ends, asynchronously', 'async *parse() { await new Promise(() => {}); }', /longer than 300 ms/],
];

for (const [what, parse, message] of wrong) {
  test(`a module that ${what} fails its page, with the place`, async (t) => {
    const settings = { maxBytes: 1_000_000, timeout: '30ms' };
    const crawl = await crawlWith(
      t,
      await servePage(t),
      parse,
      what.startsWith('never') ? settings : { maxBytes: 1e6 },
    );
    const [failed] = crawl.of('page.failed');
    assert.equal(failed?.data.error, 'spider.failed');
    assert.match(failed?.data.message, message);
    assert.equal(failed?.data.attempts, 1);
  });
}

test('a module that throws on one page loses that page alone', async (t) => {
  const links = ['/a', '/bad', '/c'].map((path) => `<a href=${path}>x</a>`).join('');
  const site = await serveSite(t, (_, response) => sendHtml(response, links));
  const crawl = await crawlWith(
    t,
    site,
    `*parse(page) {
      yield { item: 'x', data: { url: page.url } };
      if (page.url.endsWith('bad')) throw new Error('ouch');
      yield { follow: page.links('a') };
    }`,
  );
  const seen = (type: string) => crawl.of(type).map(({ data }) => new URL(data.url).pathname);
  assert.deepEqual(seen('page').sort(), ['/', '/a', '/c']);
  assert.deepEqual(seen('page.failed'), ['/bad']);
  assert.deepEqual(seen('x').sort(), ['/', '/a', '/bad', '/c']);
  assert.equal(crawl.last?.type, 'crawl.finished');
});

test('a module that never returns loses its page alone; the thread is replaced', async (t) => {
  const site = await serveSite(t, (_, response) => sendHtml(response, page));
  const file = moduleFile(
    t,
    `export default { start: ['${site.url}/loop', '${site.url}/a', '${site.url}/b', '${site.url}/c'], *parse(page) {
      if (page.url.endsWith('loop')) for (;;);
      yield { item: 'x', data: { url: page.url } };
    } };`,
  );
  await using crawler = await startCrawler(undefined, { maxSilenceMs: 10_000 });
  const settings = { robots: false, autothrottle: false, retries: 0 };
  const { id } = await crawler.engine.runner.start({ spider: await readSpider(file), settings, origin: 'local' });
  const crawl = await crawler.ended(id);
  assert.equal(crawl.last?.type, 'crawl.finished');
  assert.deepEqual(
    crawl.of('page.failed').map(({ data }) => [data.url, data.error]),
    [[`${site.url}/loop`, 'worker.failed']],
  );
  assert.equal(crawl.items.length, 3);
});

test('a crawl whose module is gone waits until it is back, and says so once', async (t) => {
  const site = await servePage(t);
  const text = `export default { start: ['${site.url}/'], settings: { robots: false }, *parse() {} };`;
  const file = moduleFile(t, text);
  const spider = await readSpider(file);
  rmSync(file);
  const told: string[] = [];
  await using waiting = await startCrawler(undefined, { onError: ({ message }) => told.push(message) });
  const { id, state } = await waiting.engine.runner.start({ spider, origin: 'local' });
  assert.equal(state, 'running');
  assert.match(told.join(), /^[^,]*mine\.ts is not there/);
  writeFileSync(file, text);
  const { last, of } = await waiting.ended(id);
  assert.deepEqual([last?.type, of('page.failed').length, told.length], ['crawl.finished', 0, 1]);
});

const broken: readonly [what: string, text: string, named: RegExp][] = [
  ['that does not parse', 'export default {', /mine\.ts.*Unexpected/],
  ['that imports what is not there', "import 'nowhere'; export default {};", /mine\.ts.*nowhere/],
  ['that throws', "throw new Error('no key');", /mine\.ts.*no key/],
  ['without a default export', 'export const x = 1;', /mine\.ts.*no default export: write export default/],
  ['without start', 'export default { *parse() {} };', /mine\.ts.*start/],
  ['with rules as well', "export default { start: ['http://a.test/'], items: {}, *parse() {} };", /mine\.ts.*items/],
];

for (const [what, text, named] of broken) {
  test(`a module ${what} is refused with its file`, async (t) => {
    const error = { code: 'spider.invalid', message: named };
    await assert.rejects(readSpider(moduleFile(t, text)), error);
  });
}

test('commands say in one line that a module does not load, and end with 2', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'bad.ts'), "import 'nowhere';");
  const data = join(folder, 'data');
  for (const args of [
    ['serve', '--port', '0', '--data', data, '--spiders', folder],
    ['crawl', join(folder, 'bad.ts')],
  ]) {
    const { code, stdout, stderr } = await runToEnd(args);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^crawlcast: .*bad\.ts: .*nowhere.*\n$/);
  }
});

for (const { transport, skip } of transports.slice(0, 1)) {
  test('a service starts a module by its name, goes on with it after a restart, and shows no code', {
    skip,
  }, async (t) => {
    const site = await startSite({ pages: 2, perPage: 3 });
    t.after(() => site.close());
    const folder = temporaryFolder(t);
    const text = `import { defineSpider } from 'crawlcast';
      console.log('printed');
      export default defineSpider({ name: 'mine', start: ['${site.url}/'], settings: { delay: 500 }, *parse(page) {
        yield { item: 'title', data: { title: page.text('title') } };
        yield { follow: page.links('li.next a') };
      } });`;
    writeFileSync(join(folder, 'spider.mjs'), text);
    const data = join(folder, 'data');
    const args = ['--data', data, '--spiders', folder];
    const first = await runService(t, transport, args);
    const shown: unknown = await (await fetch(`${first.url}/spiders/mine`)).json();
    assert.ok(!JSON.stringify(shown).includes(folder));
    const started = await fetch(`${first.url}/crawls`, {
      method: 'POST',
      body: JSON.stringify({ spider: 'mine' }),
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(started.status, 201, await started.clone().text());
    const location = started.headers.get('location') ?? '';
    assert.equal(await first.end(), 0);
    // As if the folder were not mounted yet: nothing of the crawl is lost.
    renameSync(join(folder, 'spider.mjs'), join(folder, 'away'));
    const second = await runService(t, transport, args);
    await second.until(/spider\.mjs is not there/, 'stderr');
    renameSync(join(folder, 'away'), join(folder, 'spider.mjs'));
    const stream = await fetch(`${second.url}/events?crawl=${location.split('/').at(-1)}&since=0`);
    assert.match(await stream.text(), /crawl\.finished/);
    const items = await (await fetch(`${second.url}${location}/items`)).json();
    assert.equal(Array.isArray(items) && items.length, 2);
  });
}
