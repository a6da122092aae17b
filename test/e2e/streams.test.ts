import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { plan, Subscriber } from '#src/serve/subscriber.js';
import { parseSubscriptionQuery } from '#src/serve/subscription.js';
import { Turns } from '#src/serve/turns.js';
import { startSite } from '#src/site/site.js';
import { openMemoryStore } from '#src/store/memory.js';
import { type Running, runService, transports } from '../support/process.js';
import { exchange } from '../support/raw-client.js';
import { handshakeRequest, sampleKey } from '../support/raw-websocket.js';
import {
  protocols,
  type Reader,
  readAll,
  readSome,
  readSse,
  readUntil,
  readWs,
  type SeenEvent,
  tryWs,
} from '../support/readers.js';

/** A service with two finished crawls, and all that is in its log. */
interface Finished {
  readonly service: Running;
  readonly all: readonly SeenEvent[];
  /** Ids of the two crawls. */
  readonly first: string;
  readonly second: string;
}

async function crawlTwice(test: TestContext, transport: string): Promise<Finished> {
  const site = await startSite({ pages: 3, perPage: 5 });
  test.after(() => site.close());
  const service = await runService(test, transport, ['--start-url', `${site.url}/`]);
  const reader = await readSse(service.url);
  const all: SeenEvent[] = [];
  for (let crawl = 0; crawl < 2; crawl++) {
    await fetch(`${service.url}/crawl?restart=true`);
    all.push(...(await readUntil(reader, 'crawl.finished')));
  }
  reader.close();
  const [first = '', second = ''] = all.filter(({ type }) => type === 'crawl.started').map(crawlOf);
  return { service, all, first, second };
}

function crawlOf({ source }: SeenEvent): string {
  return source.replace('/crawls/', '');
}

function idsOf(events: readonly SeenEvent[]): string[] {
  return events.map(({ id }) => id);
}

/** A value of an event's data. */
function fieldOf({ data }: SeenEvent, name: string): unknown {
  return typeof data === 'object' && data !== null ? Reflect.get(data, name) : undefined;
}

function hasTag(event: SeenEvent, tag: string): boolean {
  const tags = fieldOf(event, 'tags');
  return Array.isArray(tags) && tags.includes(tag);
}

/** What a refusal says, as problem details. */
async function detailOf(response: Response): Promise<string> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const problem = JSON.parse(await response.text());
  assert.equal(problem.status, response.status);
  return problem.detail;
}

type Case = (t: TestContext, finished: Finished) => Promise<void>;

const narrows: Case = async (t, { service, all, first, second }) => {
  const quotes = all.filter((event) => event.type === 'quote' && crawlOf(event) === first);
  const [sample] = quotes.filter((event) => hasTag(event, String(fieldOf(event, 'tags')).split(',')[0] ?? ''));
  assert.ok(sample);
  const author = String(fieldOf(sample, 'author'));
  const tag = String(fieldOf(sample, 'tags')).split(',')[0] ?? '';
  const fifth = quotes[4];
  assert.ok(fifth);
  const by = `data.author=${encodeURIComponent(author)}`;
  const table: [query: string, holds: (event: SeenEvent) => boolean][] = [
    ['', () => true],
    ['type=quote', ({ type }) => type === 'quote'],
    ['type=quote,page', ({ type }) => type === 'quote' || type === 'page'],
    ['type=quote&type=page', ({ type }) => type === 'quote' || type === 'page'],
    ['type=nothing', () => false],
    [by, (event) => fieldOf(event, 'author') === author],
    [`data.tags=${tag}`, (event) => hasTag(event, tag)],
    [`type=quote&${by}&data.tags=${tag}`, (event) => fieldOf(event, 'author') === author && hasTag(event, tag)],
    [`data.tags=${tag}&data.tags=no-such-tag`, () => false],
    ['data.status=200', ({ type }) => type === 'page'],
  ];
  for (const { name: protocol, open } of protocols) {
    for (const [query, holds] of table) {
      const seen = await readAll(await open(service.url, `?crawl=${first}&since=0&${query}`));
      const wanted = all.filter((event) => crawlOf(event) === first && holds(event));
      assert.deepEqual(idsOf(seen), idsOf(wanted), `${protocol} ${query}`);
    }
    const later: SeenEvent[] = all.slice(all.indexOf(fifth) + 1).filter((event) => crawlOf(event) === first);
    for (const since of [fifth.id, fifth.id.split('-')[1]]) {
      const seen = await readAll(await open(service.url, `?crawl=${first}&since=${since}`));
      assert.deepEqual(idsOf(seen), idsOf(later), `${protocol} since=${since}`);
    }
    const after = await readAll(await open(service.url, `?crawl=${first}&since=${fifth.time}`));
    const newer = idsOf(later.filter(({ time }) => time > fifth.time));
    assert.deepEqual(idsOf(after).slice(idsOf(after).length - newer.length), newer, `${protocol} since a time`);
    const newest = await readAll(await open(service.url, '?crawl=latest&since=0'));
    assert.deepEqual(idsOf(newest), idsOf(all.filter((event) => crawlOf(event) === second)), `${protocol} latest`);
    assert.deepEqual(idsOf(await readSome(await open(service.url, '?since=0'), all.length)), idsOf(all), protocol);
  }
  t.diagnostic(`${all.length} events`);
};

