/** Sites on which a crawl may lose its way, its count or its cookies. */
import assert from 'node:assert/strict';
import { html, type Row, status } from './rows.js';
import { hostOf, to } from './sayings.js';

const here = '<p>here';

/** The cookies of the request for a target, sorted. */
function cookiesAt(target: string, requests: readonly string[], host = ''): string[] {
  const request = requests.find((head) => head.includes(` ${target} `) && hostOf(head).startsWith(host)) ?? '';
  return (/^cookie: (.*?)\r?$/im.exec(request)?.[1] ?? '').split('; ').sort();
}

/** A page that takes a moment, so that many are in flight. */
function slowly(bytes: Buffer): Row['site'][string] {
  return (socket) => void setTimeout(() => socket.write(bytes), 15);
}

/** Lets in who fills in the form with what it asks for, in the session that it was given in. */
const loginSite: Row['site'] = {
  '/login': (socket, request) => {
    if (request.startsWith('GET')) {
      const inputs =
        '<input type=hidden name=csrf value="t&amp;1"><input name=user><input name=password type=password>';
      socket.write(html(`<form method=post>${inputs}</form>`, { 'set-cookie': 'session=before; HttpOnly' }));
    } else if (
      /^cookie: session=before\r$/im.test(request) &&
      request.endsWith('\r\n\r\ncsrf=t%261&user=ann&password=p%3Dw')
    ) {
      socket.write(status('303 See Other', 'location: /', 'set-cookie: session=in; HttpOnly'));
    } else socket.write(status('403 Forbidden'));
  },
  '*': (socket, request) => {
    const isIn = /^cookie: session=in\r?$/im.test(request);
    socket.write(isIn ? html('<p>member</p><a href=/more>x</a>') : status('302 Found', 'location: /login'));
  },
};

/** A page that is found too deep before it is found less deep. */
const foundTooDeep: Row['site'] = {
  '/': '<a href=/slow>s</a><a href=/a>a</a>',
  // When the sixth request, after that for robots.txt, has asked for /x by the longer path.
  '/slow': (socket, _, site) => void site.asked(6).then(() => socket.write(html('<a href=/x>x</a>'))),
  '/a': '<a href=/b>b</a>',
  '/b': '<a href=/x>x</a>',
  '/x': '<p>x<a href=/y>y</a>',
  '/y': '<p>y',
};

