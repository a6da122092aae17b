/** What hours and days change in a crawl of a hostile site, under a clock that is put forward. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseSpider, type SpiderInput } from '#src/crawl/spider.js';
import { makeCertificates } from './support/certificates.js';
import { startCrawler } from './support/crawling.js';
import { startHostile } from './support/hostile.js';
import { openNetwork } from './support/network.js';
import { html, status } from './support/rows.js';
import { hostOf } from './support/sayings.js';

const certificates = makeCertificates();
const hour = 3_600_000;
const stepMs = 50;

function spider(start: readonly string[], settings: SpiderInput['settings'] = {}): SpiderInput {
  return {
    name: 'hostile',
    start: [...start],
    items: {},
    settings: { conditional: false, autothrottle: false, ...settings },
  };
}

describe('a crawl of a hostile site, hours and days later', () => {
  const skip = certificates === undefined && 'there is no openssl';

  it('C4 asks for robots.txt again after 24 hours, for each scheme, host and port', { skip }, async (test) => {
    test.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    await using site = await startHostile((socket, request) => {
      void socket.write(request.includes('/robots.txt') ? status('404 Not Found') : html('<p>here'));
    }, certificates?.valid);
    const network = await openNetwork({ ca: certificates?.ca });
    await using crawler = await startCrawler(undefined, { network });
    const { port } = site;
    const start = [
      `http://127.0.0.1:${port}/`,
      `https://127.0.0.1:${port}/`,
      `http://localhost:${port}/`,
      `http://site-p${port}.crawl.test/`,
      `http://site-p${port}.crawl.test:${port}/`,
    ];
    const rulesAskedFor = async () => {
      const before = site.requests.length;
      const crawl = await crawler.crawl(spider(start));
      assert.equal(crawl.of('page').length, start.length);
      return site.requests
        .slice(before)
        .filter((request) => request.includes('/robots.txt'))
        .map(hostOf)
        .sort();
    };
    const all = start.map((url) => new URL(url).host).sort();
    assert.deepEqual(await rulesAskedFor(), all);
    test.mock.timers.setTime(Date.now() + 24 * hour - 1_000);
    assert.deepEqual(await rulesAskedFor(), []);
    test.mock.timers.setTime(Date.now() + 2_000);
    assert.deepEqual(await rulesAskedFor(), all);
  });

  it('C11 waits twice as long after each attempt, less up to a half of it, and never longer than a minute', async (test) => {
    await using crawler = await startCrawler();
    await using site = await startHostile((socket) => void socket.write(status('503 Unavailable')));
    const { runner } = crawler.engine;
    test.mock.timers.enable({ apis: ['setTimeout'] });
    const wanted = parseSpider(spider([site.url], { retries: 12, robots: false }));
    const { id } = await runner.start({ spider: wanted, origin: 'local' });
    const inFlight = () => runner.snapshot(id)?.stats.inFlight;
    for (let attempt = 1; attempt <= 12; attempt++) {
      await site.asked(attempt);
      while (inFlight() === 1) await nextTurn();
      let waited = 0;
      for (; inFlight() === 0; waited += stepMs) {
        test.mock.timers.tick(stepMs);
        await nextTurn();
      }
      const longest = Math.min(60_000, 500 * 2 ** (attempt - 1));
      assert.ok(waited >= longest / 2 && waited < longest + stepMs, `${waited} ms after attempt ${attempt}`);
    }
    const { last } = await crawler.ended(id);
    assert.equal(last?.data.error, 'http.503');
    assert.equal(site.requests.length, 13);
  });
});
