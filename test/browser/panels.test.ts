/** What stands on the dashboard besides the list of items, and what it says aloud. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, noBrowser, openPage } from '../support/browser.js';
import { appendItems, eventOf, recordOf, startLogService } from '../support/log-service.js';
import { run, runService } from '../support/process.js';
import { sendHtml, serveSite } from '../support/sites.js';
import { crawlEvents, untilState, untilTabCount } from './support.js';

const texts = (page: Page, selector: string) => page.locator(selector).allInnerTexts();

describe('the panels of the dashboard', { skip: noBrowser }, () => {
  let browser: Browser;

  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  it('show pages with status, size and time, what was skipped and why, failures by code, and the hosts', async (test) => {
    let letGo = () => {};
    const looked = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const link = '<li class="next"><a href="/gone">n</a></li>';
    const site = await serveSite(test, (path, response) => {
      if (path === '/gone') response.writeHead(410).end();
      else if (path === '/one') sendHtml(response, `<div class="quote"><span class="text">a</span></div>${link}`);
      else void looked.then(() => sendHtml(response, '<div class="quote"><span class="text">b</span></div>'));
    });
    const starts = [`${site.url}/one`, `${site.url}/two`, `${site.url}/gone`, 'http://127.0.0.1:1/'];
    const service = await runService(
      test,
      'auto',
      starts.flatMap((start) => ['--start-url', start]),
    );
    const { page } = await openPage(test, browser, service.url);
    await page.getByRole('button', { name: 'Start crawl' }).click();
    const hosts = page.locator('.sidebar section', { hasText: 'Hosts' });
    await hosts.getByText(/^1 in flight.* · no robots\.txt$/).waitFor();
    assert.match(await hosts.innerText(), /127\.0\.0\.1:\d+/);
    letGo();
    await untilState(page, 'finished');

    await page.getByRole('tab', { name: 'Pages 2' }).click();
    for (const row of await texts(page, '.row')) {
      assert.match(
        row.replaceAll('\n', ' '),
        /^200 127\.0\.0\.1:\d+\/(one|two) 1 item \d+ B [\d.]+ m?s \d\d:\d\d:\d\d$/,
      );
    }
    await page.getByRole('tab', { name: 'Skipped 1' }).click();
    assert.match((await texts(page, '.row'))[0] ?? '', /^port\n127\.0\.0\.1:1/);
    await page.getByRole('tab', { name: 'Failures 1' }).click();
    assert.match((await texts(page, '.row'))[0] ?? '', /gone[\s\S]*http\.410[\s\S]*1 attempt$/);
    const [failures, skipped] = await texts(page, '.sidebar section');
    assert.match(failures ?? '', /http\.410\s+1/);
    assert.match(skipped ?? '', /port\s+1/);
  });

  it('keep the focus where what had it goes away', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--delay', '300']);
    const service = await runService(test, 'auto', ['--start-url', site.url]);
    const { page } = await openPage(test, browser, service.url);
    await page.getByRole('button', { name: 'Start crawl' }).click();
    await page.locator('.row').first().waitFor();
    await page.getByRole('button', { name: 'Cancel' }).press('Enter');
    await untilState(page, 'cancelled');
    await page.locator('#crawl:focus').waitFor();

    await page.getByLabel('Value of author').fill('nobody');
    await page.getByLabel('Value of author').press('Enter');
    await page.getByRole('button', { name: 'Remove the filter author nobody' }).press('Enter');
    await page.locator('input[type=search]:focus').waitFor();

    const stop = page.getByRole('button', { name: 'Stop' });
    await page.getByRole('button', { name: '1×', exact: true }).click();
    await stop.press('Enter');
    await page.getByRole('button', { name: '1×', exact: true }).and(page.locator(':focus')).waitFor();
  });

  it('say what lets a spider into a private network', async (test) => {
    const service = await runService(test, 'auto');
    const { page } = await openPage(test, browser, `${service.url}/#spiders`);
    const spider = { name: 'mine', start: ['http://127.0.0.1:8001/'], items: {} };
    await page.getByLabel('The spider as JSON').fill(JSON.stringify(spider));
    await page.getByRole('button', { name: 'Try' }).click();
    await page.getByText(/^skipped \(private\): .*8001\/\. .*--allow-private-networks\.$/).waitFor();
  });

  it('draw what happened in each second', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '40', '--delay', '80']);
    const service = await runService(test, 'auto', ['--start-url', site.url]);
    const { page } = await openPage(test, browser, service.url);
    await page.getByRole('button', { name: 'Start crawl' }).click();
    for (const title of ['items/s', 'pages/s', 'latency, ms']) {
      const figure = page.locator('.charts figure', { hasText: title });
      await figure.locator('figcaption b', { hasText: /^[1-9]/ }).waitFor();
      assert.ok((await figure.locator('canvas').boundingBox())?.width);
    }
    await page
      .locator('.charts figure', { hasText: 'URLs queued' })
      .locator('figcaption b', { hasText: /^\d/ })
      .waitFor();
  });

  it('have the newest event first, and can be narrowed to a type', async (test) => {
    const service = await startLogService(test);
    await service.store.commit({ crawl: 'a', record: recordOf('a') });
    await appendItems(service.store, 'a', 0, 5);
    await service.store.commit({ crawl: 'a', events: [eventOf('a', 'author', { name: 'Zoë' })] });
    const { page } = await openPage(test, browser, service.url);
    await untilTabCount(page, 'Items', 6);
    const offsets = (await page.locator('.row').evaluateAll((rows) => rows.map(({ id }) => id))).map((id) =>
      Number(id.replace('event-', '')),
    );
    const drawn = await page
      .locator('.row')
      .evaluateAll((rows) => rows.map((row) => row.getAttribute('aria-posinset')));
    const byPlace = offsets.map((offset, i) => [Number(drawn[i]), offset] as const).sort((a, b) => a[0] - b[0]);
    assert.deepEqual(
      byPlace,
      [6, 5, 4, 3, 2, 1].map((offset, i) => [i + 1, offset]),
    );
    await page.getByLabel('Item type').selectOption('author');
    await page.locator('output', { hasText: '1 shown' }).waitFor();
    assert.match((await texts(page, '.row'))[0] ?? '', /Zoë/);
  });

  it('write sizes and times as people read them', async (test) => {
    const service = await startLogService(test);
    const startedAt = new Date(Date.now() - 2_000 * 3_600_000).toISOString();
    const page0 = { url: 'http://x/', status: 200, depth: 0, ms: 1, items: 0, links: 0 };
    const events = [999, 999_499, 999_700].map((bytes) => eventOf('a', 'page', { ...page0, bytes }));
    await service.store.commit({ crawl: 'a', record: { ...recordOf('a'), startedAt }, events });
    const { page } = await openPage(test, browser, service.url);
    await page.getByRole('tab', { name: 'Pages 3' }).click();
    const sizes = await texts(page, '.row .figure:nth-child(4)');
    assert.deepEqual(sizes, ['1.00 MB', '999 kB', '999 B']);
    await page.locator('.figures').getByText('83 d 8 h').waitFor();
  });

  it('are all there on a narrow screen, and nothing sticks out', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '2']);
    const service = await runService(test, 'auto', ['--start-url', site.url]);
    const { page } = await openPage(test, browser, service.url, { viewport: { width: 390, height: 800 } });
    await page.getByRole('button', { name: 'Start crawl' }).click();
    await untilState(page, 'finished');
    await page.locator('.row').first().click();
    await page.locator('.details').waitFor();
    await page.keyboard.press('Escape');
    for (const place of ['.charts', '.sidebar', '.filters']) assert.ok(await page.locator(place).isVisible(), place);
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390);
    await page.getByRole('link', { name: 'Spiders' }).click();
    await page.getByLabel('The spider as JSON').waitFor();
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390);
  });

  it('let old items go where the new ones are big', async (test) => {
    const service = await startLogService(test);
    await service.store.commit({ crawl: 'a', record: recordOf('a') });
    const { page } = await openPage(test, browser, service.url);
    const text = 'x'.repeat(1_000_000);
    for (let n = 0; n < 130; n++) {
      await service.store.commit({ crawl: 'a', events: [eventOf('a', 'quote', { n, text })] });
    }
    await untilTabCount(page, 'Items', 130);
    const held = Number(await page.locator('.row').first().getAttribute('aria-setsize'));
    assert.ok(held >= 99 && held <= 110, `${held} are held`);
    assert.match((await texts(page, '.row'))[0] ?? '', /^129/);
  });

  it('say aloud a summary now and then, and not each event', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '60', '--delay', '100']);
    const service = await runService(test, 'auto', ['--start-url', site.url]);
    const { page } = await openPage(test, browser, service.url);
    await page.evaluate(`
      window.said = [];
      for (const place of document.querySelectorAll('[role=status].unseen, [aria-live].unseen')) {
        new MutationObserver(() => window.said.push(place.textContent)).observe(place, { childList: true, characterData: true, subtree: true });
      }
    `);
    await page.getByRole('button', { name: 'Start crawl' }).click();
    await page
      .locator('[role=status].unseen', { hasText: /^\d+ new items, \d+ in all/ })
      .waitFor({ state: 'attached' });
    await untilState(page, 'finished');
    const said = await page.evaluate<string[]>('window.said.filter((text) => text !== "")');
    assert.ok(said.length <= 6, said.join(' | '));
    assert.ok((await crawlEvents(service.url)).length > 600);
    await untilTabCount(page, 'Items', 600);
  });
});
