import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import { parseSpider, type SpiderInput } from '#src/crawl/spider.js';
import { startSite } from '#src/site/site.js';
import { nextAppend, startCrawler, startWeb } from './support/crawling.js';

const secret = 'pa55word&ü';

function member(url: string, changes: Partial<NonNullable<SpiderInput['login']>> = {}): SpiderInput {
  return {
    name: 'member',
    start: [`${url}/page/2/`],
    items: { me: { each: 'a[href="/logout"]', fields: { text: {} } } },
    login: { url: `${url}/login`, fields: { username: 'ann', password: secret }, ...changes },
    settings: { robots: false, retries: 0 },
  };
}

test('login › a crawl sees what members see, and tells nobody how it got there', async () => {
  const requests: string[] = [];
  const site = await startSite({ pages: 2, onRequest: (method, target) => requests.push(`${method} ${target}`) });
  await using crawler = await startCrawler();
  try {
    const { items, events, last, id } = await crawler.crawl(member(site.url, { check: 'a[href="/logout"]' }));
    assert.equal(last?.type, 'crawl.finished');
    assert.deepEqual(items, [{ text: 'Logout' }]);
    assert.deepEqual(requests, ['GET /login', 'POST /login', 'GET /', 'GET /page/2/']);
    assert.doesNotMatch(JSON.stringify(events), /pa55word|csrf|session=/);
    assert.doesNotMatch(JSON.stringify(crawler.engine.runner.snapshot(id)), /pa55word/);
    assert.deepEqual([...crawler.store.ownDocuments(id)], [], 'cookies go with the crawl');
  } finally {
    await site.close();
  }
});

for (const [title, changes, message] of [
  ['a wrong form', { fields: { username: '', password: secret } }, /answered with status 400/],
  ['no such form', { form: '#none' }, /no form matches "#none"/],
  ['a check that finds nothing', { check: '#none' }, /nothing matches "#none"/],
  [
    'a name that the form has not',
    { fields: { user: 'ann', username: 'ann', password: secret }, check: '#none' },
    /nothing matches "#none" behind it; the form has no input "user": it has "csrf_token", "username", "password"$/,
  ],
  ['a page that is not there', { url: '/none' }, /status 404/],
  ['the port of another protocol', { url: 'http://127.0.0.1:1/' }, /may not enter \(port\)/],
] as const) {
  test(`login › ${title} fails the crawl before its first page`, async () => {
    const site = await startSite({ pages: 2 });
    await using crawler = await startCrawler();
    try {
      const spider = member(site.url, changes);
      if (spider.login?.url.startsWith('/')) spider.login.url = site.url + spider.login.url;
      const { last, events } = await crawler.crawl(spider);
      assert.deepEqual(
        events.map(({ type }) => type),
        ['crawl.started', 'crawl.failed'],
      );
      assert.equal(last?.data.error, 'login.failed');
      assert.match(last?.data.message, message);
      assert.equal(last?.data.message.split(' failed: ').length, 2, 'said once');
      assert.doesNotMatch(JSON.stringify(events), /pa55word/);
    } finally {
      await site.close();
    }
  });
}

for (const [title, form, says] of [
  ['a button is one, and a hidden input without a value', '<input type=hidden name=next><button name=go>', ''],
  ['there may be none', '<input>', '; the form has no input "next", "go": it has none with a name'],
] as const) {
  test(`login › among the inputs that it tells of ${title}`, async () => {
    await using web = await startWeb((_, response) => {
      response.setHeader('content-type', 'text/html').end(`<form method=post>${form}</form>`);
    });
    await using crawler = await startCrawler();
    const { last } = await crawler.crawl(member(web.url, { fields: { next: '/', go: '1' }, check: '#none' }));
    const message: unknown = last?.data.message;
    assert.equal(String(message).split(' behind it')[1], says);
  });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}

/**
 * A site whose login answers with a redirect of some status, first to /hop, and says what came where.
 * It answers /held when `released` has come.
 */
