/** Sites that want to be left alone, and sites without end. */
import assert from 'node:assert/strict';
import { html, type Row, reasons, type Saying, status } from './rows.js';
import { firstThen, gaps, hostOf, noted, robots } from './sayings.js';

const three = '<a href=/a>a</a><a href=/b>b</a><a href=/c>c</a>';
const here = '<p>here';

/** A page that is refused once with this header, and when it is asked for again. */
function refusedOnce(title: string, retryAfter: () => string, check: (ms: number) => void): Row {
  const { say, times } = noted(
    firstThen((socket) => void socket.write(status('503 Unavailable', `retry-after: ${retryAfter()}`)), here),
  );
  const row = { title, site: { '/': say }, settings: { retries: 1 }, items: ['here'] };
  return { ...row, check: () => check(gaps(times('/'))[0] ?? 0) };
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
const eight = ['/a', '/b', '/c', '/d', '/e', '/f', '/g', '/h'];
const refusing = noted(status('503 Unavailable'));
const jittered = noted(status('500 Error'));
const slowHost: number[] = [];
const quickHost: number[] = [];
let heldAt = 0;
let firstRefusal = 0;
let overAskedAt = 0;
let overHeldMs: number | undefined;

/** See {@link Row}. */
export const politenessRows: readonly Row[] = [
  {
    title: 'C8 a crawl-delay of 0.2 s holds between any two pages',
    site: { '/robots.txt': robots('User-agent: *\nCrawl-delay: 0.2'), '*': crawlDelayed.say },
    asked: ['/', '/a', '/b', '/c'],
    check: () => assert.ok(crawlDelayed.lasted() > 300, String(crawlDelayed.lasted())),
  },
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
    title: 'C10 a 429 without Retry-After holds the whole host as well',
    site: {
      '/': three,
      '*': firstThen(
        (socket) => {
          overAskedAt = performance.now();
          socket.write(status('429 Too Many'));
        },
        (socket) => {
          overHeldMs ??= performance.now() - overAskedAt;
          socket.write(html(here));
        },
      ),
    },
    settings: { retries: 1, concurrency: 1 },
    pages: ['@/', '@/a', '@/b', '@/c'],
    check: () => assert.ok((overHeldMs ?? 0) >= 249, `asked again after ${overHeldMs} ms`),
  },
  refusedOnce(
    'C10 Retry-After may be a date',
    () => new Date(Date.now() + 2_000).toUTCString(),
    (ms) => assert.ok(ms > 950, `asked again after ${ms} ms`),
  ),
  refusedOnce(
    'C10 a Retry-After that has passed holds nobody',
    () => new Date(Date.now() - 60_000).toUTCString(),
    (ms) => assert.ok(ms >= 249, `asked again after ${ms} ms`),
  ),
  refusedOnce(
    'C10 a Retry-After that cannot be read changes nothing',
    () => 'soon',
    (ms) => assert.ok(ms >= 249, `asked again after ${ms} ms`),
  ),
  {
    title: 'C10 while Retry-After holds one host, others go on',
    site: {
      '/': (socket, request, { requests }) => {
        const isHeld =
          hostOf(request).startsWith('held') &&
          requests.filter((other) => hostOf(other) === hostOf(request)).length === 1;
        socket.write(isHeld ? status('429 Too Many', 'retry-after: 1') : html(three));
      },
      '*': here,
    },
    start: ['http://held-p§.crawl.test/', 'http://free-p§.crawl.test/'],
    settings: { retries: 1, concurrency: 1, robots: false },
    check(crawl, { requests }) {
      assert.equal(crawl.of('page').length, 8);
      const hosts = requests.map((request) => hostOf(request).split('-')[0]);
      assert.ok(hosts.lastIndexOf('free') < hosts.indexOf('held', hosts.indexOf('held') + 1), String(hosts));
    },
  },
  {
    title: 'C11 each attempt waits twice as long as the one before',
    site: { '/': refusing.say },
    settings: { retries: 3 },
    failed: ['http.503 @/'],
    check() {
      const waits = gaps(refusing.times('/'));
      assert.equal(waits.length, 3);
      for (const [i, least] of [249, 499, 999].entries()) assert.ok((waits[i] ?? 0) >= least, String(waits));
    },
  },
  {
    title: 'C11 what failed together does not come back together',
    site: { '/': eight.map((target) => `<a href=${target}>x</a>`).join(''), '*': jittered.say },
    settings: { retries: 1 },
    failed: eight.map((target) => `http.500 @${target}`),
    check() {
      const waits = eight.map((target) => gaps(jittered.times(target))[0] ?? 0);
      assert.ok(Math.max(...waits) - Math.min(...waits) > 20, String(waits));
    },
  },
  {
    title: 'C12 the delay holds whatever the concurrency',
    site: { '*': delayed.say },
    settings: { delay: 200, concurrency: 8, robots: false },
    asked: ['/', '/a', '/b', '/c'],
    check: () => assert.ok(delayed.lasted() > 300, String(delayed.lasted())),
  },
  {
    title: 'C13 a slow host is asked less often, another one is not',
    site: {
      '*': (socket, request) => {
        const isSlow = hostOf(request).startsWith('slow');
        const links = request.startsWith('GET / ') ? eight.map((target) => `<a href=${target}>x</a>`).join('') : '';
        (isSlow ? slowHost : quickHost).push(performance.now());
        setTimeout(() => socket.write(html(links)), isSlow ? 320 : 0);
      },
    },
    start: ['http://slow-p§.crawl.test/', 'http://quick-p§.crawl.test/'],
    settings: { autothrottle: true, robots: false },
    check(crawl) {
      assert.equal(crawl.of('page').length, 18);
      // 320 ms for eight in flight at once: the next is asked for after 40 ms.
      const [slow, quick] = [slowHost, quickHost].map((times) => (times.at(-1) ?? 0) - (times[1] ?? 0));
      assert.ok((slow ?? 0) > 220, `${slow} ms`);
      assert.ok((quick ?? 0) < (slow ?? 0), `${quick} against ${slow} ms`);
    },
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
];
