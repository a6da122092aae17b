import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { operations } from '#src/serve/operations.js';
import { startSite } from '#src/site/site.js';
import { temporaryFolder, transports } from '../support/process.js';
import { exchange } from '../support/raw-client.js';
import { readAll, readSse } from '../support/readers.js';
import { serveHere } from '../support/service.js';
import { serveSite } from '../support/sites.js';

/** An answer with its body read as JSON, where it is JSON. */
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it as it expects it to be
  readonly json: any;
}

async function ask(url: string, method = 'GET', body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(url, {
    method,
    headers: { ...json, ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') && text !== '';
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
}

/** Waits for the last event of a crawl. */
async function untilOver(url: string, crawl: string) {
  return await readAll(await readSse(url, `?crawl=${crawl}&since=0`));
}

const items = { quote: { each: 'div.quote', fields: { quote: 'span.text', author: 'small.author' } } };
const follow = ['li.next a'];

type Case = (t: TestContext, transport: 'uws' | 'ws') => Promise<void>;

const startsNamed: Case = async (t, transport) => {
  const site = await startSite({ pages: 2, perPage: 3 });
  t.after(() => site.close());
  const { url } = await serveHere(t, { transport, startUrl: [`${site.url}/`] });
  const answer = await ask(`${url}/crawls`, 'POST', { spider: 'quotes', settings: { maxPages: 1 } });
  assert.equal(answer.status, 201);
  const { id } = answer.json;
  assert.equal(answer.headers.get('location'), `/crawls/${id}`);
  assert.deepEqual(Object.keys(answer.json), [
    'id',
    'spider',
    'state',
    'start',
    'startedAt',
    'finishedAt',
    'stats',
    'firstOffset',
    'lastOffset',
  ]);
  const events = await untilOver(url, id);
  assert.equal(events.at(-1)?.type, 'crawl.finished');
  const after = await ask(`${url}/crawls/${id}`);
  assert.equal(after.json.state, 'finished');
  assert.deepEqual(after.json.start, [`${site.url}/`]);
  const { pages, items: quotes } = after.json.stats;
  assert.deepEqual({ pages, quotes }, { pages: 1, quotes: 3 });
  assert.equal(after.json.lastOffset - after.json.firstOffset + 1, events.length);
  // It is the built-in spider as it is on this machine: the classic endpoints know of it.
  assert.equal((await ask(`${url}/crawl`)).text, 'SCRAPE COMPLETE');
};

const guardsAddresses: Case = async (t, transport) => {
  const site = await startSite({ pages: 1, perPage: 3 });
  t.after(() => site.close());
  const start = [`${site.url}/`];
  const asked = [
    { spider: 'quotes', start },
    { spider: { name: 'mine', start, items, follow } },
    { spider: { name: 'by-name', start: [`http://localhost:${site.port}/`], items, follow } },
    { spider: 'quotes', settings: { proxy: site.url } },
  ];
  const closed = await serveHere(t, { transport, startUrl: [`${site.url}/`] });
  for (const body of asked) {
    const { status, json } = await ask(`${closed.url}/crawls`, 'POST', body);
    if (status !== 201) {
      assert.equal(status, 422);
      assert.match(json.detail, /settings\.proxy/);
    } else assert.equal((await untilOver(closed.url, json.id)).at(-1)?.type, 'crawl.failed');
  }
  assert.equal(site.requests, 0);
  const open = await serveHere(t, { transport, startUrl: [`${site.url}/`], allowPrivateNetworks: true });
  for (const body of asked.slice(0, 3)) {
    const { json } = await ask(`${open.url}/crawls`, 'POST', body);
    const events = await untilOver(open.url, json.id);
    assert.equal(events.filter(({ type }) => type === 'quote').length, 3, JSON.stringify(events));
  }
};

const refusesBadRequests: Case = async (t, transport) => {
  const { url } = await serveHere(t, { transport, startUrl: ['http://127.0.0.1:9/'] });
  const spider = { name: 'x', start: ['http://example.com/'], items };
  const deep = `{"spider":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
  const table: [body: unknown, status: number, detail: RegExp][] = [
    ['{', 400, /JSON/],
    ['', 400, /empty/],
    ['"\xff', 400, /JSON/],
    [deep, 400, /levels/],
    ['[]', 422, /object/],
    ['null', 422, /object/],
    [{}, 422, /spider/],
    [{ spider: 5 }, 422, /spider/],
    [{ spider: 'quotes', start: [] }, 422, /start/],
    [{ spider: 'quotes', start: ['ftp://example.com/'] }, 422, /start\.0/],
    [{ spider: 'quotes', start: 'http://example.com/' }, 422, /start/],
    [{ spider: 'quotes', settings: { concurrency: 0 } }, 422, /concurrency/],
    [{ spider: 'quotes', settings: { colour: 'red' } }, 422, /colour/],
    [{ spider: 'quotes', settings: [] }, 422, /settings/],
    [{ spider: 'quotes', stat: [] }, 422, /stat/],
    [{ spider: { ...spider, name: '../x' } }, 422, /name/],
    [{ spider: { ...spider, items: { page: {} } } }, 422, /items/],
    [{ spider: { ...spider, follow: [5] } }, 422, /follow\.0/],
    ['{"spider":"quotes","__proto__":{"x":1}}', 422, /__proto__/],
    ['{"spider":"quotes","settings":{"__proto__":{"maxPages":1}}}', 422, /__proto__/],
    ['{"spider":{"name":"a","start":["http://a.test/"],"items":{"__proto__":{"fields":{}}}}}', 422, /__proto__/],
    ['{"spider":"quotes","settings":{"headers":{"__proto__":"a"}}}', 422, /settings\.headers: "__proto__"/],
    [{ spider: 'nobody' }, 404, /"nobody".*quotes/],
  ];
  for (const [body, status, detail] of table) {
    const answer = await ask(`${url}/crawls`, 'POST', body);
    const shown = JSON.stringify(body).slice(0, 80);
    assert.equal(answer.status, status, `${shown}: ${answer.text}`);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    assert.equal(answer.json.status, status);
    assert.match(answer.json.detail, detail, shown);
  }
  assert.deepEqual((await ask(`${url}/crawls`)).json, []);
};

const readsBodies: Case = async (t, transport) => {
  const { url } = await serveHere(t, { transport });
  const post = (body: string, type?: string, path = '/crawls') => {
    const header = type === undefined ? '' : `Content-Type: ${type}\r\n`;
    const head = `POST ${path} HTTP/1.1\r\nHost: test\r\n${header}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
    return exchange(Number(new URL(url).port), head + body);
  };
  const body = '{"spider":"nobody"}';
  assert.equal((await post(body)).status, 404);
  assert.equal((await post(body, 'application/json; charset=utf-8')).status, 404);
  assert.equal((await post(body, 'text/plain')).status, 415);
  assert.equal((await post(body, 'application/x-www-form-urlencoded')).status, 415);
  assert.equal((await post(body, 'application/jsonx')).status, 415);
  const full = `${body.slice(0, -1)}${' '.repeat((1 << 20) - body.length)}}`;
  assert.equal((await post(full)).status, 404);
  const over = await post(`${full} `);
  assert.equal(over.status, 413);
  assert.equal(JSON.parse(over.body).code, 'body.limit');
  // Whatever it is, and also where nobody wants one.
  assert.equal((await post(`${full} `, 'text/plain')).status, 413);
  assert.equal((await post(`${full} `, 'application/json', '/crawls/none/cancel')).status, 413);
  // A client of Node's own looks for the answer when it has sent everything.
  const sending = request(`${url}/crawls`, { method: 'POST', headers: { 'content-length': 8 << 20 } });
  sending.end(Buffer.alloc(8 << 20, ' '));
  const [answer]: IncomingMessage[] = await once(sending, 'response');
  assert.equal(answer?.statusCode, 413);
  answer?.resume();
  // One that waits with its body gets it as well.
  const waiting = 'POST /crawls HTTP/1.1\r\nHost: test\r\nContent-Length: 8388608\r\n\r\n';
  assert.equal((await exchange(Number(new URL(url).port), waiting)).status, 413);
};

const controls: Case = async (t, transport) => {
  // The second page never comes: the crawl stays where it is.
  const site = await serveSite(t, (path, response) => {
    if (path === '/') response.writeHead(200, { 'content-type': 'text/html' }).end('<a href="/2">2</a>');
  });
  const { url } = await serveHere(t, { transport, allowPrivateNetworks: true });
  const spider = {
    name: 'slow',
    start: [`${site.url}/`],
    items: { link: { each: 'a', fields: { text: 'a' } } },
    follow: ['a'],
  };
  const { json } = await ask(`${url}/crawls`, 'POST', { spider });
  const at = `${url}/crawls/${json.id}`;
  const steps: [action: string, status: number, state: string][] = [
    ['resume', 409, 'running'],
    ['pause', 200, 'paused'],
    ['pause', 409, 'paused'],
    ['resume', 200, 'running'],
    ['pause', 200, 'paused'],
    ['cancel', 200, 'cancelled'],
    ['cancel', 409, 'cancelled'],
    ['pause', 409, 'cancelled'],
    ['resume', 409, 'cancelled'],
  ];
  for (const [action, status, state] of steps) {
    const answer = await ask(`${at}/${action}`, 'POST');
    assert.equal(answer.status, status, `${action}: ${answer.text}`);
    if (status === 200) assert.equal(answer.json.state, state);
    else assert.match(answer.json.detail, new RegExp(state));
    assert.equal((await ask(at)).json.state, state);
  }
  assert.equal((await ask(`${url}/crawls/none/pause`, 'POST')).status, 404);
  assert.equal((await ask(`${at}/pause`)).status, 405);
  assert.deepEqual((await ask(`${url}/crawls`)).json, [(await ask(at)).json]);
};

const refusesForeignPages: Case = async (t, transport) => {
  const { url } = await serveHere(t, { transport, corsOrigin: ['https://good.example'] });
  const body = { spider: 'nobody' };
  const from = (origin: string) => ask(`${url}/crawls`, 'POST', body, { origin });
  assert.equal((await from('https://evil.example')).status, 403);
  assert.equal((await from('null')).status, 403);
  assert.equal((await from('https://good.example')).status, 404);
  assert.equal((await from(url)).status, 404);
};

const keepsSpiders: Case = async (t, transport) => {
  const site = await startSite({ pages: 1, perPage: 3 });
  t.after(() => site.close());
  const spiders = temporaryFolder(t);
  const data = temporaryFolder(t);
  writeFileSync(join(spiders, 'shop.json'), JSON.stringify({ start: ['http://shop.example/'], items: {} }));
  const start = () => serveHere(t, { transport, spiders, data });
  const { url, close } = await start();
  const spider = { name: 'mine', start: [`${site.url}/`], items, settings: { timeout: '500ms' } };
  const at = `${url}/spiders/mine`;
  const created = await ask(at, 'PUT', spider);
  assert.equal(created.status, 201);
  assert.equal(created.headers.get('location'), '/spiders/mine');
  assert.deepEqual(created.json, spider);
  assert.equal((await ask(at, 'PUT', { ...spider, name: undefined })).status, 200);
  assert.deepEqual((await ask(at)).json, spider);

  const table: [name: string, body: unknown, status: number, detail: RegExp][] = [
    ['mine', { ...spider, name: 'other' }, 422, /name/],
    ['mine', { ...spider, items: { quote: { fields: { a: 5 } } } }, 422, /items\.quote\.fields\.a/],
    ['mine', { ...spider, settings: { headers: { Authorization: '***' } } }, 422, /settings\.headers\.Authorization/],
    ['mine', [], 422, /object/],
    ['..%2Fmine', { start: spider.start, items }, 422, /name/],
    ['quotes', { ...spider, name: 'quotes' }, 409, /built in/],
    ['shop', { ...spider, name: 'shop' }, 409, /file/],
  ];
  for (const [name, body, status, detail] of table) {
    const answer = await ask(`${url}/spiders/${name}`, 'PUT', body);
    assert.equal(answer.status, status, `${name}: ${answer.text}`);
    assert.match(answer.json.detail, detail);
  }
  for (const name of ['quotes', 'shop']) assert.equal((await ask(`${url}/spiders/${name}`, 'DELETE')).status, 409);

  // It came in over HTTP and stays what it is, also after a restart.
  await close();
  const again = await start();
  const listed = (await ask(`${again.url}/spiders`)).json.map(({ name }: { name: string }) => name);
  assert.deepEqual(listed, ['mine', 'quotes', 'shop']);
  const { json } = await ask(`${again.url}/crawls`, 'POST', { spider: 'mine' });
  assert.equal((await untilOver(again.url, json.id)).at(-1)?.type, 'crawl.failed');
  assert.equal(site.requests, 0);
  assert.equal((await ask(`${again.url}/spiders/mine`, 'DELETE')).status, 204);
  for (const method of ['GET', 'DELETE']) assert.equal((await ask(`${again.url}/spiders/mine`, method)).status, 404);
};

const answersHeadAndOptions: Case = async (t, transport) => {
  const { url } = await serveHere(t, { transport, startUrl: ['http://127.0.0.1:22/'] });
  const { id } = (await ask(`${url}/crawls`, 'POST', { spider: 'quotes' })).json;
  await untilOver(url, id);
  for (const call of Object.keys(operations)) {
    const [method, pattern = ''] = call.split(' ');
    if (method !== 'GET') continue;
    const path = pattern.replace('{id}', id).replace('{name}', 'quotes');
    const query = path === '/events' ? `?crawl=${id}&since=0` : '';
    const get = await ask(url + path + query);
    const head = await ask(url + path + query, 'HEAD');
    assert.equal(head.text, '');
    // This one changes something: it is told of a failure once, and HEAD must not be the one that is told.
    if (path !== '/crawl') assert.equal(head.status, get.status, path);
    assert.equal(head.headers.get('content-type'), get.headers.get('content-type'), path);
    const options = await ask(url + path, 'OPTIONS');
    assert.equal(options.status, 204, path);
    assert.match(options.headers.get('allow') ?? '', /GET.*HEAD.*OPTIONS/, path);
    assert.equal((await ask(url + path, 'PATCH')).status, 405, path);
  }
};

const needsTokens: Case = async (t, transport) => {
  const { url } = await serveHere(t, { transport, token: 'write', readToken: 'read' });
  const open = new Set(['/', '/assets/x', '/healthz', '/readyz']);
  for (const call of Object.keys(operations)) {
    const [method = '', pattern = ''] = call.split(' ');
    const path = pattern.replace(/\{.*\}/, 'x');
    const status = async (token?: string) =>
      (await ask(url + path, method, undefined, token === undefined ? {} : { authorization: `Bearer ${token}` }))
        .status;
    if (open.has(path)) {
      assert.equal(await status(), path === '/assets/x' ? 404 : 200, call);
      continue;
    }
    assert.equal(await status(), 401, call);
    assert.equal(await status('wrong'), 401, call);
    if (method !== 'GET') assert.equal(await status('read'), 403, call);
  }
  assert.equal((await ask(`${url}/spiders?access_token=read`)).status, 200);
  assert.equal(
    (await ask(`${url}/crawls/x/pause?access_token=write`, 'POST')).status,
    401,
    'no token in the query of a change',
  );
};

const listsNewest: Case = async (t, transport) => {
  const { url } = await serveHere(t, { transport, startUrl: ['http://127.0.0.1:9/'] });
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.push((await ask(`${url}/crawls`, 'POST', { spider: 'quotes' })).json.id);
  const list = async (query: string) => (await ask(`${url}/crawls${query}`)).json.map(({ id }: { id: string }) => id);
  assert.deepEqual(await list(''), ids);
  assert.deepEqual(await list('?limit=2'), ids.slice(3));
  for (const limit of [5, 6, 7, 100]) assert.deepEqual(await list(`?limit=${limit}`), ids);
  assert.deepEqual(await list(`?limit=3&before=${ids[2]}`), ids.slice(0, 2));
  assert.deepEqual(await list(`?limit=2&before=${ids[3]}`), ids.slice(1, 3));
  assert.deepEqual(await list(`?before=${ids[1]}`), ids.slice(0, 1));
  assert.deepEqual(await list(`?limit=2&before=${ids[0]}`), []);
  for (const query of ['limit=0', 'limit=', 'limit=x', 'limit=1&limit=2', 'before=x']) {
    const { status, json } = await ask(`${url}/crawls?${query}`);
    assert.deepEqual([status, json.code], [400, 'query.invalid'], query);
  }
};

const cases: Record<string, Case> = {
  'lists all crawls, or the newest': listsNewest,
  'starts a spider by its name': startsNamed,
  'lets what came in over HTTP into no private network unless told so': guardsAddresses,
  'says what is wrong with a request for a crawl': refusesBadRequests,
  'reads JSON up to 1 MiB and nothing else': readsBodies,
  'pauses, resumes and cancels where the state allows it': controls,
  'keeps spiders, and leaves those of this machine alone': keepsSpiders,
  'answers HEAD and OPTIONS wherever it answers GET': answersHeadAndOptions,
  'wants the token of what is asked': needsTokens,
  'lets no page of another site change anything': refusesForeignPages,
};

for (const { transport, skip } of transports) {
  for (const [title, run] of Object.entries(cases)) {
    test(`api over ${transport} › ${title}`, { skip }, (t) => run(t, transport));
  }
}
