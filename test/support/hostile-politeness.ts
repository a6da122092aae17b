/** Sites whose robots.txt is odd, sites that want to be left alone, and sites without end. */
import assert from 'node:assert/strict';
import { html, type Row, reasons, type Saying, status } from './rows.js';

/** A robots.txt. */
function robots(text: string | Buffer, type = 'text/plain'): Buffer {
  return html(text, { 'content-type': type });
}

const three = '<a href=/a>a</a><a href=/b>b</a><a href=/c>c</a>';
const here = '<p>here';

/** A site whose start page is refused, or not. */
function start(title: string, rules: Saying, isAllowed: boolean, settings: Row['settings'] = {}): Row {
  return {
    title,
    site: { '/robots.txt': rules, '/': here },
    settings,
    asked: isAllowed ? ['/'] : [],
    skipped: isAllowed ? [] : ['robots @/'],
  };
}

/** A site with these rules, and what of its pages is asked for. */
function rules(title: string, text: string | Buffer, links: readonly string[], refused: readonly string[]): Row {
  const body = links.map((link) => `<a href="${link}">x</a>`).join('');
  return {
    title,
    site: { '/robots.txt': robots(text), '/': body, '*': here },
    asked: ['/', ...links.filter((link) => !refused.includes(link))].sort(),
    skipped: refused.map((link) => `robots @${link}`),
  };
}

/** Answers, and notes how long it was asked. */
function timed(page: string): { say: Saying; lasted: () => number } {
  const times: number[] = [];
  return {
    say(socket) {
      times.push(performance.now());
      socket.write(html(page));
    },
    // Arrivals jitter, their sum hardly.
    lasted: () => (times.at(-1) ?? 0) - (times[0] ?? 0),
  };
}

const delayed = timed(three);
const crawlDelayed = timed(three);
let heldAt = 0;
let firstRefusal = 0;

