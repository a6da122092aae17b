import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { makeCertificates } from './support/certificates.js';
import { type Crawler, startCrawler } from './support/crawling.js';
import { scenes } from './support/hostile-scenes.js';
import { tables } from './support/hostile-tables.js';
import { openNetwork } from './support/network.js';
import { crawlRow } from './support/rows.js';

const certificates = makeCertificates();

describe('a crawl of a hostile site', () => {
  let crawler: Crawler;
  before(async () => {
    crawler = await startCrawler(undefined, { network: await openNetwork({ ca: certificates?.ca }) });
  });
  after(() => crawler[Symbol.asyncDispose]());

  for (const [name, rows] of Object.entries(tables)) {
    describe(`by its ${name}`, { concurrency: 8 }, () => {
      for (const row of rows) {
        const skip = row.secure !== undefined && certificates === undefined && 'there is no openssl';
        it(row.title, { skip }, async () => {
          const { outcome, crawl, site } = await crawlRow(crawler, row, certificates);
          const { pages, skipped = [], failed = [], items, asked } = row;
          const expected = {
            ...(failed !== 'any' && { failed }),
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

  describe('in scenes', { concurrency: 8 }, () => {
    for (const { title, play } of scenes) it(title, (test) => play(crawler, test));
  });
});
