import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { quotesOfPage, startSite } from '#src/site/site.js';
import { type Running, runService, transports } from '../support/process.js';
import { type Reader, readSse, readUntil, readWs, type SeenEvent } from '../support/readers.js';
import { expectedOfSavedPages, noSavedPages, sendHtml, serveSavedPages, serveSite } from '../support/sites.js';

/** Long enough for a request of a test to come before the next page. */
const pageDelayMs = 30;

interface Source {
  readonly name: string;
  readonly skip: string | false;
  /** Starts it; gives its URL. */
  start(test: TestContext): Promise<string>;
  /** All quotes in order. */
  expected(): unknown;
}

const sources: readonly Source[] = [
  {
    name: 'the practice site',
    skip: false,
    start: startPracticeSite,
    expected: () => Array.from({ length: 10 }, (_, index) => quotesOfPage({}, index + 1)).flat(),
  },
  {
    name: 'the saved pages of quotes.toscrape.com',
    skip: noSavedPages,
    start: async (test) => (await serveSavedPages(test, pageDelayMs)).url,
    expected: expectedOfSavedPages,
  },
];

async function startPracticeSite(test: TestContext): Promise<string> {
  const site = await startSite({ delayMs: pageDelayMs });
  test.after(() => site.close());
  return site.url;
}

/** Status and body as they came, byte for byte. */
async function get(service: Running, path: string): Promise<[status: number, body: string]> {
  const response = await fetch(service.url + path);
  return [response.status, Buffer.from(await response.arrayBuffer()).toString('latin1')];
}

async function getJson(service: Running, path: string): Promise<unknown> {
  return await (await fetch(service.url + path)).json();
}

function offsetsOf(events: readonly SeenEvent[]): number[] {
  return events.map(({ id }) => Number(id.split('-')[1]));
}

/** The quotes that a reader gets until the newest crawl is over. */
async function quotesOf(reader: Reader): Promise<SeenEvent[]> {
  const seen = await readUntil(reader, 'crawl.finished', 'crawl.failed');
  reader.close();
  return seen.filter(({ type }) => type === 'quote');
}

const everything = '?type=quote,crawl.finished,crawl.failed';

/** A service that has just completed the crawl of the practice site. */
async function crawled(test: TestContext, transport: string): Promise<Running> {
  const service = await runService(test, transport, ['--start-url', `${await startPracticeSite(test)}/`]);
  const reader = await readSse(service.url, everything);
  await get(service, '/crawl');
  assert.equal((await quotesOf(reader)).length, 100);
  return service;
}

