/** The dashboard where there is much of it: many windows at once, thousands of crawls. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import type { RunningService } from '#src/service.js';
import { launchBrowser, noBrowser, openPage } from '../support/browser.js';
import { appendItems, eventOf, recordOf, startLogService } from '../support/log-service.js';
import { freePort } from '../support/ports.js';
import { run, runService, temporaryFolder } from '../support/process.js';
import { serveSite } from '../support/sites.js';
import { tabCount, untilState, untilTabCount } from './support.js';

describe('the dashboard, where there is much of it', { skip: noBrowser }, () => {
  let browser: Browser;

  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  it('works in four windows at once, and in five', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '500', '--delay', '100']);
    const service = await runService(test, 'auto', ['--start-url', site.url]);
    const { page } = await openPage(test, browser, service.url);
    await page.getByRole('button', { name: 'Start crawl' }).click();
    await untilState(page, 'running');
    const pages = [page];
    while (pages.length < 5) {
      const next = await page.context().newPage();
      next.setDefaultTimeout(20_000);
      await next.goto(service.url);
      pages.push(next);
      await next.locator('.row').first().waitFor();
      for (const one of pages) await untilMore(one);
    }
    assert.equal(await openStreams(service.url), 5);
    await pages[1]?.getByRole('button', { name: 'Pause' }).click();
    for (const one of pages) await untilState(one, 'paused');
    await pages[2]?.getByRole('button', { name: 'Resume' }).click();
    for (const one of pages) await untilState(one, 'running');
    await pages[3]?.getByRole('button', { name: 'Cancel' }).click();
    for (const one of pages) await untilState(one, 'cancelled');
    await page.getByRole('button', { name: 'Start crawl' }).click();
    for (const one of pages) await untilState(one, 'running');
    for (const one of pages) await untilMore(one);
  });

  it('holds one connection while a spider is tried, too, and goes on with the crawl after it', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '500', '--drip', '60']);
    const service = await runService(test, 'auto', ['--start-url', site.url, '--allow-private-networks']);
    const { page } = await openPage(test, browser, service.url);
    await page.getByRole('button', { name: 'Start crawl' }).click();
    await untilMore(page);
    await untilOpenStreams(service.url, 1);
    await page.getByRole('link', { name: 'Spiders' }).click();
    await untilOpenStreams(service.url, 0);
    let letGo: () => void = () => assert.fail('nothing was asked for');
    const tried = await serveSite(test, (_path, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).write(quotes(0, 3));
      // The rest is there when somebody asks for it.
      letGo = () => response.end(quotes(3, 7));
    });
    const spider = { start: [`${tried.url}/`], items: { line: { each: 'div.quote', fields: { text: 'span.text' } } } };
    await page.getByLabel('The spider as JSON').fill(JSON.stringify({ name: 'mine', ...spider }));
    await page.getByRole('button', { name: 'Try' }).click();
    await page.getByRole('heading', { name: /^[1-9] items? …/ }).waitFor();
    await untilOpenStreams(service.url, 1);
    letGo();
    await page.getByRole('heading', { name: '10 items', exact: true }).waitFor();
    await page.getByRole('link', { name: 'Crawls' }).click();
    await page.getByLabel('Crawl', { exact: true }).selectOption({ index: 1 });
    await untilMore(page);
    await untilOpenStreams(service.url, 1);
  });

  it('says in the one view that the connection is back which was lost in the other', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '500', '--delay', '100']);
    const data = temporaryFolder(test);
    const own = ['--port', `${await freePort()}`, '--data', data, '--start-url', site.url];
    const first = await runService(test, 'auto', own);
    const { page } = await openPage(test, browser, first.url);
    await page.getByRole('button', { name: 'Start crawl' }).click();
    await untilMore(page);
    await first.end('SIGKILL');
    await page.locator('#connection', { hasText: 'Connection lost' }).waitFor();
    await page.getByRole('link', { name: 'Spiders' }).click();
    await runService(test, 'auto', own);
    await page.locator('#connection', { hasText: 'Live' }).waitFor();
    await page.getByRole('link', { name: 'Crawls' }).click();
    await page.locator('#connection', { hasText: 'caught up' }).waitFor();
    await untilMore(page);
  });

  it('asks for a list of thousands once, for no more of it than it shows, and then for what is new', async (test) => {
    const service = await startLogService(test);
    await addCrawls(service, 0, 2_000);
    const { page } = await openPage(test, browser, 'about:blank');
    const asked: string[] = [];
    let bytes = 0;
    page.on('response', async (response) => {
      const { pathname, search } = new URL(response.url());
      if (!pathname.startsWith('/crawls')) return;
      asked.push(pathname + search);
      bytes += (await response.body().catch(() => Buffer.of())).length;
    });
    await page.goto(service.url);
    const choice = page.getByLabel('Crawl', { exact: true });
    await choice.locator('option').nth(499).waitFor({ state: 'attached' });
    assert.equal(await choice.locator('option').count(), 500);
    await addCrawls(service, 2_000, 5);
    await untilNewest(page, idOf(2_004));
    assert.equal(await choice.locator('option').count(), 500);
    assert.equal(await choice.inputValue(), idOf(2_004), 'it goes on to the newest');
    assert.deepEqual(
      asked.filter((path) => path === '/crawls'),
      [],
    );
    assert.equal(asked.filter((path) => path === '/crawls?limit=500').length, 1);
    assert.ok(bytes < 300_000, `${bytes} bytes`);
  });

  it('keeps up with a crawl that is looked at, however many have begun since', async (test) => {
    const service = await startLogService(test);
    await addCrawls(service, 0, 30);
    await service.store.commit({ crawl: idOf(3), record: recordOf(idOf(3), 'paused') });
    const { page } = await openPage(test, browser, service.url);
    const choice = page.getByLabel('Crawl', { exact: true });
    await choice.selectOption(idOf(3));
    await untilState(page, 'paused');
    await addCrawls(service, 30, 600);
    await untilNewest(page, idOf(629));
    assert.equal(await choice.inputValue(), idOf(3));
    assert.equal(await choice.locator('option').count(), 501);
    await appendItems(service.store, idOf(3), 0, 7);
    await untilTabCount(page, 'Items', 7);
    const stats = { pages: 1, items: 7, failed: 0, skipped: 0, duplicates: 0, bytes: 1, queued: 0, inFlight: 0 };
    const events = [eventOf(idOf(3), 'crawl.cancelled', { stats, counts: { quote: 7 } })];
    await service.store.commit({ crawl: idOf(3), record: recordOf(idOf(3), 'cancelled'), events });
    await untilState(page, 'cancelled');
    await choice.selectOption(idOf(629));
    await untilState(page, 'finished');
    assert.equal(await page.locator('.banner').count(), 0);
  });

  it('says of older crawls in its list how they stand when somebody looks', async (test) => {
    const service = await startLogService(test);
    await service.store.commit({ crawl: idOf(0), record: recordOf(idOf(0), 'paused') });
    await addCrawls(service, 1, 40);
    const { page } = await openPage(test, browser, service.url);
    const choice = page.getByLabel('Crawl', { exact: true });
    await choice.locator('option', { hasText: 'paused' }).waitFor({ state: 'attached' });
    await service.store.commit({ crawl: idOf(0), record: recordOf(idOf(0), 'cancelled') });
    await choice.focus();
    await choice.locator('option', { hasText: 'cancelled' }).waitFor({ state: 'attached' });
  });
});

/** So many quotes, from a number on. */
function quotes(from: number, count: number): string {
  const each = Array.from(
    { length: count },
    (_, i) => `<div class="quote"><span class="text">${from + i}</span></div>`,
  );
  return each.join('');
}