const refuses: Case = async (_t, { service }) => {
  const table: [query: string, named: string][] = [
    ['bogus=1', 'bogus'],
    ['Type=quote', 'Type'],
    ['type=', 'type'],
    ['type=a%0Ab', 'type'],
    ['crawl=nope', 'crawl'],
    ['crawl=latest&crawl=latest', 'crawl'],
    ['since=yesterday', 'since'],
    ['since=-1', 'since'],
    ['since=1e400', 'since'],
    ['since=', 'since'],
    ['since=2026-13-45T00:00:00Z', 'since'],
    ['since=2026-02-30T00:00:00Z', 'since'],
    ['since=2026-01-31T24:00:00Z', 'since'],
    ['since=2026-01-31T12:00:00', 'since'],
    ['since=2026-01-31', 'since'],
    ['since=2026-01-31T12:00:61Z', 'since'],
    ['since=0&since=1', 'since'],
    ['data.=x', 'data.'],
  ];
  for (const [query, named] of table) {
    const response = await fetch(`${service.url}/events?${query}`);
    assert.equal(response.status, 400, query);
    assert.ok((await detailOf(response)).includes(`"${named}"`), query);
    // Also where the header goes before what is bad.
    const again = await fetch(`${service.url}/events?${query}`, { headers: { 'last-event-id': '' } });
    assert.equal(again.status, 400, query);
    await again.body?.cancel();
    assert.equal(await tryWs(`${service.url}/ws?${query}`), 400, query);
  }
};

const takesTimes: Case = async (_t, { service, all, first }) => {
  const wanted = idsOf(all.filter((event) => crawlOf(event) === first));
  const early = [
    '2016-12-31T23:59:60Z',
    '2020-01-01t00:00:00z',
    '2020-01-01T00:00:00.123456Z',
    '1985-04-12T23:20:50.52Z',
  ];
  // The last one is what a query says that does not escape its plus sign.
  const offsets = ['2020-01-01T00:00:00-05:30', '2020-01-01T00:00:00%2B02:00', '2020-01-01T00:00:00+02:00'];
  for (const { name: protocol, open } of protocols) {
    for (const time of [...early, ...offsets]) {
      const seen = await readAll(await open(service.url, `?crawl=${first}&since=${time}`));
      assert.deepEqual(idsOf(seen), wanted, `${protocol} since=${time}`);
    }
  }
};

const tellsGaps: Case = async (_t, { service, all }) => {
  const newest = all.at(-1)?.id ?? '';
  const [epoch] = newest.split('-');
  const other = epoch === 'ffffffff' ? 'eeeeeeee' : 'ffffffff';
  const table: [id: string, reason: string, resumedAfter: string][] = [
    [`${other}-3`, 'epoch', `${epoch}-0`],
    [`${epoch}-999999`, 'ahead', newest],
    ...['abc', '-1', '1e400', '1-2-3', `${epoch}-`, 'x'.repeat(3_000)].map((id): [string, string, string] => [
      id,
      'malformed',
      newest,
    ]),
  ];
  for (const [id, reason, resumedAfter] of table) {
    const readers: Reader[] = [await readSse(service.url, '?type=quote', { 'last-event-id': id })];
    if (reason !== 'malformed') {
      for (const { open } of protocols) readers.push(await open(service.url, `?type=quote&since=${id}`));
    }
    for (const reader of readers) {
      const [gap, next] = await readSome(reader, reason === 'epoch' ? 2 : 1);
      assert.equal(gap?.type, 'log.gap', id);
      assert.equal(gap.id, resumedAfter);
      assert.deepEqual(gap.data, { requested: id.slice(0, 100), resumedAfter, reason });
      if (reason === 'epoch') assert.equal(next?.id, all.find(({ type }) => type === 'quote')?.id);
    }
  }
};

