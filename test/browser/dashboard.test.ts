import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, noBrowser, openPage } from '../support/browser.js';
import { appendItems, eventOf, recordOf, startLogService } from '../support/log-service.js';
import { freePort } from '../support/ports.js';
import { run, runService, temporaryFolder } from '../support/process.js';
import { sendHtml, serveSite } from '../support/sites.js';
import { crawlEvents, rowOffsets, tabCount, untilState, untilTabCount } from './support.js';

describe('the dashboard', { skip: noBrowser }, () => {
  let browser: Browser;

  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  const startCrawl = (page: Page) => page.getByRole('button', { name: 'Start crawl' }).click();

  it('shows quotes while their page is still downloading', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '1', '--per-page', '10', '--drip', '400']);
    const service = await runService(test, 'auto', ['--start-url', site.url]);
    const { page, hosts, errors } = await openPage(test, browser, service.url);
    await page.getByText('There is no crawl yet').waitFor();
    await startCrawl(page);
    await page.locator('.row').first().waitFor();
    const [crawl]: { state: string; stats: { pages: number } }[] = JSON.parse(
      await (await fetch(`${service.url}/crawls`)).text(),
    );
    assert.equal(crawl?.state, 'running');
    assert.equal(crawl.stats.pages, 0, 'its page is not over yet');
    await untilState(page, 'finished');
    await untilTabCount(page, 'Items', 10);
    assert.deepEqual([...hosts], [new URL(service.url).host], 'nobody else is asked for anything');
    assert.deepEqual(errors, []);
  });

  it('goes on after the service was killed: nothing is missing, nothing is there twice', async (test) => {
    // Slow enough not to be over before the page is back.
    const site = await run(test, ['site', '--port', '0', '--pages', '12', '--drip', '60']);
    const own = ['--port', `${await freePort()}`, '--data', temporaryFolder(test), '--start-url', site.url];
    const first = await runService(test, 'auto', own);
    // So high that all rows are drawn.
    const viewport = { width: 1280, height: 9_000 };
    const { page } = await openPage(test, browser, first.url, { viewport });
    await startCrawl(page);
    await page.locator('.row').nth(25).waitFor();
    await first.end('SIGKILL');
    await page.locator('#connection', { hasText: 'Connection lost' }).waitFor();
    const second = await runService(test, 'auto', own);
    await page.locator('#connection', { hasText: /caught up: \d+ events? w/ }).waitFor();
    await untilState(page, 'finished');
    const quotes = (await crawlEvents(second.url)).filter(({ type }) => type === 'quote');
    assert.equal(quotes.length, 120);
    assert.deepEqual(
      await rowOffsets(page),
      quotes.map(({ offset }) => offset),
    );
  });

  it('makes a spider that runs, with what is wrong with it at its field', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '2']);
    const service = await runService(test, 'auto', ['--allow-private-networks']);
    const { page } = await openPage(test, browser, `${service.url}/#spiders`);
    const spider = (author: unknown) => ({
      name: 'mine',
      start: [`${site.url}/`],
      items: { line: { each: 'div.quote', fields: { text: 'span.text', author } } },
      follow: ['li.next a'],
    });
    const source = page.getByLabel('The spider as JSON');
    await source.fill('{"name": "mine",\n  oops}');
    await page.getByRole('button', { name: 'Try' }).click();
    await page.locator('#problems').getByText('line 2 · not JSON').waitFor();
    await source.fill('{"name": "mine",\n"start": [,\n"http://a.test/"]}\n\n');
    await page.getByRole('button', { name: 'Try' }).click();
    await page.locator('#problems').getByText('line 2 · not JSON').waitFor();
    await source.fill(JSON.stringify(spider(7), undefined, 2));
    await page.getByRole('button', { name: 'Try' }).click();
    const line =
      JSON.stringify(spider(7), undefined, 2)
        .split('\n')
        .findIndex((one) => one.includes('"author"')) + 1;
    await page.locator('#problems').getByText(`line ${line}`).waitFor();
    await page.locator('#problems').getByText('items.line.fields.author').waitFor();
    await source.fill(JSON.stringify(spider('small.author'), undefined, 2));
    await page.getByRole('button', { name: 'Try' }).click();
    await page.getByRole('heading', { name: '10 items', exact: true }).waitFor();
    await source.fill('name: mine\n');
    await page.getByRole('button', { name: 'Try' }).click();
    await page.locator('#problems').getByText('line 1 · not JSON').waitFor();
    assert.equal(await page.locator('.trial').count(), 0, 'what another text gave is gone');
    await source.fill(JSON.stringify({ ...spider('b'), items: { line: { each: 'div.qoute', fields: {} } } }));
    await page.getByRole('button', { name: 'Try' }).click();
    await page.getByText('Nothing on this page is what “items” selects.').waitFor();
    await source.fill(JSON.stringify(spider('small.author'), undefined, 2));
    assert.equal((await fetch(`${service.url}/spiders/mine`)).status, 404, 'it is not saved yet');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved as mine').waitFor();
    await page.getByRole('button', { name: 'Crawl', exact: true }).click();
    await untilState(page, 'finished');
    await untilTabCount(page, 'Items', 20);
    assert.equal((await fetch(`${service.url}/spiders/mine`)).status, 200);
  });

  it('filters by text, by any field and by a value that is clicked, and replays an old crawl', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '3', '--drip', '20']);
    const service = await runService(test, 'auto', ['--start-url', site.url]);
    const { page } = await openPage(test, browser, service.url);
    await startCrawl(page);
    await untilState(page, 'finished');
    const quotes: { quote: string; author: string; tags: string[] }[] = JSON.parse(
      await (await fetch(`${service.url}/results`)).text(),
    );
    const list = page.getByRole('listbox');
    const shown = async () => Number(await list.locator('[role=option]').first().getAttribute('aria-setsize'));

    const tag = quotes.flatMap(({ tags }) => tags)[0] ?? '';
    await page.getByLabel('Field').selectOption('tags');
    await page.getByLabel('Value of tags').fill(tag);
    await page.getByLabel('Value of tags').press('Enter');
    await page.getByRole('button', { name: `Remove the filter tags ${tag}` }).waitFor();
    assert.equal(await shown(), quotes.filter(({ tags }) => tags.includes(tag)).length);
    await page.getByRole('button', { name: `Remove the filter tags ${tag}` }).click();

    await list.focus();
    await page.keyboard.press('Home');
    const author = quotes.at(-1)?.author ?? '';
    await page.locator('.details').getByRole('button', { name: author }).click();
    assert.equal(await shown(), quotes.filter((quote) => quote.author === author).length);
    await page.getByRole('button', { name: `Remove the filter author ${author}` }).click();
    await page.keyboard.press('Escape');

    const word = quotes[7]?.quote.slice(5, 25) ?? '';
    await page.getByLabel('Text to look for').fill(word.toUpperCase());
    await page.locator('output', { hasText: 'shown' }).waitFor();
    assert.equal(await shown(), quotes.filter(({ quote }) => quote.includes(word)).length);
    await page.getByLabel('Text to look for').fill('');

    await startCrawl(page);
    await untilState(page, 'finished');
    await page.getByLabel('Crawl', { exact: true }).selectOption({ index: 1 });
    await page.getByRole('button', { name: '1×', exact: true }).click();
    await page.locator('#connection', { hasText: 'Replaying' }).waitFor();
    await page.locator('.row').first().waitFor();
    assert.ok((await tabCount(page, 'Items')) < 30, 'it goes as slowly as it went');
    await page.getByRole('button', { name: 'max', exact: true }).click();
    await page.locator('#connection', { hasText: 'Live' }).waitFor();
    await untilTabCount(page, 'Items', 30);
  });

  it('pauses, resumes and cancels', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '500', '--delay', '50']);
    const service = await runService(test, 'auto', ['--start-url', site.url]);
    const { page } = await openPage(test, browser, service.url);
    await startCrawl(page);
    await page.getByRole('button', { name: 'Pause' }).click();
    await untilState(page, 'paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await untilState(page, 'running');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await untilState(page, 'cancelled');
  });

  it('shows what a page wrote as text, whatever it is', async (test) => {
    const evil = '<img src=x onerror="document.title=1">';
    const site = await serveSite(test, (_, response) =>
      sendHtml(
        response,
        `<div class="quote"><span class="text">${evil.replaceAll('<', '&lt;')}</span>
         <span><small class="author"><b>${'&lt;script>document.title=2&lt;/script>'}</b></small></span></div>`,
      ),
    );
    const service = await runService(test, 'auto', ['--start-url', site.url]);
    const { page, errors } = await openPage(test, browser, service.url);
    await startCrawl(page);
    await page.getByText(evil).click();
    await page.locator('.details').getByText(evil).waitFor();
    assert.equal(await page.locator('img, .row script').count(), 0);
    assert.equal(await page.title(), 'Crawlcast');
    assert.deepEqual(errors, []);
  });

  it('lets go of the stream while nobody looks, and has missed nothing when somebody does', async (test) => {
    const service = await startLogService(test);
    const crawl = '01HIDDEN';
    await service.store.commit({ crawl, record: recordOf(crawl) });
    await appendItems(service.store, crawl, 0, 5);
    const { page } = await openPage(test, browser, service.url);
    await untilTabCount(page, 'Items', 5);
    await page.clock.install();
    await pretendHidden(page, true);
    await page.clock.fastForward(11_000);
    await appendItems(service.store, crawl, 5, 120);
    assert.equal(await tabCount(page, 'Items'), 5);
    await page.clock.resume();
    await pretendHidden(page, false);
    await page.locator('#connection', { hasText: 'caught up: 120 events were replayed' }).waitFor();
    assert.equal(await tabCount(page, 'Items'), 125);
  });

  it('asks for the token that something needs, and keeps it out of its address', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '1']);
    const tokens = ['--read-token', 'reader', '--token', 'writer'];
    const service = await runService(test, 'auto', ['--start-url', site.url, ...tokens]);
    const { page } = await openPage(test, browser, `${service.url}/?access_token=reader`);
    await page.getByText('There is no crawl yet').waitFor();
    assert.equal(new URL(page.url()).search, '');
    await startCrawl(page);
    await page.getByLabel('This service wants a token').fill('writer');
    await page.keyboard.press('Enter');
    await startCrawl(page);
    await untilState(page, 'finished');
    await untilTabCount(page, 'Items', 10);
  });

  it('takes a token that cannot be sent for a wrong one', async (test) => {
    const service = await runService(test, 'auto', ['--read-token', 'reader']);
    const { page } = await openPage(test, browser, service.url);
    const field = page.getByLabel('This service wants a token');
    await field.fill('“reader”');
    await page.keyboard.press('Enter');
    await page.locator('#connection', { hasText: 'Refused: the token has characters' }).waitFor();
    await field.fill(' reader ');
    await page.keyboard.press('Enter');
    await page.getByText('There is no crawl yet').waitFor();
  });

  it('takes the page of a proxy that has no service for a lost connection, and no more', async (test) => {
    const service = await startLogService(test);
    await service.store.commit({ crawl: 'a', record: recordOf('a') });
    await appendItems(service.store, 'a', 0, 5);
    const { page } = await openPage(test, browser, service.url);
    const paths = /\/(crawls|events|spiders|hosts)/;
    await page.route(paths, (route) => route.fulfill({ status: 502, body: '<h1>502 Bad Gateway</h1>' }));
    await page.reload();
    await page.locator('#connection', { hasText: 'Connection lost' }).waitFor();
    await page.unroute(paths);
    await untilTabCount(page, 'Items', 5);
    assert.equal(await page.locator('.banner').count(), 0);
  });

  it('gives up a connection that is never answered, and opens another', async (test) => {
    const service = await startLogService(test);
    await service.store.commit({ crawl: 'a', record: recordOf('a') });
    await appendItems(service.store, 'a', 0, 5);
    const { page } = await openPage(test, browser, service.url);
    await untilTabCount(page, 'Items', 5);
    let asked = 0;
    await page.route('**/events?crawl=*', (route) => (++asked > 1 ? route.continue() : undefined));
    await page.clock.install();
    await page.reload();
    await page.getByText('No item yet.').waitFor();
    await page.clock.fastForward(16_000);
    await untilTabCount(page, 'Items', 5);
    assert.equal(asked, 2);
  });

  it('begins anew where another log has taken the place of the one it followed', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '1']);
    const own = ['--port', `${await freePort()}`, '--start-url', site.url];
    const first = await runService(test, 'auto', own);
    const { page } = await openPage(test, browser, first.url);
    await startCrawl(page);
    await untilState(page, 'finished');
    await first.end('SIGKILL');
    await runService(test, 'auto', own);
    await page.getByText('There is no crawl yet').waitFor();
    await startCrawl(page);
    await untilState(page, 'finished');
    await untilTabCount(page, 'Items', 10);
  });

  it('shows its list whole again where a filter had let nothing through', async (test) => {
    const service = await startLogService(test);
    await service.store.commit({ crawl: 'a', record: recordOf('a', 'finished') });
    await appendItems(service.store, 'a', 0, 300);
    const { page } = await openPage(test, browser, service.url);
    await untilTabCount(page, 'Items', 300);
    await page.locator('.row').first().waitFor();
    await page.evaluate('document.querySelector(".list").scrollTo({ top: 9000 })');
    await page.locator('[role=option][aria-posinset="175"]').waitFor();
    await page.getByLabel('Text to look for').fill('what nobody said');
    await page.getByText('Nothing that the filter lets through.').waitFor();
    await page.getByLabel('Text to look for').fill('');
    await page.locator('[role=option][aria-posinset="1"]').waitFor();
    await page.locator('[role=option][aria-posinset="9"]').waitFor();
  });

  it('narrows the list to a value that is clicked, also where it is null or an object', async (test) => {
    const service = await startLogService(test);
    const values = [null, null, 'Zoë', { name: 'Zoë' }];
    const events = values.map((author) => eventOf('a', 'quote', { quote: 'q', author }));
    await service.store.commit({ crawl: 'a', record: recordOf('a'), events });
    const { page } = await openPage(test, browser, service.url);
    for (const [text, count] of [
      ['{"name":"Zoë"}', 1],
      ['–', 2],
    ] as const) {
      await page.locator('.row', { hasText: text }).first().click();
      await page.locator('.details').getByRole('button', { name: text, exact: true }).click();
      await page.locator('output', { hasText: `${count} shown` }).waitFor();
      await page.locator('.chip').click();
    }
  });

  it('lets a long value scroll, and does not grow with it', async (test) => {
    const service = await startLogService(test);
    await service.store.commit({ crawl: 'a', record: recordOf('a') });
    await appendItems(service.store, 'a', 0, 300);
    const events = [eventOf('a', 'quote', { quote: 'so long '.repeat(20_000) })];
    await service.store.commit({ crawl: 'a', events });
    const { page } = await openPage(test, browser, service.url);
    await page.locator('.row', { hasText: 'so long' }).click();
    await page.locator('.details .value').waitFor();
    assert.equal(await page.evaluate('document.documentElement.scrollHeight'), 820);
    assert.ok((await page.locator('.row').count()) < 30, 'only what is seen is drawn');
  });

  it('keeps the keys when the row that was clicked has gone out of sight', async (test) => {
    const service = await startLogService(test);
    await service.store.commit({ crawl: 'a', record: recordOf('a') });
    await appendItems(service.store, 'a', 0, 20);
    const { page } = await openPage(test, browser, service.url);
    await page.locator('[role=option][aria-posinset="1"]').click();
    const list = page.getByRole('listbox');
    assert.equal(await list.getAttribute('aria-activedescendant'), 'event-20');
    await appendItems(service.store, 'a', 20, 100);
    await page.locator('#event-120').waitFor();
    assert.equal(await list.getAttribute('aria-activedescendant'), null, 'what is not drawn is not named');
    await page.keyboard.press('ArrowDown');
    await page.locator('#event-19[aria-selected=true]').waitFor();
    assert.equal(await list.getAttribute('aria-activedescendant'), 'event-19');
    await page.locator('.details .value').first().focus();
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('.details').count(), 0);
    assert.equal(await page.evaluate('document.activeElement.className'), 'list');
  });

  it('says why a crawl has failed, and of one that is over that nothing comes any more', async (test) => {
    const host = `127.0.0.1:${await freePort()}`;
    const service = await runService(test, 'auto', ['--start-url', `http://${host}/`]);
    const { page } = await openPage(test, browser, service.url);
    await startCrawl(page);
    await untilState(page, 'failed');
    await page.getByText(`The crawl has failed: ${host}: the host refused`).waitFor();
    await page.getByText('The crawl ended without an item.').waitFor();
  });

  it('names the crawl that is looked at, also where there are hundreds of newer ones', async (test) => {
    const service = await startLogService(test);
    const idOf = (n: number) => `c${1_000 + n}`;
    for (let n = 0; n < 600; n++) await service.store.commit({ crawl: idOf(n), record: recordOf(idOf(n), 'finished') });
    const { page } = await openPage(test, browser, service.url);
    const choice = page.getByLabel('Crawl', { exact: true });
    await choice.selectOption(idOf(110));
    for (let n = 600; n < 620; n++)
      await service.store.commit({ crawl: idOf(n), record: recordOf(idOf(n), 'finished') });
    await service.store.commit({ crawl: idOf(619), events: [eventOf(idOf(619), 'crawl.finished', {})] });
    await choice
      .locator('option', { hasText: 'newest' })
      .and(page.locator(`[value=${idOf(619)}]`))
      .waitFor({ state: 'attached' });
    assert.equal(await choice.inputValue(), idOf(110));
  });

  it('is worked with the keyboard alone', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '2']);
    const service = await runService(test, 'auto', ['--start-url', site.url]);
    const { page } = await openPage(test, browser, service.url);
    await startCrawl(page);
    await untilState(page, 'finished');
    await page.getByRole('listbox').focus();
    for (const key of ['End', 'ArrowUp', 'PageUp', 'Home', 'ArrowDown']) await page.keyboard.press(key);
    await page.locator('[role=option][aria-selected=true][aria-posinset="2"]').waitFor();
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('.details').count(), 0);
    await page.getByRole('tab', { name: 'Items' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.locator('[role=tab][aria-selected=true]', { hasText: 'Pages 2' }).waitFor();
    assert.equal(await page.locator('.row').count(), 2);
  });
});

/** Has the page believe that its tab is hidden, or seen again. */
async function pretendHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${isHidden} });
    document.dispatchEvent(new Event('visibilitychange'));
  `);
}
