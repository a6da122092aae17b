/** Hostile sites that a row cannot tell of: more than one crawl, a crawl that somebody ends, an engine of its own. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { parseSpider, type SpiderInput } from '#src/crawl/spider.js';
import type { CrawlcastError } from '#src/errors.js';
import { openMemoryStore } from '#src/store/memory.js';
import { type Crawler, nextAppend, startCrawler } from './crawling.js';
import { type Answer, type Hostile, startHostile } from './hostile.js';
import { openNetwork } from './network.js';
import { run, temporaryFolder } from './process.js';
import { readSse, readUntil } from './readers.js';
import { html, status } from './rows.js';
import { hostOf, robots } from './sayings.js';

/** What happens, told from its beginning to its end. */
export interface Scene {
  readonly title: string;
  readonly play: (crawler: Crawler, test: TestContext) => Promise<void>;
}

const here = html('<p>here');

/** A page with so many links. */
function fan(count: number): Buffer {
  return html(Array.from({ length: count }, (_, i) => `<a href=/${i}>x</a>`).join(''));
}

function spider(start: readonly string[], settings: SpiderInput['settings'] = {}): SpiderInput {
  return {
    name: 'hostile',
    start: [...start],
    items: { p: { each: 'p', fields: { text: {} } } },
    follow: ['a'],
    settings: { autothrottle: false, robots: false, retries: 0, conditional: false, ...settings },
  };
}

/** Answers each request a moment later, and knows how many were open at once. */
function crowd(page: (request: string) => Buffer): { answer: Answer; most: () => number } {
  let open = 0;
  let most = 0;
  return {
    answer(socket, request) {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open -= 1;
        socket.write(page(request));
      }, 15);
    },
    most: () => most,
  };
}

/** A site that holds all requests but the first, and tells when so many are held. */
async function startHolding(many: number): Promise<Hostile & { readonly held: Promise<unknown> }> {
  let isFull = () => {};
  let count = 0;
  const held = new Promise<void>((resolve) => {
    isFull = resolve;
  });
  const site = await startHostile((socket, request) => {
    if (request.startsWith('GET / ')) return void socket.write(fan(many));
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<p>half</p>');
    if (++count === many) isFull();
  });
  return Object.assign(site, { held });
}