for (const { transport, skip } of transports) {
  describe(`quotes over ${transport}`, { skip, concurrency: 2 }, () => {
    for (const source of sources) {
      test(`${source.name}: /crawl, the streams and /results agree on 100 quotes`, { skip: source.skip }, async (t) => {
        const service = await runService(t, transport, ['--start-url', `${await source.start(t)}/`]);
        assert.deepEqual(await get(service, '/results'), [200, 'Scrape Still Progress']);
        const streams = await Promise.all([readSse(service.url, everything), readWs(service.url, everything)]);

        assert.deepEqual(await get(service, '/crawl'), [200, 'SCRAPING']);
        assert.deepEqual(await get(service, '/crawl'), [200, 'SCRAPE IN PROGRESS']);
        assert.deepEqual(await get(service, '/results'), [200, 'Scrape Still Progress']);
        const [sse = [], ws = []] = await Promise.all(streams.map(quotesOf));

        assert.deepEqual(await get(service, '/crawl'), [200, 'SCRAPE COMPLETE']);
        assert.deepEqual(await getJson(service, '/results'), source.expected());
        assert.deepEqual(
          sse.map(({ data }) => data),
          source.expected(),
        );
        assert.deepEqual(
          ws.map(({ id, data }) => [id, data]),
          sse.map(({ id, data }) => [id, data]),
        );
        const offsets = offsetsOf(sse);
        assert.deepEqual(
          offsets,
          offsets.toSorted((a, b) => a - b),
        );
        assert.equal(new Set(offsets).size, 100);
        const latest = await readSse(service.url, `${everything}&since=0`);
        assert.equal((await quotesOf(latest)).length, 100);
      });
    }

    test('a snapshot and the stream from its cursor on are the whole, with nothing twice', async (t) => {
      const service = await runService(t, transport, ['--start-url', `${await startPracticeSite(t)}/`]);
      const reader = await readSse(service.url, everything);
      await get(service, '/crawl');
      let seen = 0;
      for await (const { type } of reader) if (type === 'quote' && ++seen === 25) break;
      reader.close();
      const snapshot = await fetch(`${service.url}/results?partial=true`);
      const before: unknown = await snapshot.json();
      const cursor = snapshot.headers.get('crawlcast-cursor') ?? '';
      assert.match(cursor, /^[0-9a-f]{4,16}-\d+$/);
      assert.ok(Array.isArray(before) && before.length >= 25);
      const after = await Promise.all([
        quotesOf(await readSse(service.url, `${everything}&since=${cursor}`)),
        quotesOf(await readWs(service.url, `${everything}&since=${cursor}`)),
      ]);
      const whole = await getJson(service, '/results');
      for (const later of after) assert.deepEqual([...before, ...later.map(({ data }) => data)], whole);
    });

    test('two calls of /crawl at the same instant start one crawl', async (t) => {
      const service = await runService(t, transport, ['--start-url', `${await startPracticeSite(t)}/`]);
      const answers = await Promise.all(Array.from({ length: 8 }, () => get(service, '/crawl')));
      const texts = answers.map(([, text]) => text).sort();
      assert.deepEqual(texts, [...Array<string>(7).fill('SCRAPE IN PROGRESS'), 'SCRAPING']);
      const crawls = await getJson(service, '/crawls');
      assert.ok(Array.isArray(crawls));
      assert.equal(crawls.length, 1);
    });

    test('/results gives formats, earlier states and heads; restart=true crawls again', async (t) => {
      const service = await crawled(t, transport);
      const whole = await getJson(service, '/results');
      assert.ok(Array.isArray(whole));

      const lines = (await (await fetch(`${service.url}/results?format=jsonl`)).text()).trimEnd().split('\n');
      assert.deepEqual(
        lines.map((line) => JSON.parse(line)),
        whole,
      );
      const table = await fetch(`${service.url}/results?format=csv`);
      assert.equal(table.headers.get('content-type'), 'text/csv; charset=utf-8');
      const rows = (await table.text()).trimEnd().split('\r\n');
      assert.equal(rows[0], 'quote,author,tags');
      assert.equal(rows.length, 101);

      const all = await quotesOf(await readSse(service.url, `${everything}&since=0`));
      const [, , third] = offsetsOf(all);
      assert.deepEqual(await getJson(service, `/results?partial=true&at=${third}`), whole.slice(0, 3));
      assert.deepEqual(await getJson(service, `/results?partial=true&at=${all[2]?.id}`), whole.slice(0, 3));
      assert.deepEqual(await getJson(service, `/results?at=${third}`), whole.slice(0, 3));
      assert.deepEqual(await getJson(service, '/results?partial=true'), whole);

      const body = Buffer.from(await (await fetch(`${service.url}/results`)).arrayBuffer());
      const head = await fetch(`${service.url}/results`, { method: 'HEAD' });
      assert.equal(head.status, 200);
      assert.equal(head.headers.get('content-type'), 'application/json');
      assert.equal(head.headers.get('content-length'), String(body.length));
      assert.equal(body.at(-1), ']'.charCodeAt(0));

      const again = await readSse(service.url, everything);
      assert.deepEqual(await get(service, '/crawl?restart=true'), [200, 'SCRAPING']);
      assert.deepEqual(await getJson(service, '/results'), whole);
      assert.equal((await quotesOf(again)).length, 100);
      assert.deepEqual(await getJson(service, '/results'), whole);
    });

    test('HEAD /crawl starts nothing', async (t) => {
      const service = await runService(t, transport, ['--start-url', `${await startPracticeSite(t)}/`]);
      assert.equal((await fetch(`${service.url}/crawl`, { method: 'HEAD' })).status, 200);
      assert.deepEqual(await getJson(service, '/crawls'), []);
    });

    test('a crawl whose start URLs all failed is told once, with the reason, and the next call starts a new one', async (t) => {
      let isBroken = true;
      const site = await serveSite(t, (_path, response) => {
        if (isBroken) response.writeHead(404).end();
        else sendHtml(response, '<div class="quote"><span class="text">“It heals.”</span></div>');
      });
      const service = await runService(t, transport, ['--start-url', `${site.url}/`]);
      const reader = await readSse(service.url, everything);
      await get(service, '/crawl');
      assert.equal((await readUntil(reader, 'crawl.finished', 'crawl.failed')).at(-1)?.type, 'crawl.failed');
      assert.deepEqual(await get(service, '/results'), [200, 'Scrape Still Progress']);
      const failed = await fetch(`${service.url}/crawl`);
      assert.equal(failed.status, 200);
      assert.equal(await failed.text(), 'SCRAPE FAILED');
      assert.match(failed.headers.get('x-crawl-error') ?? '', /^http\.404: /);
      isBroken = false;
      assert.deepEqual(await get(service, '/crawl'), [200, 'SCRAPING']);
      assert.equal((await readUntil(reader, 'crawl.finished', 'crawl.failed')).at(-1)?.type, 'crawl.finished');
      reader.close();
      assert.deepEqual(await getJson(service, '/results'), [{ quote: 'It heals.', author: null, tags: [] }]);
    });
  });
}