/** See {@link Row}. */
export const crawlRows: readonly Row[] = [
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
    title: 'F2 a page to which two links and a redirect lead gives its items once',
    site: {
      '/': '<a href=/a>x</a><a href=/b>x</a><a href=/r>x</a>',
      '/a': '<a href=/c>x</a>',
      '/b': '<a href=/c#b>x</a>',
      '/r': to('/c'),
      '/c': here,
    },
    items: ['here'],
    asked: ['/', '/a', '/b', '/c', '/r'],
  },
  {
    title: 'F2 what a page gave before it became too large is kept, and followed',
    site: { '/': `<p>here</p><a href=/x>x</a>${' '.repeat(2_000)}`, '/x': here },
    settings: { maxBytes: 1_000, robots: false },
    failed: ['body.too_large @/'],
    items: ['here', 'here'],
    asked: ['/', '/x'],
  },
  {
    title: 'F3 maxPages is exact whatever the concurrency, and failures and redirects do not count',
    site: {
      '/': Array.from({ length: 30 }, (_, i) => `<a href=/${['gone', 'moved', 'page'][i % 3]}/${i}>x</a>`).join(''),
      ...Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`/moved/${i}`, to(`/page/m${i}`)])),
      ...Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`/gone/${i}`, status('410 Gone')])),
      '*': slowly(html(here)),
    },
    settings: { maxPages: 7, concurrency: 16, concurrencyPerHost: 16 },
    skipped: 'any',
    failed: 'any',
    check(crawl, { requests }) {
      assert.equal(crawl.of('page').length, 7);
      assert.equal(requests.filter((request) => request.includes(' /page/')).length, 6);
      assert.equal(crawl.last?.data.stats.pages, 7);
    },
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
    title: 'F6 what is too deep by a longer path is followed by a shorter one that comes later',
    site: foundTooDeep,
    settings: { maxDepth: 3 },
    skipped: ['depth @/y'],
    items: ['xy', 'y'],
    pages: ['@/', '@/a', '@/b', '@/slow', '@/x', '@/y'],
    asked: ['/', '/a', '/b', '/slow', '/x', '/x', '/y'],
    check(crawl) {
      const pages = crawl.of('page').map(({ data }) => [new URL(data.url).pathname, data.depth]);
      assert.equal(Object.fromEntries(pages)['/y'], 3);
      assert.equal(crawl.last?.data.stats.pages, 6);
      assert.equal(crawl.last?.data.stats.queued, 0);
    },
  },
  {
    title: 'F6 a page that would be read again is not told to be over the budget, as it has been read',
    site: foundTooDeep,
    settings: { maxDepth: 3, maxPages: 5 },
    skipped: ['depth @/y'],
    items: ['xy'],
    pages: ['@/', '@/a', '@/b', '@/slow', '@/x'],
    asked: ['/', '/a', '/b', '/slow', '/x'],
    check: (crawl) => assert.equal(crawl.last?.data.stats.queued, 0),
  },
  {
    title: 'F7 a cookie for the domain goes to its hosts, one without only to its own, one for others to nobody',
    site: {
      '/': (socket, _, { port }) => {
        const lines = ['wide=1; Domain=crawl.test', 'own=1', 'foreign=1; Domain=example.org', 'all=1; Domain=test'];
        const links = ['site', 'other'].map((name) => `<a href=http://${name}-p${port}.crawl.test/x>x</a>`);
        const body = links.join('');
        const head = [
          `content-length: ${body.length}`,
          'content-type: text/html',
          ...lines.map((line) => `set-cookie: ${line}`),
        ];
        socket.write(`HTTP/1.1 200 OK\r\n${head.join('\r\n')}\r\n\r\n${body}`);
      },
      '/x': here,
    },
    start: ['http://site-p§.crawl.test/'],
    spider: { allow: ['.crawl.test'] },
    check(_, { requests }) {
      assert.deepEqual(cookiesAt('/x', requests, 'site'), ['own=1', 'wide=1']);
      assert.deepEqual(cookiesAt('/x', requests, 'other'), ['wide=1']);
    },
  },
  {
    title: 'F7 cookies and a Cookie header are one line; headers of the spider, in any case, take the place of ours',
    site: { '/': here },
    settings: {
      headers: { 'User-Agent': 'mine/1', ACCEPT: 'application/json', Cookie: 'a=1' },
      cookies: { b: '2' },
      userAgent: 'other/1',
    },
    asked: ['/'],
    check(_, { requests }) {
      const [request = ''] = requests.filter((one) => one.startsWith('GET / '));
      const lines = request.split('\r\n').filter((line) => /^(user-agent|accept|cookie):/i.test(line));
      assert.deepEqual(lines.map((line) => line.toLowerCase()).sort(), [
        'accept: application/json',
        'cookie: a=1; b=2',
        'user-agent: mine/1',
      ]);
    },
  },
  {
    title: 'F7 Secure and __Host- mean what they say',
    secure: 'valid',
    site: {
      '/': (socket, _, { port }) => {
        const lines = [
          'plain=1',
          'safe=1; Secure',
          '__Host-a=1; Secure; Path=/',
          '__Host-b=1; Secure; Path=/; Domain=crawl.test',
          '__Host-c=1; Path=/',
          '__Secure-d=1',
        ];
        const body = `<a href=/x>x</a><a href=http://site-p${port}.crawl.test/y>x</a>`;
        const head = [
          `content-length: ${body.length}`,
          'content-type: text/html',
          ...lines.map((line) => `set-cookie: ${line}`),
        ];
        socket.write(`HTTP/1.1 200 OK\r\n${head.join('\r\n')}\r\n\r\n${body}`);
      },
      '*': here,
    },
    start: ['https://site-p§.crawl.test/'],
    check(_, { requests }) {
      assert.deepEqual(cookiesAt('/x', requests), ['__Host-a=1', 'plain=1', 'safe=1']);
      assert.deepEqual(cookiesAt('/y', requests), ['plain=1']);
    },
  },
  {
    title: 'F7 a cookie of a page that failed is sent when it is asked for again',
    site: {
      '/': (socket, request) =>
        void socket.write(
          /\ncookie: seen=1/i.test(request) ? html(here) : status('503 Unavailable', 'set-cookie: seen=1'),
        ),
    },
    settings: { retries: 1 },
    items: ['here'],
  },
  {
    title: 'F7 a cookie of a redirect is sent to where it leads',
    site: { '/': to('/in', '302 Found', 'set-cookie: r=1'), '/in': here },
    check: (_, { requests }) => assert.deepEqual(cookiesAt('/in', requests), ['r=1']),
  },
  {
    title: 'F8 a login form with a CSRF token, then pages behind it',
    site: loginSite,
    spider: { login: { url: '@/login', fields: { user: 'ann', password: 'p=w' }, check: 'p' } },
    settings: { robots: false },
    items: ['member', 'member'],
    asked: ['/', '/', '/login', '/login', '/more'],
    check: (crawl) => assert.ok(!JSON.stringify(crawl.events).includes('p=w')),
  },
  {
    title: 'F8 a login that does not succeed fails the crawl before its first page',
    site: loginSite,
    spider: { login: { url: '@/login', fields: { user: 'ann', password: 'wrong' } } },
    settings: { robots: false },
    asked: ['/login', '/login'],
    check: (crawl) => assert.equal(crawl.last?.data.error, 'login.failed'),
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