/** See {@link Row}. */
export const politenessRows: readonly Row[] = [
  start('C1 robots.txt with a 503 refuses for now', status('503 Unavailable'), false),
  start('C1 robots.txt with a 404 allows', status('404 Not Found'), true),
  start('C1 robots.txt with a 403 allows', status('403 Forbidden'), true),
  start('C1 robots.txt with a 429 refuses for now', status('429 Too Many'), false),
  {
    title: 'C1 robots.txt that is reset fails the page, which is not asked for',
    site: { '/robots.txt': (socket) => void socket.resetAndDestroy(), '/': here },
    failed: ['connect.reset @/'],
    asked: [],
  },
  {
    title: 'C1 robots.txt that never comes fails the page, which is not asked for',
    site: { '/robots.txt': () => {}, '/': here },
    settings: { timeout: '300ms' },
    failed: ['timeout.headers @/'],
    asked: [],
  },
  rules(
    'C2 the rules at the end of 490 KiB count',
    `#${'x'.repeat(490 * 1_024)}\nUser-agent: *\nDisallow: /a`,
    ['/a', '/b'],
    ['/a'],
  ),
  {
    title: 'C3 five redirects of robots.txt are followed',
    site: {
      ...Object.fromEntries(
        [1, 2, 3, 4, 5].map((n) => [n === 1 ? '/robots.txt' : `/r${n}`, status('302 Found', `location: /r${n + 1}`)]),
      ),
      '/r6': robots('User-agent: *\nDisallow: /'),
      '/': here,
    },
    skipped: ['robots @/'],
    pages: [],
  },
  rules(
    'C5 the longest rule counts, allow wins, * and $ mean what they mean',
    'User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /*.pdf$\nDisallow: /t\nAllow: /t\nDisallow: /%7eu',
    ['/a/x', '/a/b', '/x.pdf', '/x.pdf?1', '/t', '/~u'],
    ['/a/x', '/x.pdf', '/~u'],
  ),
  rules(
    'C6 our groups are one, whatever the case, behind a BOM, with lines that end in CR',
    '\ufeffuser-AGENT: CrawlCast\rDisallow: /a\r\rUser-agent: *\rDisallow: /c\r\rUser-agent: crawlcast\rDisallow: /b\r',
    ['/a', '/b', '/c'],
    ['/a', '/b'],
  ),
  start('C7 HTML instead of robots.txt has no rules', robots('<!doctype html><p>User-agent: x</p>', 'text/html'), true),
  {
    title: 'C8 a crawl-delay of 0.2 s holds between any two pages',
    site: { '/robots.txt': robots('User-agent: *\nCrawl-delay: 0.2'), '*': crawlDelayed.say },
    asked: ['/', '/a', '/b', '/c'],
    check: () => assert.ok(crawlDelayed.lasted() > 300, String(crawlDelayed.lasted())),
  },
  start(
    'C9 a robots.txt without end is cut',
    (socket) => {
      const chunk = `${'# nothing\n'.repeat(10_000)}`;
      socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n`);
      const more = () => socket.writable && socket.write(chunk, more);
      more();
    },
    true,
  ),
  {
    title: 'C10 Retry-After holds the whole host',
    site: {
      '/': three,
      '*': (socket, request) => {
        if (firstRefusal === 0 && request.includes('/a ')) {
          firstRefusal = performance.now();
          socket.write(status('503 Unavailable', 'retry-after: 1'));
          return;
        }
        if (firstRefusal > 0 && heldAt === 0) heldAt = performance.now() - firstRefusal;
        socket.write(html(here));
      },
    },
    settings: { retries: 1, concurrency: 1 },
    pages: ['@/', '@/a', '@/b', '@/c'],
    check: () => assert.ok(heldAt > 950, `asked again after ${heldAt} ms`),
  },
  {
    title: 'C10 a Retry-After that cannot be read changes nothing',
    site: {
      '/': (socket, _, site) => {
        const isFirst = site.requests.filter((request) => request.startsWith('GET / ')).length === 1;
        socket.write(isFirst ? status('503 Unavailable', 'retry-after: soon') : html(here));
      },
    },
    settings: { retries: 1 },
    items: ['here'],
  },
  {
    title: 'C12 the delay holds whatever the concurrency',
    site: { '*': delayed.say },
    settings: { delay: 200, concurrency: 8, robots: false },
    asked: ['/', '/a', '/b', '/c'],
    check: () => assert.ok(delayed.lasted() > 300, String(delayed.lasted())),
  },
  {
    title: 'C14 a path that grows for ever is a trap',
    site: { '*': '<a href="x/">x</a>' },
    start: ['@/'],
    pages: ['@/', '@/x/', '@/x/x/', '@/x/x/x/'],
    skipped: ['trap @/x/x/x/x/'],
  },
  {
    title: 'C14 an endless calendar ends with maxPages, exactly',
    site: {
      '*': (socket, request) => {
        const day = Number(/day=(\d+)/.exec(request)?.[1] ?? 0);
        const days = [1, 2, 3].map((more) => `<a href="/?day=${day + more}">x</a>`);
        socket.write(html(`<p>${day}${days.join('')}`));
      },
    },
    settings: { maxPages: 20, concurrency: 8 },
    skipped: 'any',
    check(crawl) {
      assert.equal(crawl.of('page').length, 20);
      assert.deepEqual(new Set(reasons(crawl)), new Set(['budget']));
    },
  },
  {
    title: 'C14 new session ids in every link end with maxDepth',
    site: { '*': (socket, _, site) => void socket.write(html(`<a href="/?sid=${site.requests.length}">x</a>`)) },
    settings: { maxDepth: 3 },
    skipped: 'any',
    check(crawl) {
      assert.equal(crawl.of('page').length, 4);
      assert.deepEqual(reasons(crawl), ['depth']);
    },
  },
  {
    title: 'F2 what a broken page gave is not given again by its second attempt',
    site: {
      '/': (socket, _, site) => {
        const isFirst = site.requests.filter((head) => head.startsWith('GET / ')).length === 1;
        const half = 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 99\r\n\r\n<p>a</p><p>a</p>';
        if (isFirst) socket.end(half);
        else socket.write(html('<p>a</p><p>a</p><p>b</p>'));
      },
    },
    settings: { retries: 1 },
    items: ['a', 'a', 'b'],
  },
  {
    title: 'F5 a crawl without a page has failed',
    site: {},
    failed: ['http.404 @/'],
    check: (crawl) => assert.equal(crawl.last?.type, 'crawl.failed'),
  },
  {
    title: 'F6 depth is that of the shortest path',
    site: { '/': '<a href=/a>a</a><a href=/c>c</a>', '/a': '<a href=/b>b</a>', '/b': '<a href=/c>c</a>', '/c': here },
    check(crawl) {
      const depths = Object.fromEntries(crawl.of('page').map(({ data }) => [new URL(data.url).pathname, data.depth]));
      assert.deepEqual(depths, { '/': 0, '/a': 1, '/b': 2, '/c': 1 });
    },
  },
  {
    title: 'F7 cookies of the site are sent where they belong',
    site: {
      '/': html('<a href=/in/x>x</a><a href=/out>o</a>', {
        'set-cookie': 'a=1; Path=/in; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
      }),
      '*': here,
    },
    check(_, site) {
      const asked = (path: string) => site.requests.find((request) => request.startsWith(`GET ${path} `)) ?? '';
      assert.match(asked('/in/x'), /^cookie: a=1\r?$/im);
      assert.doesNotMatch(asked('/out'), /^cookie/im);
    },
  },
];