const ends: Case = async (_t, { service, all, first }) => {
  const last = all.find((event) => event.type === 'crawl.finished' && crawlOf(event) === first);
  const sse = await readSse(service.url, `?crawl=${first}&since=0&type=page`);
  assert.equal((await readAll(sse)).length, 3);
  assert.equal(sse.lastId, last?.id);
  const again = await readSse(service.url, `?crawl=${first}&type=page`, { 'last-event-id': sse.lastId ?? '' });
  assert.equal(again.response.status, 204);
  assert.equal(await again.response.text(), '');
  const lastPage = all.findLast((event) => event.type === 'page' && crawlOf(event) === first);
  const seen = await readSse(service.url, `?crawl=${first}&type=page`, { 'last-event-id': lastPage?.id ?? '' });
  assert.equal(seen.response.status, 204);
  const headers = { 'last-event-id': sse.lastId ?? '' };
  const head = await fetch(`${service.url}/events?crawl=${first}&type=page`, { method: 'HEAD', headers });
  assert.equal(head.status, 204);
  const ws = await readWs(service.url, `?crawl=${first}&since=0`);
  const closed = once(ws.socket, 'close');
  await readAll(ws);
  const [code] = await closed;
  assert.equal(code, 1000);
};

const answersHeads: Case = async (_t, { service, all }) => {
  const wanted: Record<string, string> = {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  };
  const head = await fetch(`${service.url}/events`, { method: 'HEAD' });
  const stream = await readSse(service.url);
  for (const response of [head, stream.response]) {
    assert.equal(response.status, 200);
    for (const [name, value] of Object.entries(wanted)) assert.equal(response.headers.get(name), value);
  }
  assert.equal(await head.text(), '');
  stream.close();
  const raw = await fetch(`${service.url}/events?since=0&type=quote`);
  assert.ok(raw.body);
  let text = '';
  for await (const bytes of raw.body.pipeThrough(new TextDecoderStream())) {
    text += bytes;
    if (text.includes('data: ') && text.endsWith('\n\n')) break;
  }
  const quote = all.find(({ type }) => type === 'quote');
  assert.match(text, /^retry: \d+\n/);
  const block = text.split('\n\n').find((one) => one.includes('data: ')) ?? '';
  assert.deepEqual(
    block.split('\n').map((line) => line.split(': ')[0]),
    ['id', 'event', 'data'],
  );
  assert.ok(block.startsWith(`id: ${quote?.id}\nevent: quote\ndata: {"specversion":"1.0","id":"${quote?.id}",`));
};

const resumes: Case = async (_t, { service, all }) => {
  const [, , third, fourth] = all;
  const reader = await readSse(service.url, '?since=0', { 'last-event-id': third?.id ?? '' });
  const [next] = await readSome(reader, 1);
  assert.equal(next?.id, fourth?.id);
};

/** The control frame that answers a text. */
async function ask(reader: Awaited<ReturnType<typeof readWs>>, text: string): Promise<Record<string, unknown>> {
  const before = reader.controls.length;
  reader.socket.send(text);
  while (reader.controls.length === before) await once(reader.socket, 'message');
  const answer = reader.controls[before];
  assert.ok(typeof answer === 'object' && answer !== null);
  return { ...answer };
}

