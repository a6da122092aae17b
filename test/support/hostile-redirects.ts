/** Sites that send a crawl elsewhere. */
import assert from 'node:assert/strict';
import { type Act, html, type Row } from './rows.js';
import { to } from './sayings.js';

const here = '<p>here';

/** Says what is here to whoever has the cookie, and this to anybody else. */
function withCookie(otherwise: Act): Act {
  return (socket, request, site) => {
    if (/\ncookie: seen=1/i.test(request)) socket.write(html(here));
    else otherwise(socket, request, site);
  };
}

/** A site whose login form is answered with this redirect, and what then comes to the place where it leads. */
function afterLogin(line: string, landing: RegExp): Row {
  const form = '<form id=in method=post><input type=hidden name=token value=x></form>';
  return {
    title: `B5 a login form that is answered with ${line}`,
    site: {
      '/login': (socket, request, site) => {
        if (request.startsWith('POST')) to('/in', line)(socket, request, site);
        else socket.write(html(form));
      },
      '*': here,
    },
    start: ['@/start'],
    spider: { login: { url: '@/login', form: '#in', fields: { user: 'ann' }, check: 'p' } },
    asked: ['/in', '/login', '/login', '/start'],
    check(_, site) {
      const landed = site.requests.find((request) => request.includes(' /in ')) ?? '';
      assert.match(landed, landing);
      assert.doesNotMatch(landed, landing.source.startsWith('^GET') ? /token=x|content-type/i : /^GET/);
    },
  };
}

/** The request for this target, lower-cased: names of headers may be written as one likes. */
function requestFor(target: string, requests: readonly string[]): string {
  return requests.find((request) => request.includes(` ${target} `))?.toLowerCase() ?? '';
}

const credentials = { headers: { authorization: 'Basic eDp5' }, cookies: { sid: 'secret' } };
const asGet = /^GET \/in /;
const asPost = /^POST \/in [\s\S]*\r\n\r\ntoken=x&user=ann$/;