/** See {@link Scene}. */
export const scenes: readonly Scene[] = [
  {
    title: 'C8 an absurd crawl-delay is taken for a minute',
    async play(crawler) {
      const rules = robots('User-agent: *\nCrawl-delay: 86400');
      await using site = await startHostile((socket, request) => {
        socket.write(request.includes('/robots.txt') ? rules : fan(2));
      });
      const { runner, hosts } = crawler.engine;
      const { id } = await runner.start({ spider: parseSpider(spider([site.url], { robots: true })), origin: 'local' });
      while (crawler.store.progress(id)?.counts.page !== 1) await nextAppend(crawler.store.log);
      const { origin } = new URL(site.url);
      assert.equal(hosts().find(({ host }) => host === origin)?.delayMs, 60_000);
      await runner.cancel(id);
      await crawler.ended(id);
      assert.equal(site.requests.length, 2);
    },
  },
  {
    title: 'E10 all hosts together get no more sockets than there may be',
    async play() {
      const { answer, most } = crowd((request) => (request.startsWith('GET / ') ? fan(4) : here));
      await using site = await startHostile(answer);
      await using crawler = await startCrawler(undefined, { network: await openNetwork({ maxSockets: 3 }) });
      const start = Array.from({ length: 8 }, (_, i) => `http://site${i}-p${site.port}.crawl.test/`);
      const crawl = await crawler.crawl(spider(start, { concurrency: 32 }));
      assert.equal(crawl.of('page').length, 40);
      assert.equal(most(), 3);
      assert.equal(new Set(site.requests.map(hostOf)).size, 8);
    },
  },
  {
    title: 'E10 one host gets no more sockets than 64, whatever the spider wants',
    async play(crawler) {
      const { answer, most } = crowd((request) => (request.startsWith('GET / ') ? fan(150) : here));
      await using site = await startHostile(answer);
      const crawl = await crawler.crawl(spider([site.url], { concurrency: 200, concurrencyPerHost: 200 }));
      assert.equal(crawl.of('page').length, 151);
      assert.ok(most() <= 64, `${most()} at once`);
    },
  },
  {
    title: 'F1 what is in flight at kill -9 is fetched again, and gives nothing twice',
    async play(_, test) {
      const quote = (text: string) => `<div class=quote><span class=text>${text}</span></div>`;
      let pages = 0;
      await using site = await startHostile((socket, request) => {
        if (request.includes('/robots.txt')) socket.write(status('404 Not Found'));
        else if (pages++ === 0) socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n${quote('a')}`);
        else socket.write(html(quote('a') + quote('b')));
      });
      const args = ['--port', '0', '--workers', '1', '--data', temporaryFolder(test), '--start-url', site.url];
      const first = await run(test, ['serve', ...args]);
      await fetch(`${first.url}/crawl`);
      for await (const { type } of await readSse(first.url, '?since=0')) if (type === 'quote') break;
      await first.end('SIGKILL');
      const { url } = await run(test, ['serve', ...args]);
      const events = await readUntil(await readSse(url, '?since=0'), 'crawl.finished');
      const quotes = events.filter(({ type }) => type === 'quote').map(({ data }) => Object(data).quote);
      assert.deepEqual(quotes, ['a', 'b']);
      assert.equal(pages, 2);
    },
  },
  {
    title: 'F4 a cancelled crawl has exactly one last event, and lets go of its sockets',
    async play(crawler) {
      await using site = await startHolding(8);
      const { runner } = crawler.engine;
      const { id } = await runner.start({ spider: parseSpider(spider([site.url])), origin: 'local' });
      await site.held;
      const [one, other] = await Promise.allSettled([runner.cancel(id), runner.cancel(id)]);
      assert.deepEqual([one.status, other.status], ['fulfilled', 'rejected']);
      await site.emptied();
      const { events, last } = await crawler.ended(id);
      assert.equal(events.filter(({ type }) => /^crawl\.(finished|failed|cancelled)$/.test(type)).length, 1);
      assert.equal(last?.type, 'crawl.cancelled');
      assert.equal(last?.data.counts.page, 1);
      await assert.rejects(runner.cancel(id), { code: 'crawl.state' });
    },
  },
  {
    title: 'F4 the sockets of the last crawl are closed when it ends, however long its site would keep them',
    async play() {
      await using site = await startHostile((socket, request) => {
        socket.write(html(request.startsWith('GET / ') ? '<a href=/a>x</a>' : '', { 'keep-alive': 'timeout=600' }));
      });
      await using crawler = await startCrawler();
      await crawler.crawl(spider([site.url], { robots: true }));
      await site.emptied();
      assert.equal(site.requests.length, 3);
    },
  },
  {
    title: 'F9 a paused crawl asks for nothing until it is resumed, over restarts too',
    async play() {
      const store = await openMemoryStore();
      await using site = await startHolding(8);
      let id = '';
      {
        await using crawler = await startCrawler(store);
        const { runner } = crawler.engine;
        ({ id } = await runner.start({ spider: parseSpider(spider([site.url])), origin: 'local' }));
        await site.held;
        assert.equal((await runner.pause(id)).state, 'paused');
        await site.emptied();
      }
      await using crawler = await startCrawler(store);
      const { runner } = crawler.engine;
      runner.takeUp();
      // Another crawl comes and goes meanwhile.
      await using other = await startHostile((socket) => socket.write(here));
      await crawler.crawl(spider([other.url]));
      assert.equal(runner.snapshot(id)?.state, 'paused');
      assert.equal(site.requests.length, 9);
      await runner.resume(id);
      await site.asked(17);
      await runner.cancel(id);
      const { of } = await crawler.ended(id);
      assert.deepEqual([of('crawl.paused').length, of('crawl.resumed').length], [1, 1]);
      await store.close();
    },
  },
  {
    title: 'F10 ten crawls of one host together keep to its limits',
    async play(crawler) {
      const { answer, most } = crowd((request) => (request.startsWith('GET / ') ? fan(4) : here));
      await using site = await startHostile(answer);
      const crawls = await Promise.all(
        Array.from({ length: 10 }, () => crawler.crawl(spider([site.url], { concurrencyPerHost: 3 }))),
      );
      for (const crawl of crawls) assert.equal(crawl.of('page').length, 5);
      assert.equal(most(), 3);
    },
  },
  {
    title: 'J4 a crawl from outside may use no proxy, since nobody here can check where that connects to',
    async play(crawler) {
      await using proxy = await startHostile((socket) => socket.write(here));
      const { runner } = crawler.engine;
      const wanted = parseSpider(spider(['http://site.test/'], { proxy: proxy.url }));
      const isRefused = ({ code, message }: CrawlcastError) => code === 'spider.invalid' && message.includes('proxy');
      await assert.rejects(runner.start({ spider: wanted, origin: 'http' }), isRefused);
      const plain = parseSpider(spider(['http://site.test/']));
      const settings = { proxy: proxy.url };
      await assert.rejects(runner.start({ spider: plain, settings, origin: 'http' }), isRefused);
      assert.equal(proxy.accepted, 0);
    },
  },
  {
    title: 'J4 a crawl of our own goes through its proxy, to private addresses as well',
    async play(crawler) {
      await using proxy = await startHostile((socket) => socket.write(here));
      const crawl = await crawler.crawl(spider(['http://10.0.0.1/'], { proxy: proxy.url }));
      assert.equal(crawl.of('page').length, 1);
      assert.match(proxy.requests[0] ?? '', /^GET http:\/\/10\.0\.0\.1\/ /);
    },
  },
];