async function startRedirecting(status: number, target = '/hop', released = Promise.resolve()) {
  const seen: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await bodyOf(request);
    if (request.url === '/held') await released;
    seen.push(`${request.method} ${request.url} ${body} ${request.headers.cookie ?? '-'}`);
    if (request.url === '/login' && request.method === 'GET') {
      const inputs = '<input type=hidden name=token value=" a&amp;b "><input type=HIDDEN name=user value=x>';
      response.setHeader('set-cookie', 'c=1');
      response.setHeader('content-type', 'text/html');
      response.end(`<form id=search></form><form id=in method=post action=>${inputs}</form>`);
    } else if (request.url === '/login') response.writeHead(status, { location: target, 'set-cookie': 'd=2' }).end();
    else response.writeHead(200, { 'content-type': 'text/html' }).end('<p>in</p>');
  };
  const web = await startWeb((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  return { web, seen };
}

for (const [status, landing] of [
  [301, 'GET /hop '],
  [302, 'GET /hop '],
  [303, 'GET /hop '],
  [307, 'POST /hop token=a%26b&user=ann'],
  [308, 'POST /hop token=a%26b&user=ann'],
] as const) {
  test(`login › B5 after a ${status} goes on with ${landing}`, async () => {
    const { web, seen } = await startRedirecting(status);
    await using _ = web;
    await using crawler = await startCrawler();
    const { last } = await crawler.crawl({
      name: 'x',
      start: [`${web.url}/start`],
      items: {},
      login: { url: `${web.url}/login`, form: '#in', fields: { user: 'ann' }, check: 'p' },
    });
    assert.equal(last?.type, 'crawl.finished');
    assert.deepEqual(seen, [
      'GET /login  -',
      'POST /login token=a%26b&user=ann c=1',
      `${landing} c=1; d=2`,
      'GET /start  c=1; d=2',
    ]);
  });
}

test('login › what is filled in goes to no host that the crawl may not enter', async () => {
  await using foreign = await startWeb((_, response) => response.end());
  const { web } = await startRedirecting(307, foreign.url);
  await using _ = web;
  await using crawler = await startCrawler();
  const { last } = await crawler.crawl({
    name: 'x',
    start: [`${web.url}/`],
    items: {},
    login: { url: `${web.url}/login`, form: '#in', fields: { user: 'ann' } },
  });
  assert.match(last?.data.message, /may not enter \(offsite\)/);
  assert.deepEqual(foreign.requests, []);
});

test('login › a crawl that is paused logs in again and keeps its cookies', async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { web, seen } = await startRedirecting(302, '/hop', released);
  await using _ = web;
  await using crawler = await startCrawler();
  const { runner } = crawler.engine;
  const spider = parseSpider({
    name: 'x',
    start: [`${web.url}/start`],
    items: {},
    login: { url: `${web.url}/login`, form: '#in', fields: { user: 'ann' } },
    settings: { robots: false },
  });
  const start = ['open', 'held'].map((path) => `${web.url}/${path}`);
  const { id } = await runner.start({ spider, origin: 'local', start });
  while (crawler.store.progress(id)?.counts.page !== 1) await nextAppend(crawler.store.log);
  await runner.pause(id);
  assert.match(JSON.stringify([...crawler.store.ownDocuments(id)]), /"key":"d","value":"2"/);
  release();
  await runner.resume(id);
  const { last } = await crawler.ended(id);
  assert.equal(last?.type, 'crawl.finished');
  assert.equal(seen.filter((line) => line.startsWith('POST /login')).length, 2);
  assert.equal(seen.at(-1)?.split(' ')[3], 'c=1;');
});

test('login › a page that fails for a moment is asked for again, as often as the spider says', async () => {
  for (const [failures, type] of [
    [1, 'crawl.finished'],
    [2, 'crawl.failed'],
  ] as const) {
    let asked = 0;
    await using web = await startWeb((request, response) => {
      if (request.url === '/login' && request.method === 'GET' && ++asked <= failures) response.writeHead(503).end();
      else response.setHeader('content-type', 'text/html').end(request.method === 'GET' ? '<form method=post>' : '');
    });
    await using crawler = await startCrawler();
    const { last } = await crawler.crawl({
      name: 'x',
      start: [`${web.url}/start`],
      items: {},
      login: { url: `${web.url}/login`, fields: {} },
      settings: { retries: 1 },
    });
    assert.deepEqual([last?.type, asked], [type, 2]);
  }
});

for (const [title, check, shown, type] of [
  ['holds where its page has no form any more', undefined, '', 'crawl.finished'],
  ['holds where its check is found there', 'b', '<b>in</b>', 'crawl.finished'],
  ['is lost where its check is not', 'b', '', 'crawl.failed'],
] as const) {
  test(`login › of a crawl that was paused ${title}`, async () => {
    let isHeld = true;
    await using web = await startWeb((request, response) => {
      if (request.url === '/held' && isHeld) return;
      const isIn = request.headers.cookie === 'in=1';
      response.setHeader('content-type', 'text/html');
      if (request.method === 'POST') response.setHeader('set-cookie', 'in=1').end('<b>in</b>');
      else response.end(isIn ? shown : '<form method=post>');
    });
    await using crawler = await startCrawler();
    const { runner } = crawler.engine;
    const login = { url: `${web.url}/login`, fields: {}, ...(check !== undefined && { check }) };
    const spider = parseSpider({ name: 'x', start: [`${web.url}/open`, `${web.url}/held`], items: {}, login });
    const { id } = await runner.start({ spider, origin: 'local' });
    while (crawler.store.progress(id)?.counts.page !== 1) await nextAppend(crawler.store.log);
    await runner.pause(id);
    isHeld = false;
    await runner.resume(id);
    const { last } = await crawler.ended(id);
    assert.equal(last?.type, type);
    const requests = web.requests.filter((request) => request.endsWith(' /login'));
    assert.deepEqual(requests, ['GET /login', 'POST /login', 'GET /login']);
  });
}

