/** The client as one file, in a page of its own, against a service of another origin. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, noBrowser, openPage } from '../support/browser.js';
import { appendItems, recordOf, startLogService } from '../support/log-service.js';
import { freePort } from '../support/ports.js';
import { run, runService, temporaryFolder } from '../support/process.js';
import { serveSite } from '../support/sites.js';
import { crawlEvents } from './support.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the page keeps of one stream. */
interface Seen {
  readonly ids: readonly string[];
  readonly states: readonly string[];
  /** Those that the last event tells. */
  readonly counts: Record<string, number> | undefined;
  /** As they were counted. */
  readonly counted: Record<string, number>;
  readonly outcome: string | undefined;
}

/** The page's own script; it is given to the browser as text. */
const watch = `
  import { connect } from './browser.js';
  window.watch = (url, transport) => {
    const seen = { ids: [], states: [], counts: undefined, counted: {}, outcome: undefined };
    const stream = connect(url, { transport }).events({ crawl: 'latest', since: 0 });
    stream.state$.subscribe(({ state }) => seen.states.push(state));
    stream.subscribe({
      next({ id, type, data }) {
        seen.ids.push(id);
        seen.counted[type] = (seen.counted[type] ?? 0) + 1;
        if (data.counts) seen.counts = data.counts;
      },
      error: (error) => { seen.outcome = String(error); },
      complete: () => { seen.outcome = 'complete'; },
    });
    window.seen ??= {};
    window.seen[transport] = seen;
  };
  window.lag = async (url, transport) => {
    const stream = connect(url, { transport }).events({ since: 0, type: 'quote' });
    const lagging = new Promise((resolve) => {
      stream.state$.subscribe((one) => { if (one.state === 'lagging') resolve(one.by); });
    });
    let last;
    let count = 0;
    for await (const { id } of stream) {
      if (count++ === 0) window.by = await lagging;
      last = id;
      if (count === 20000) break;
    }
    return { by: window.by, count, last };
  };
  window.ready = true;
`;

const html = `<!doctype html><meta charset="utf-8"><title>client</title><script type="module" src="page.js"></script>`;

async function fileOf(path: string): Promise<{ type: string; body: string } | undefined> {
  if (path === '/') return { type: 'text/html', body: html };
  if (path === '/page.js') return { type: 'text/javascript', body: watch };
  if (path === '/browser.js') {
    return { type: 'text/javascript', body: await readFile(`${root}/dist/client/browser.js`, 'utf8') };
  }
  return undefined;
}

/** Serves the page on a port of its own, and opens it. */
async function openClientPage(test: TestContext, browser: Browser, origin: string) {
  const opened = await openPage(test, browser, `${origin}/`);
  await opened.page.waitForFunction('window.ready === true');
  return opened;
}

function servePage(test: TestContext) {
  return serveSite(test, (path, response) => {
    void fileOf(path).then((file) => {
      if (file === undefined) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': file.type }).end(file.body);
    });
  });
}

const seenOf = async (page: Page, transport: string): Promise<Seen> => page.evaluate(`window.seen.${transport}`);

describe('the client in a browser', { skip: noBrowser }, () => {
  let browser: Browser;

  before(async () => {
    await promisify(execFile)('npm', ['run', '-s', 'build:client'], { cwd: root });
    browser = await launchBrowser();
  });
  after(() => browser.close());

  it('gets every event once over SSE and WebSocket, though the service is killed in the midst of the crawl', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '12', '--per-page', '5', '--delay', '60']);
    const pages = await servePage(test);
    const own = ['--port', `${await freePort()}`, '--data', temporaryFolder(test), '--start-url', site.url];
    const args = [...own, '--cors-origin', pages.url];
    const first = await runService(test, 'auto', args);
    const { url } = first;
    const { page, errors } = await openClientPage(test, browser, pages.url);
    await fetch(`${url}/crawl`);
    for (const transport of ['sse', 'ws']) await page.evaluate(`window.watch('${url}', '${transport}')`);
    for (const transport of ['sse', 'ws']) await page.waitForFunction(`window.seen.${transport}.ids.length > 15`);
    await first.end('SIGKILL');
    for (const transport of ['sse', 'ws']) {
      await page.waitForFunction(`window.seen.${transport}.states.at(-1) === 'connecting'`);
    }
    await runService(test, 'auto', args);
    for (const transport of ['sse', 'ws']) await page.waitForFunction(`window.seen.${transport}.outcome !== undefined`);
    const expected = (await crawlEvents(url)).map(({ offset }) => offset);
    for (const transport of ['sse', 'ws']) {
      const { ids, states, counts, counted, outcome } = await seenOf(page, transport);
      assert.equal(outcome, 'complete', transport);
      assert.deepEqual(
        ids.map((id) => Number(id.split('-')[1])),
        expected,
        transport,
      );
      assert.equal(counts?.quote, 60);
      assert.deepEqual(counted, counts);
      assert.deepEqual(new Set(states), new Set(['closed', 'connecting', 'replaying', 'live']), transport);
      assert.ok(
        states.lastIndexOf('connecting') > states.indexOf('live'),
        'it was live, lost its connection, and found it again',
      );
      assert.equal(states.at(-1), 'closed');
    }
    assert.deepEqual(errors, []);
  });

  for (const transport of ['sse', 'ws']) {
    it(`says by how much a slow reader lags, which gets everything all the same (${transport})`, async (test) => {
      const total = 20_000;
      const pages = await servePage(test);
      const service = await startLogService(test, { corsOrigin: [pages.url] });
      await service.store.commit({ crawl: 'a', record: recordOf('a') });
      for (let from = 1; from <= total; from += 1_000) await appendItems(service.store, 'a', from, 1_000);
      const { page } = await openClientPage(test, browser, pages.url);
      const { by, count, last }: { by: number; count: number; last: string } = await page.evaluate(
        `window.lag('${service.url}', '${transport}')`,
      );
      assert.ok(by > total / 4 && by < total, `by ${by}`);
      assert.equal(count, total);
      assert.equal(last, `${service.store.log.epoch}-${total}`);
    });
  }
});
