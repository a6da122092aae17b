/** Sites whose robots.txt is odd, slow, or somewhere else. */
import assert from 'node:assert/strict';
import { type Row, reasons, type Saying, status } from './rows.js';
import { firstThen, gaps, noted, robots, to } from './sayings.js';

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

const slowRobots = noted(firstThen(status('503 Unavailable', 'retry-after: 1'), status('404 Not Found')));

/** See {@link Row}. */
export const robotsRows: readonly Row[] = [
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
    title: 'C1 robots.txt that breaks off fails the page, which is not asked for',
    site: {
      '/robots.txt': (socket) =>
        void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nUser-agent: *\nDisallow:'),
      '/': here,
    },
    failed: ['body.truncated @/'],
    asked: [],
  },
  {
    title: 'C1 robots.txt that never comes fails the page, which is not asked for',
    site: { '/robots.txt': () => {}, '/': here },
    settings: { timeout: '300ms' },
    failed: ['timeout.headers @/'],
    asked: [],
  },
  {
    title: 'C1 a page that a 503 refused for now is asked for later',
    site: { '/robots.txt': firstThen(status('503 Unavailable'), status('404 Not Found')), '/': here },
    settings: { retries: 1 },
    items: ['here'],
  },
  {
    title: 'C1 what waits for a host whose robots.txt cannot be had is not refused with the page that asked in vain',
    site: {
      '/robots.txt': firstThen(
        status('503 Unavailable'),
        firstThen(status('503 Unavailable'), status('404 Not Found')),
      ),
      '*': here,
    },
    start: ['@/a', '@/b', '@/c'],
    settings: { retries: 1 },
    skipped: 'any',
    check(crawl) {
      assert.deepEqual(reasons(crawl), ['robots']);
      assert.equal(crawl.of('page').length, 2);
    },
  },
  {
    title: 'C1 robots.txt is asked for again no sooner than its Retry-After',
    site: { '/robots.txt': slowRobots.say, '/': here },
    settings: { retries: 1 },
    items: ['here'],
    check() {
      const [ms = 0] = gaps(slowRobots.times('/robots.txt'));
      assert.ok(ms > 990, `asked again after ${ms} ms`);
    },
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
  {
    title: 'C3 a sixth redirect of robots.txt is none',
    site: {
      ...Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [n === 1 ? '/robots.txt' : `/r${n}`, to(`/r${n + 1}`)])),
      '/r7': robots('User-agent: *\nDisallow: /'),
      '/': here,
    },
    items: ['here'],
    asked: ['/', '/r2', '/r3', '/r4', '/r5', '/r6'],
  },
  ...['http://', 'ftp://127.0.0.1/', 'file:///etc/hosts', 'http://127.0.0.1:25/'].map(
    (place): Row => ({
      title: `C3 a robots.txt that leads to ${place} is none`,
      site: { '/robots.txt': to(place), '/': here },
      items: ['here'],
    }),
  ),
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
    title: 'C9 a robots.txt at a private address is not for a crawl from outside',
    site: { '/robots.txt': to('http://127.0.0.1:§/rules'), '*': here },
    start: ['http://public-p§.crawl.test/'],
    origin: 'http',
    failed: ['address.private http://public-p§.crawl.test/'],
    asked: [],
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
];