/** A site with a login form of its own; says what came with each request. */
async function startEntrance(action: string, behind: { location?: string; body?: string } = {}) {
  const seen: string[] = [];
  const web = await startWeb((request, response) => {
    const { authorization = '-', cookie = '-', origin = '-', referer = '-' } = request.headers;
    seen.push([request.method, request.url, authorization, cookie, origin, referer].join(' '));
    response.setHeader('content-type', 'text/html');
    if (request.url === '/login') response.setHeader('set-cookie', 'c=1');
    if (request.method === 'POST' && behind.location) response.writeHead(302, { location: behind.location }).end();
    else response.end(request.url === '/login' ? `<form method=post action="${action}">` : behind.body);
  });
  return { web, seen };
}

function entering(login: string, start: string, settings: SpiderInput['settings'] = {}): SpiderInput {
  return { name: 'x', start: [start], items: {}, login: { url: login, fields: {} }, settings };
}

test('login › without a check, another page with a form is behind it, and the same page is not', async () => {
  for (const [location, type] of [
    ['/home', 'crawl.finished'],
    ['/login', 'crawl.failed'],
  ] as const) {
    const { web } = await startEntrance('/in', { location, body: '<form action=/search>' });
    await using _ = web;
    await using crawler = await startCrawler();
    const { last } = await crawler.crawl(entering(`${web.url}/login`, `${web.url}/start`));
    assert.equal(last?.type, type);
    if (type === 'crawl.failed') assert.match(last?.data.message, /it leads back to the form$/);
  }
});

test('login › follows as many redirects as the spider allows', async () => {
  for (const [redirects, type] of [
    [1, 'crawl.finished'],
    [0, 'crawl.failed'],
  ] as const) {
    const { web } = await startEntrance('/in', { location: '/home' });
    await using _ = web;
    await using crawler = await startCrawler();
    const { last } = await crawler.crawl(entering(`${web.url}/login`, `${web.url}/start`, { redirects }));
    assert.equal(last?.type, type);
  }
});

test('login › at home the headers of the spider go along, and the page is named without its password', async () => {
  const { web, seen } = await startEntrance('/in');
  await using _ = web;
  await using crawler = await startCrawler();
  const headers = { Authorization: 'own', Cookie: 'own=1' };
  const login = web.url.replace('://', '://ann:pa55@');
  await crawler.crawl(entering(`${login}/login`, `${web.url}/start`, { headers }));
  assert.deepEqual(seen, [
    'GET /login own own=1 - -',
    `POST /in own own=1; c=1 ${web.url} ${web.url}/login`,
    'GET /start own own=1; c=1 - -',
  ]);
});

test('login › may be on a host that the crawl does not enter; what is only for the site does not come from there', async () => {
  await using site = await startWeb((_, response) => response.end('<p>in'));
  const elsewhere = await startEntrance('/in');
  await using _ = elsewhere.web;
  await using crawler = await startCrawler();
  const start = `${site.url.replace('127.0.0.1', 'localhost')}/start`;
  const headers = { Authorization: 'own', Cookie: 'own=1' };
  await crawler.crawl(entering(`${elsewhere.web.url}/login`, start, { headers }));
  assert.deepEqual(elsewhere.seen, [
    'GET /login - - - -',
    `POST /in - c=1 ${elsewhere.web.url} ${elsewhere.web.url}/login`,
  ]);
});

test('login › a form that leads to another origin takes no credentials along, but says where it comes from', async () => {
  const site = await startEntrance('');
  await using _ = site.web;
  const entrance = await startEntrance(`${site.web.url}/in`);
  await using __ = entrance.web;
  await using crawler = await startCrawler();
  const headers = { Authorization: 'own', Cookie: 'own=1' };
  await crawler.crawl(entering(`${entrance.web.url}/login`, `${site.web.url}/start`, { headers }));
  assert.equal(site.seen[0], `POST /in - c=1 ${entrance.web.url} ${entrance.web.url}/login`);
  assert.equal(site.seen[1], 'GET /start own own=1; c=1 - -');
});