const subscribes: Case = async (_t, { service, all, first }) => {
  const ws = await readWs(service.url);
  const newest = all.at(-1)?.id;
  const answer = await ask(ws, '{"subscribe":{"type":["page"],"since":0}}');
  assert.deepEqual(answer, {
    subscribed: { type: ['page'], since: '0', data: {}, cursor: `${newest?.split('-')[0]}-0` },
  });
  const pages = all.filter(({ type }) => type === 'page');
  for (const { id } of pages) {
    for await (const event of ws) {
      assert.equal(event.id, id);
      break;
    }
  }
  const bad = [
    'no JSON',
    '[]',
    '1e309',
    '{}',
    '{"subscribe":[]}',
    '{"subscribe":{"since":"yesterday"}}',
    '{"subscribe":{"crawl":"nope"}}',
    '{"subscribe":{"bogus":1}}',
    '{"subscribe":{"__proto__":{"type":"quote"},"type":5}}',
    '{"subscribe":{"data":{"__proto__":"x"}}}',
    '{"unknown":1}',
    `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
  ];
  for (const text of bad) {
    const { error } = await ask(ws, text);
    assert.ok(typeof error === 'object' && error !== null && 'code' in error && 'message' in error, text);
    assert.doesNotMatch(String(error.message), /Invalid|Unrecognized/, text);
  }
  const { subscribed } = await ask(ws, JSON.stringify({ subscribe: { crawl: first, since: newest } }));
  assert.ok(typeof subscribed === 'object' && subscribed !== null && 'crawl' in subscribed);
  assert.equal(subscribed.crawl, first);
  const [code] = await once(ws.socket, 'close');
  assert.equal(code, 1000);
};

const refusesFrames: Case = async (_t, { service }) => {
  const binary = await readWs(service.url);
  binary.socket.send(Buffer.from('x'));
  assert.equal((await once(binary.socket, 'close'))[0], 1003);
  const large = await readWs(service.url);
  large.socket.on('error', () => {});
  large.socket.send('x'.repeat(65_537));
  assert.ok([1009, 1006].includes((await once(large.socket, 'close'))[0]));
};

const shakesHands: Case = async (_t, { service }) => {
  const port = Number(new URL(service.url).port);
  const shake = (protocols: string) =>
    exchange(port, handshakeRequest('/ws', { 'Sec-WebSocket-Protocol': protocols, 'Sec-WebSocket-Key': sampleKey }));
  const unknown = await shake('graphql-ws');
  assert.equal(unknown.status, 101);
  assert.equal(unknown.headers.get('sec-websocket-protocol'), undefined);
  const known = await shake('graphql-ws, cloudevents.json');
  assert.equal(known.headers.get('sec-websocket-protocol'), 'cloudevents.json');
};

const refusesRequests: Case = async (_t, { service }) => {
  const table: [method: string, path: string, status: number, header?: [name: string, value: string]][] = [
    ['GET', '/nothing', 404],
    ['GET', '/crawls/nope', 404],
    ['GET', '/events/', 404],
    ['POST', '/events', 405, ['allow', 'GET, HEAD, OPTIONS']],
    ['DELETE', '/results', 405, ['allow', 'GET, HEAD, OPTIONS']],
    ['GET', '/ws', 426, ['upgrade', 'websocket']],
    ['GET', '/results?bogus=1', 400],
    ['GET', '/results?format=xml', 400],
    ['GET', '/results?at=x', 400],
    ['GET', '/crawl?restart=maybe', 400],
  ];
  for (const [method, path, status, header] of table) {
    const response = await fetch(service.url + path, { method });
    assert.equal(response.status, status, `${method} ${path}`);
    if (header !== undefined) assert.equal(response.headers.get(header[0]), header[1], `${method} ${path}`);
    assert.ok((await detailOf(response)).length > 0);
  }
  const json = await fetch(`${service.url}/events`, { headers: { accept: 'application/json' } });
  assert.equal(json.status, 406);
};

/** Last of all: it adds a crawl to the log. */
const isLive: Case = async (_t, { service, all }) => {
  const newest = Number(all.at(-1)?.id.split('-')[1]);
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const readers: Reader[] = [
    await readSse(service.url, '?since=0', { 'last-event-id': '' }),
    await readSse(service.url, `?since=${newest}`),
    await readSse(service.url, `?since=${later}`),
  ];
  for (const { open } of protocols) readers.push(await open(service.url, ''), await open(service.url, '?since=now'));
  await fetch(`${service.url}/crawl?restart=true`);
  for (const reader of readers) {
    const [next] = await readSome(reader, 1);
    assert.equal(next?.type, 'crawl.started');
    assert.equal(next.id.split('-')[1], String(newest + 1));
  }
};

const cases: readonly [title: string, run: Case][] = [
  ['each parameter narrows a stream, alone and with others', narrows],
  ['an unknown parameter, or a bad value, is a 400 that names it', refuses],
  ['a time may be written in all ways of RFC 3339', takesTimes],
  ['Last-Event-ID goes before since', resumes],
  ['a reader that cannot go on where it was is told why, and where it is', tellsGaps],
  ['a stream of one crawl ends with it; whoever comes back for nothing is told to stop', ends],
  ['/events says at once what it is; HEAD says the same', answersHeads],
  ['a subscribe frame replaces the subscription; one that cannot be read changes nothing', subscribes],
  ['a binary frame and one over 64 KiB close the socket', refusesFrames],
  ['only the subprotocol that is spoken is echoed', shakesHands],
  ['what is not there, not possible, or not asked for rightly is said in problem details', refusesRequests],
  ['without since a stream begins with what comes next', isLive],
];

for (const { transport, skip } of transports) {
  test(`streams over ${transport}`, { skip }, async (t) => {
    const finished = await crawlTwice(t, transport);
    for (const [title, run] of cases) await t.test(title, (sub) => run(sub, finished));
  });
}

test('a heartbeat moves the cursor past what the filter leaves out', async () => {
  const store = await openMemoryStore();
  const tail = Buffer.from(',"source":"/crawls/c","type":"page","time":"2026-01-01T00:00:00.000Z","data":{}}');
  await store.commit({ crawl: 'c', events: [1, 2, 3].map(() => ({ type: 'page', tail })) });
  const cursors: string[] = [];
  const subscriber = new Subscriber(
    store,
    new Turns(store),
    plan(parseSubscriptionQuery('type=quote&since=0'), store),
    {
      deliver: () => assert.fail('nothing matches'),
      heartbeat: (id) => cursors.push(id) > 0,
      end: () => assert.fail('it has no end'),
      fail: () => assert.fail('the log is whole'),
    },
  );
  subscriber.pump();
  assert.ok(subscriber.hasMovedSilently);
  subscriber.heartbeat();
  assert.deepEqual(cursors, [`${store.log.epoch}-3`]);
  assert.ok(!subscriber.hasMovedSilently);
  await store.close();
});
