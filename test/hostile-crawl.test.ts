import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Crawler, startCrawler } from './support/crawling.js';
import { bodyRows } from './support/hostile-bodies.js';
import { linkRows } from './support/hostile-links.js';
import { politenessRows } from './support/hostile-politeness.js';
import { redirectRows } from './support/hostile-redirects.js';
import { transportRows } from './support/hostile-transport.js';
import { crawlRow } from './support/rows.js';

const tables = {
  links: linkRows,
  redirects: redirectRows,
  'robots.txt and politeness': politenessRows,
  bodies: bodyRows,
  'transport and addresses': transportRows,
};

describe('a crawl of a hostile site', () => {
  let crawler: Crawler;
  before(async () => {
    crawler = await startCrawler();
  });
  after(() => crawler[Symbol.asyncDispose]());

  for (const [name, rows] of Object.entries(tables)) {
    describe(`by its ${name}`, { concurrency: 8 }, () => {
      for (const row of rows) {
        it(row.title, async () => {
          const { outcome, crawl, site } = await crawlRow(crawler, row);
          const { pages, skipped = [], failed = [], items, asked } = row;
          const expected = {
            failed,
            ...(skipped !== 'any' && { skipped }),
            ...(pages && { pages }),
            ...(items && { items }),
            ...(asked && { asked }),
          };
          for (const [key, value] of Object.entries(expected)) assert.deepEqual(Reflect.get(outcome, key), value, key);
          row.check?.(crawl, site);
          const last = crawl.events.filter(({ type }) => /^crawl\.(finished|failed|cancelled)$/.test(type));
          assert.equal(last.length, 1);
          assert.equal(crawl.last, last[0]);
        });
      }
    });
  }
});