/** See {@link Row}. */
export const redirectRows: readonly Row[] = [
  ...['301 Moved', '302 Found', '303 See Other', '307 Temporary', '308 Permanent'].map(
    (line): Row => ({
      title: `B1 a relative Location, ${line}`,
      site: { '/': to('x/y', line), '/x/y': here },
      pages: ['@/x/y'],
    }),
  ),
  { title: 'B1 a Location that is not ASCII', site: { '/': to('/ü'), '*': here }, asked: ['/', '/%C3%BC'] },
  {
    title: 'B1 a Location that is no URL, from a page with a password',
    site: { '/': to('http://') },
    start: ['http://me:secret@127.0.0.1:§/'],
    failed: ['redirect.invalid @/'],
    check: (crawl) => assert.ok(!JSON.stringify(crawl.events).includes('secret')),
  },
  { title: 'B2 a circle', site: { '/': to('/a'), '/a': to('/b'), '/b': to('/') }, failed: ['redirect.loop @/b'] },
  { title: 'B2 a page that leads to itself', site: { '/': to('/#x') }, failed: ['redirect.loop @/'] },
  {
    title: 'B2 a page that sets a cookie and leads to itself is read with it',
    site: { '/': withCookie(to('/', '302 Found', 'set-cookie: seen=1')) },
    items: ['here'],
    pages: ['@/'],
    asked: ['/', '/'],
  },
  {
    title: 'B2 a page that does so although it has got its cookie',
    site: { '/': to('/', '302 Found', 'set-cookie: seen=1') },
    failed: ['redirect.loop @/'],
    asked: ['/', '/'],
  },
  {
    title: 'B2 a page that wants two cookies, one after the other, is read with both',
    site: {
      '/': (socket, request, site) => {
        const next = /\ncookie: a=1/i.test(request) ? 'set-cookie: seen=1' : 'set-cookie: a=1';
        if (/\ncookie:.*seen=1/i.test(request)) socket.write(html(here));
        else to('/', '302 Found', next)(socket, request, site);
      },
    },
    items: ['here'],
    pages: ['@/'],
    asked: ['/', '/', '/'],
  },
  {
    title: 'B2 a page that another one sends back with a cookie is read with it',
    site: {
      '/': withCookie(to('/enter')),
      '/enter': to('/', '302 Found', 'set-cookie: seen=1'),
    },
    items: ['here'],
    pages: ['@/'],
    asked: ['/', '/', '/enter'],
  },
  {
    title: 'B2 a page that leads to another way to write itself is read there',
    site: { '/?b=1&a=2': to('/?a=2&b=1'), '/?a=2&b=1': here },
    start: ['@/?b=1&a=2'],
    items: ['here'],
    pages: ['@/?a=2&b=1'],
  },
  {
    title: 'B2 more redirects than the limit',
    site: { '/': to('/1'), '/1': to('/2'), '/2': to('/3'), '/3': here },
    settings: { redirects: 2 },
    failed: ['redirect.too_many @/2'],
    asked: ['/', '/1', '/2'],
  },
  {
    title: 'B3 to a host that is not allowed',
    site: { '/': to('http://localhost:§/x') },
    skipped: ['offsite http://localhost:§/x'],
  },
  {
    title: 'B4 robots.txt is asked at every hop',
    site: {
      '/robots.txt': html('User-agent: *\nDisallow: /no', { 'content-type': 'text/plain' }),
      '/': to('/no'),
      '/no': here,
    },
    skipped: ['robots @/no'],
    asked: ['/'],
  },
  {
    title: 'B6 credentials do not go to another host',
    site: { '/': to('http://localhost:§/x'), '/x': here },
    spider: { allow: ['127.0.0.1', 'localhost'] },
    settings: { headers: { authorization: 'Basic eDp5' }, cookies: { sid: 'secret' } },
    pages: ['http://localhost:§/x'],
    check(_, site) {
      const asked = site.requests.filter((request) => !request.includes('/robots.txt'));
      assert.match(asked[0] ?? '', /authorization: Basic/i);
      assert.match(asked[0] ?? '', /cookie: sid=secret/i);
      assert.doesNotMatch(asked[1] ?? '', /authorization|cookie/i);
    },
  },
  {
    title: 'B6 credentials do not go to another port of the host',
    start: ['http://site-p§.crawl.test/'],
    site: { '/': to('http://site-p§.crawl.test:§/x'), '/x': here },
    spider: { allow: ['site-p§.crawl.test'] },
    settings: { headers: credentials.headers },
    pages: ['http://site-p§.crawl.test:§/x'],
    check(_, { requests }) {
      assert.match(requestFor('/', requests), /\nauthorization:/);
      assert.doesNotMatch(requestFor('/x', requests), /\nauthorization:/);
    },
  },
  {
    title: 'B6 credentials go on from http to https of their host',
    secure: 'valid',
    start: ['http://127.0.0.1:§/'],
    site: { '/': to('https://127.0.0.1:§/x'), '/x': here },
    settings: credentials,
    pages: ['@/x'],
    check(_, { requests }) {
      for (const target of ['/', '/x']) {
        assert.match(requestFor(target, requests), /\nauthorization: basic/);
        assert.match(requestFor(target, requests), /\ncookie: sid=secret/);
      }
    },
  },
  afterLogin('301 Moved', asGet),
  afterLogin('302 Found', asGet),
  afterLogin('303 See Other', asGet),
  afterLogin('307 Temporary', asPost),
  afterLogin('308 Permanent', asPost),
  ...[
    { how: 'as a POST', site: { '/login': '<form method=post action="http://127.0.0.1:§/in">' } },
    { how: 'as a GET', site: { '/login': '<form action="http://127.0.0.1:§/in">' } },
    {
      how: 'by a redirect',
      site: { '/login': '<form method=post action=/hop>', '/hop': to('http://127.0.0.1:§/in', '307 Temporary') },
    },
  ].map(
    ({ how, site }): Row => ({
      title: `B7 what a login form is filled in with does not go from https to http ${how}`,
      secure: 'valid',
      site: { ...site, '*': here },
      spider: { login: { url: '@/login', fields: { user: 'ann' } } },
      asked: Object.keys(site).sort((a, b) => (a < b ? -1 : 1)),
      check({ last }) {
        assert.equal(last?.data.error, 'login.failed');
        assert.match(last?.data.message, /, without encryption$/);
      },
    }),
  ),
  {
    title: 'B7 behind a login over https a page may be without it',
    secure: 'valid',
    site: {
      '/login': '<form method=post action=/hop>',
      '/hop': to('http://127.0.0.1:§/in'),
      '*': here,
    },
    spider: { login: { url: '@/login', fields: { user: 'ann' } } },
    pages: ['@/'],
    asked: ['/', '/hop', '/in', '/login'],
  },
  {
    title: 'B7 from https to http of the same host, but without what would have been encrypted',
    secure: 'valid',
    start: ['https://site-p§.crawl.test/'],
    site: { '/': to('http://site-p§.crawl.test/x', '302 Found', 'set-cookie: own=1; Secure'), '/x': here },
    settings: credentials,
    pages: ['http://site-p§.crawl.test/x'],
    check(_, { requests }) {
      assert.match(requestFor('/', requests), /\nauthorization: basic/);
      assert.match(requestFor('/', requests), /\ncookie: sid=secret/);
      assert.doesNotMatch(requestFor('/x', requests), /\n(authorization|cookie):/);
    },
  },
  {
    title: 'B8 a 302 without Location is a page',
    site: { '/': Buffer.from('HTTP/1.1 302 Found\r\ncontent-type: text/html\r\ncontent-length: 7\r\n\r\n<p>here') },
    items: ['here'],
    pages: ['@/'],
  },
  {
    title: 'B9 a page that refreshes to another at once leads there, whatever is followed',
    site: { '/': '<meta http-equiv=Refresh content="0; url=/x"><p>a', '/x': '<p>b' },
    spider: { follow: [] },
    items: ['a', 'b'],
  },
  {
    title: 'B9 a page that refreshes after a minute, or itself, does not',
    site: {
      '/': '<meta http-equiv=refresh content="60; url=/x"><a href=/y>y</a>',
      '/y': '<meta http-equiv=refresh content="1">',
    },
    asked: ['/', '/y'],
  },
  {
    title: 'B9 a page that refreshes to another host is not followed there, nor for ever',
    site: {
      '/': '<meta http-equiv=refresh content="0; url=/a"><a href=/b>b</a>',
      '/a': '<meta http-equiv=refresh content="0; url=/">',
      '/b': '<meta http-equiv=refresh content="0; url=http://localhost:§/">',
    },
    skipped: ['offsite http://localhost:§/'],
    asked: ['/', '/a', '/b'],
  },
  {
    title: 'B10 what a start URL leads to is crawled with all slots',
    site: {
      '/': to('/x'),
      '/x': '<a href=/a>a</a><a href=/b>b</a>',
      // When both have been asked for, after three others.
      '*': (socket, _, site) => void site.asked(5).then(() => socket.write(html(here))),
    },
    asked: ['/', '/a', '/b', '/x'],
    items: ['here', 'here'],
  },
  {
    title: 'B10 to a page that has been seen',
    site: {
      '/': '<p>a</p><a href=/x>x</a><a href=/y>y</a>',
      '/x': to('/y'),
      '/y': '<p>b</p><a href=/z>z</a>',
      '/z': to('/'),
    },
    items: ['a', 'b'],
    asked: ['/', '/x', '/y', '/z'],
  },
  {
    title: 'B11 to a private address, as a number and as a name',
    start: ['http://public-p§.crawl.test/a', 'http://public-p§.crawl.test/b'],
    site: { '/a': to('http://127.0.0.1:§/x'), '/b': to('http://private-p§.crawl.test/x') },
    spider: { allow: ['*'] },
    origin: 'http',
    skipped: ['private @/x'],
    failed: ['address.private http://private-p§.crawl.test/x'],
    asked: ['/a', '/b'],
  },
];