const idOf = (n: number) => `c${10_000 + n}`;

async function addCrawls({ store }: RunningService, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++) {
    await store.commit({ crawl: idOf(n), record: recordOf(idOf(n), 'finished') });
  }
}

/** Waits until a crawl is the newest in the list. */
async function untilNewest(page: Page, id: string): Promise<void> {
  const newest = page.getByLabel('Crawl', { exact: true }).locator('option', { hasText: 'newest' });
  await newest.and(page.locator(`[value=${id}]`)).waitFor({ state: 'attached' });
}

/** Waits until more items have come than there are now. */
async function untilMore(page: Page): Promise<void> {
  const before = await tabCount(page, 'Items');
  const deadline = Date.now() + 20_000;
  while ((await tabCount(page, 'Items')) <= before) {
    assert.ok(Date.now() < deadline, `there are still ${before} items`);
    await setTimeout(50);
  }
}

/** Waits until the service has so many streams open. */
async function untilOpenStreams(url: string, count: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  for (let open = await openStreams(url); open !== count; open = await openStreams(url)) {
    assert.ok(Date.now() < deadline, `${open} are open`);
    await setTimeout(50);
  }
}

/** How many streams of server-sent events the service has open. */
async function openStreams(url: string): Promise<number> {
  const figures = await (await fetch(`${url}/metrics`)).text();
  return Number(/^crawlcast_subscribers\{protocol="sse"\} (\d+)/m.exec(figures)?.[1]);
}
