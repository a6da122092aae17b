import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { median } from '../bench/support/row.js';
import { launchBrowser, noBrowser, openPage } from '../support/browser.js';
import { appendItems, recordOf, startLogService } from '../support/log-service.js';
import { run, runService } from '../support/process.js';
import { untilState, untilTabCount } from './support.js';

describe('the looks of the dashboard', { skip: noBrowser }, () => {
  let browser: Browser;

  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`has no serious barrier for anybody, ${colorScheme}`, async (test) => {
      const site = await run(test, ['site', '--port', '0', '--pages', '2']);
      const urls = [`${site.url}/`, `${site.url}/nothing`, 'http://127.0.0.1:1/'];
      const service = await runService(
        test,
        'auto',
        urls.flatMap((url) => ['--start-url', url]),
      );
      const { page } = await openPage(test, browser, service.url, { colorScheme });
      assert.deepEqual(await barriers(page), []);
      await page.getByRole('button', { name: 'Start crawl' }).click();
      await untilState(page, 'finished');
      await page.locator('.row').first().click();
      assert.deepEqual(await barriers(page), []);
      await page.getByRole('tab', { name: 'Failures' }).click();
      assert.deepEqual(await barriers(page), []);
      await page.getByRole('link', { name: 'Spiders' }).click();
      await page.getByLabel('The spider as JSON').fill('{');
      await page.getByRole('button', { name: 'Try' }).click();
      await page.locator('#problems li').waitFor();
      assert.deepEqual(await barriers(page), []);
      await page.setViewportSize({ width: 360, height: 740 });
      await page.getByRole('link', { name: 'Crawls' }).click();
      await page.locator('.row').first().waitFor();
      assert.deepEqual(await barriers(page), []);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360, 'nothing sticks out');
    });
  }

  it('stays smooth at 500 events a second with 50,000 in its list', async (test) => {
    const service = await startLogService(test);
    const crawl = '01LOAD';
    await service.store.commit({ crawl, record: recordOf(crawl) });
    for (let from = 0; from < 50_000; from += 5_000) await appendItems(service.store, crawl, from, 5_000);
    const { page } = await openPage(test, browser, service.url);
    await page.locator('.row').first().waitFor();
    await untilTabCount(page, 'Items', 50_000);
    let appended = 50_000;
    const load = async (): Promise<void> => {
      await appendItems(service.store, crawl, appended, 25);
      appended += 25;
    };
    // In turns, so that what else the machine does takes as much from both.
    const quiet: number[] = [];
    const busy: number[] = [];
    for (let round = 0; round < 4; round++) {
      quiet.push(await framesOfASecond(page));
      const frames = framesOfASecond(page);
      let writing = Promise.resolve();
      const timer = setInterval(() => {
        writing = writing.then(load);
      }, 50);
      busy.push(await frames);
      clearInterval(timer);
      await writing;
      await untilTabCount(page, 'Items', appended);
    }
    test.diagnostic(`${busy} frames/s, ${quiet} without events; ${appended - 50_000} events`);
    const held = await page.locator('.row').first().getAttribute('aria-setsize');
    assert.ok(Number(held) <= 55_000, `${held} are held`);
    assert.ok(median(busy) >= median(quiet) / 2, `${busy} frames/s, ${quiet} without events`);
  });
});

/** How often the page is drawn in a second. */
function framesOfASecond(page: Page): Promise<number> {
  return page.evaluate<number>(
    `new Promise((resolve) => {
      const from = performance.now();
      let frames = 0;
      const count = (now) => (++frames, now - from < 1000 ? requestAnimationFrame(count) : resolve(frames));
      requestAnimationFrame(count);
    })`,
  );
}

/** What axe finds that keeps somebody out. */
async function barriers(page: Page): Promise<string[]> {
  // Evaluated, not added as a script: the page's policy allows no script but its own.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<{
    violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
  }>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}
