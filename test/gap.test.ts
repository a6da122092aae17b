import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Hub } from '#src/serve/hub.js';
import { begin, plan, Subscriber } from '#src/serve/subscriber.js';
import { parseSubscriptionQuery } from '#src/serve/subscription.js';
import type { RunningService } from '#src/service.js';
import { openMemoryStore } from '#src/store/memory.js';
import { appendItems, eventOf, recordOf, startLogService, tidy, transports } from './support/log-service.js';
import { RawClient } from './support/raw-client.js';
import { type Reader, readSse, readWs, take } from './support/readers.js';

/** Offsets 151 to 250 are kept. */
async function startTruncated(test: TestContext, transport: (typeof transports)[number]): Promise<RunningService> {
  const service = await startLogService(test, { transport, retention: { maxEvents: 100 } });
  await service.store.commit({ crawl: 'a', record: recordOf('a') });
  await appendItems(service.store, 'a', 1, 250);
  await tidy(service.store);
  return service;
}

/** What comes first, in a word: the reason of a gap and where it goes on, and the offset of the first event. */
async function beginning(reader: Reader, service: RunningService): Promise<string[]> {
  const { epoch } = service.store.log;
  const words: string[] = [];
  for await (const { id, type, data } of reader) {
    if (type !== 'log.gap') {
      words.push(id.replace(`${epoch}-`, ''));
      break;
    }
    assert(typeof data === 'object' && data !== null && 'reason' in data && 'resumedAfter' in data);
    assert.equal(data.resumedAfter, id);
    words.push(`${data.reason} ${id.replace(`${epoch}-`, '')}`);
  }
  reader.close();
  return words;
}

/** `EPOCH` stands for the log's own. `ahead`, `malformed` and `now` get the event that is appended afterwards, 251. */
const positions: readonly [position: string, ...words: string[]][] = [
  ['EPOCH-149', 'truncated 150', '151'],
  ['EPOCH-150', '151'],
  ['EPOCH-151', '152'],
  ['EPOCH-0', 'truncated 150', '151'],
  ['EPOCH-250', '251'],
  ['EPOCH-251', 'ahead 250', '251'],
  ['EPOCH-99999999999999999999', 'ahead 250', '251'],
  ['deadbeef-200', 'epoch 150', '151'],
];

const sinceOnly: typeof positions = [
  ['0', 'truncated 150', '151'],
  ['149', 'truncated 150', '151'],
  ['150', '151'],
  ['250', '251'],
  ['251', 'ahead 250', '251'],
  ['99999999999999999999', 'ahead 250', '251'],
  ['now', '251'],
  ['2000-01-01T00:00:00Z', 'truncated 150', '151'],
  ['2999-01-01T00:00:00Z', '251'],
];

const headerOnly: typeof positions = [
  ['', '251'],
  ['abc', 'malformed 250', '251'],
  ['-1', 'malformed 250', '251'],
  ['1e400', 'malformed 250', '251'],
  ['1-2-3', 'malformed 250', '251'],
  [`EPOCH-${'9'.repeat(2_000)}`, 'malformed 250', '251'],
];

for (const transport of transports) {
  describe(`a gap in the log (${transport})`, () => {
    it('is told first, whatever its reason, and is none exactly at the edge of what is kept', async (t) => {
      const service = await startTruncated(t, transport);
      const place = (position: string) => position.replace('EPOCH', service.store.log.epoch);
      const expected: Record<string, string[]> = {};
      const asked: [string, Promise<Reader>][] = [];
      const ask = (name: string, words: string[], reader: Promise<Reader>) => {
        expected[name] = words;
        asked.push([name, reader]);
      };
      for (const [position, ...words] of [...positions, ...sinceOnly]) {
        ask(`SSE since ${position}`, words, readSse(service.url, `?since=${place(position)}`));
        ask(`WebSocket since ${position}`, words, readWs(service.url, `?since=${place(position)}`));
      }
      for (const [position, ...words] of [...positions, ...headerOnly]) {
        const headers = { 'last-event-id': place(position) };
        ask(
          `Last-Event-ID ${position.length > 99 ? 'far too long' : position}`,
          words,
          readSse(service.url, '?since=0', headers),
        );
      }
      const readers = await Promise.all(asked.map(async ([name, reader]) => [name, await reader] as const));
      const seen: Record<string, string[]> = {};
      const all = readers.map(async ([name, reader]) => {
        seen[name] = await beginning(reader, service);
      });
      // Retention keeps 151: what is trimmed is trimmed with the commit after this one.
      await service.store.commit({ crawl: 'a', events: [eventOf('a', 'quote', {})] });
      await Promise.all(all);
      assert.deepEqual(seen, expected);
    });

    it('is none where another process has given out what is on its way, and told where it does not come', async (t) => {
      const peers = { self: 'one', ask: async () => 'alive' as const, isCurrent: async () => true };
      const service = await startLogService(t, { transport, peers });
      const { store, url } = service;
      await store.commit({ crawl: 'a', record: { ...recordOf('a'), owner: 'one' } });
      await appendItems(store, 'a', 1, 10);
      const id = (offset: number) => `${store.log.epoch}-${offset}`;
      const [sse, ws, lost] = await Promise.all([
        readSse(url, '?since=0', { 'last-event-id': id(12) }),
        readWs(url, `?since=${id(12)}`),
        readSse(url, `?since=${id(99)}`),
      ]);
      await appendItems(store, 'a', 11, 3);
      assert.deepEqual(await beginning(sse, service), ['13']);
      assert.deepEqual(await beginning(ws, service), ['13']);
      const [gap] = await take(lost, 1);
      assert.deepEqual(
        [gap?.type, gap?.data],
        ['log.gap', { requested: id(99), resumedAfter: id(13), reason: 'ahead' }],
      );
    });

    it('is told to who changes the subscription, before anything else of it', async (t) => {
      const service = await startTruncated(t, transport);
      const reader = await readWs(service.url);
      reader.socket.send(JSON.stringify({ subscribe: { since: 149, type: ['quote'] } }));
      assert.deepEqual(await beginning(reader, service), ['truncated 150', '151']);
      assert.equal(reader.controls.length, 1);
    });

    it('is not told where what was lost is all of other crawls', async (t) => {
      const service = await startLogService(t, { transport, retention: { maxEvents: 100 } });
      const { store, url } = service;
      const add = () => store.commit({ crawl: 'rests', events: [eventOf('rests', 'quote', {})] });
      await store.commit({ crawl: 'rests', record: recordOf('rests') });
      await store.commit({ crawl: 'a', record: recordOf('a') });
      await add();
      await appendItems(store, 'a', 1, 250);
      await tidy(store);
      const reader = await readWs(url, `?crawl=rests&since=${store.log.epoch}-1`);
      await add();
      assert.deepEqual(await beginning(reader, service), ['252']);
    });

    it('is told before the place behind it: who is cut off in between asks again for what it asked for', async (t) => {
      const { store, transport: server } = await startTruncated(t, transport);
      using client = new RawClient(server.port);
      client.send(`GET /events HTTP/1.1\r\nHost: test\r\nLast-Event-ID: ${store.log.epoch}-7\r\n\r\n`);
      await client.untilText('"reason":"truncated"');
      const before = client.text.slice(0, client.text.indexOf('event: log.gap'));
      assert.deepEqual(before.match(/^(retry|id): .*\n/gm), ['retry: 1000\n', `id: ${store.log.epoch}-150\n`]);
    });

    it('is told, and then 204, where all of a finished crawl is no longer kept', async (t) => {
      const service = await startLogService(t, { transport, retention: { maxEvents: 100 } });
      const { store, url } = service;
      await store.commit({ crawl: 'old', record: recordOf('old', 'finished'), events: [eventOf('old', 'quote', {})] });
      await store.commit({ crawl: 'a', record: recordOf('a') });
      await appendItems(store, 'a', 1, 250);
      await tidy(store);
      const reader = await readSse(url, '?since=0&crawl=old');
      const [gap, ...rest] = await take(reader, 9);
      assert.equal(gap?.type, 'log.gap');
      assert.deepEqual(rest, []);
      const { response } = await readSse(url, '?crawl=old', { 'last-event-id': reader.lastId ?? '' });
      assert.equal(response.status, 204);
    });

    it('is not told for the time after a crawl that is over: who has had all of it has lost nothing', async (t) => {
      const service = await startLogService(t, { transport, retention: { maxEvents: 100 } });
      const { store, url } = service;
      const events = [eventOf('old', 'quote', {}), eventOf('old', 'crawl.finished', {})];
      await store.commit({ crawl: 'old', record: recordOf('old', 'finished'), events });
      await store.commit({ crawl: 'a', record: recordOf('a') });
      await appendItems(store, 'a', 1, 250);
      await tidy(store);
      const id = (offset: number) => `${store.log.epoch}-${offset}`;
      const { response } = await readSse(url, '?crawl=old&since=0', { 'last-event-id': id(2) });
      assert.equal(response.status, 204);
      assert.deepEqual(await beginning(await readWs(url, `?crawl=old&since=${id(40)}`), service), []);
      assert.deepEqual(await beginning(await readWs(url, `?crawl=old&since=${id(1)}`), service), ['truncated 152']);
    });

    it('is not told for the time before a crawl of which all is kept', async (t) => {
      const service = await startTruncated(t, transport);
      await service.store.commit({ crawl: 'b', record: recordOf('b'), events: [eventOf('b', 'quote', {})] });
      for (const since of ['0', '1', '2000-01-01T00:00:00Z']) {
        assert.deepEqual(await beginning(await readSse(service.url, `?since=${since}&crawl=b`), service), ['251']);
      }
    });
  });

  describe(`since a time (${transport})`, () => {
    it('begins with the first event that is later', async (t) => {
      const { store, url } = await startLogService(t, { transport });
      const start = Date.now() - 60_000;
      const at = (ms: number) => new Date(start + ms).toISOString();
      // One step, ten milliseconds apart, though appended at once; then another step, later than all of them.
      const events = [0, 10, 20, 30].map((ms) => eventOf('a', 'quote', { ms }, at(ms)));
      await store.commit({ crawl: 'a', record: recordOf('a'), events });
      await delay(5);
      const between = new Date().toISOString();
      await delay(5);
      await store.commit({ crawl: 'a', events: [eventOf('a', 'quote', { ms: 40 })] });
      const firstSince = async (time: string) => {
        const reader = await readSse(url, `?since=${encodeURIComponent(time)}`);
        const [first] = await take(reader, 1);
        reader.close();
        return first?.data;
      };
      assert.deepEqual(await firstSince('2000-01-01T00:00:00Z'), { ms: 0 });
      assert.deepEqual(await firstSince(at(-1)), { ms: 0 });
      assert.deepEqual(await firstSince(at(0)), { ms: 10 });
      assert.deepEqual(await firstSince(at(15)), { ms: 20 });
      assert.deepEqual(await firstSince(at(20).replace('Z', '+00:00')), { ms: 30 });
      assert.deepEqual(await firstSince(at(30)), { ms: 40 });
      assert.deepEqual(await firstSince(between), { ms: 40 });
    });

    it('is refused where it is none', async (t) => {
      const { url } = await startLogService(t, { transport });
      for (const since of ['yesterday', '2026-13-01T00:00:00Z', '2026-01-01', '1e400', '-1', '1-2-3', '%00']) {
        const response = await fetch(`${url}/events?since=${since}`);
        assert.equal(response.status, 400, since);
        assert.match(await response.text(), /"detail":"\\"since\\"/);
      }
    });
  });
}

it('a slow reader of one crawl is told of no gap where what was lost is all of other crawls', async (t) => {
  const store = await openMemoryStore({ retention: { maxEvents: 100 } });
  const hub = new Hub(store);
  t.after(() => {
    hub.close();
    return store.close();
  });
  await store.commit({ crawl: 'rests', record: recordOf('rests'), events: [eventOf('rests', 'quote', {})] });
  const delivered: number[] = [];
  const subscriber = new Subscriber(store, hub.turns, plan(parseSubscriptionQuery('since=0&crawl=rests'), store), {
    deliver({ last }) {
      delivered.push(last);
      return false;
    },
    heartbeat: () => true,
    end: assert.fail,
    fail: assert.fail,
  });
  subscriber.begin();
  await appendItems(store, 'a', 1, 250);
  await tidy(store);
  subscriber.drained();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([delivered, subscriber.cursor], [[1], `${store.log.epoch}-251`]);
});

/** A reader of a log of five events that others write to as well, where `isCurrent` says whether all of theirs is here. */
async function readShared(t: TestContext, isCurrent: () => Promise<boolean>) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const peers = { self: 'one', ask: async () => 'alive' as const, isCurrent };
  const store = await openMemoryStore({ peers });
  const hub = new Hub(store);
  t.after(() => {
    hub.close();
    return store.close();
  });
  await appendItems(store, 'a', 1, 5);
  const planOf = (offset: number, more = '') =>
    plan(parseSubscriptionQuery(`since=${store.log.epoch}-${offset}${more}`), store);
  const told: string[] = [];
  const open = (offset: number, more?: string) => {
    const planned = planOf(offset, more);
    const subscriber = new Subscriber(store, hub.turns, planned, {
      deliver({ batch, runs, last }) {
        const { type, data } = JSON.parse(batch.jsonAt(runs[0]?.from ?? 0).toString());
        told.push(type === 'log.gap' ? `${data.reason} of ${data.requested.split('-')[1]}` : String(last));
        return true;
      },
      heartbeat: () => true,
      end: () => told.push('the end'),
      fail: assert.fail,
    });
    const member = { protocol: 'sse', address: '127.0.0.1', subscriber, remind() {}, leave() {} } as const;
    begin({ store, hub, plan: planned, address: member.address }, member);
    return subscriber;
  };
  const change = (subscriber: Subscriber, offset: number) => {
    const next = planOf(offset);
    subscriber.replan(next);
    subscriber.tellGap(next.position);
    subscriber.begin();
  };
  /** Time goes by, and what it sets off is done. */
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { store, told, open, change, pass };
}

describe('a reader that is ahead of one process’s copy of the log', () => {
  it('is told of no gap where the copy comes to the very offset that it asked for', async (t) => {
    const { store, told, open, pass } = await readShared(t, async () => true);
    open(7);
    await appendItems(store, 'a', 6, 2);
    await pass(3_000);
    assert.deepEqual(told, []);
    await appendItems(store, 'a', 8, 1);
    assert.deepEqual(told, ['8']);
  });

  it('is told of one once the copy is known to hold all, and not for as long as it may lag', async (t) => {
    let isCurrent = false;
    const { told, open, pass } = await readShared(t, async () => isCurrent);
    open(7);
    await pass(2_999);
    await pass(1);
    await pass(3_000);
    assert.deepEqual(told, []);
    isCurrent = true;
    await pass(3_000);
    assert.deepEqual(told, ['ahead of 7']);
    await pass(9_000);
    assert.deepEqual(told, ['ahead of 7']);
  });

  it('knows from the gap where it is, and hears of its place again once something has been left out', async (t) => {
    const { store, told, open, pass } = await readShared(t, async () => true);
    const subscriber = open(99, '&type=page');
    await pass(3_000);
    assert.deepEqual([told, subscriber.hasMovedSilently], [['ahead of 99'], false]);
    await appendItems(store, 'a', 6, 2);
    assert.deepEqual([subscriber.cursor, subscriber.hasMovedSilently], [`${store.log.epoch}-7`, true]);
  });

  it('is told of one, and that nothing comes any more, where its crawl is over', async (t) => {
    const { store, told, open, pass } = await readShared(t, async () => true);
    await store.commit({ crawl: 'a', record: recordOf('a', 'finished') });
    open(7, '&crawl=a');
    await pass(3_000);
    assert.deepEqual(told, ['ahead of 7', 'the end']);
  });

  it('is told, where it asked for something else meanwhile, of that alone, and in its own time', async (t) => {
    const { told, open, change, pass } = await readShared(t, async () => true);
    const subscriber = open(7);
    await pass(2_000);
    change(subscriber, 20);
    await pass(2_000);
    assert.deepEqual(told, []);
    await pass(1_000);
    assert.deepEqual(told, ['ahead of 20']);
  });

  it('is told nothing of what it no longer asks for when that is known', async (t) => {
    const answers: ((isCurrent: boolean) => void)[] = [];
    const { told, open, change, pass } = await readShared(t, () => new Promise((resolve) => answers.push(resolve)));
    const subscriber = open(7);
    await pass(3_000);
    change(subscriber, 20);
    answers.shift()?.(true);
    await pass(0);
    assert.deepEqual(told, []);
    await pass(3_000);
    answers.shift()?.(true);
    await pass(0);
    assert.deepEqual(told, ['ahead of 20']);
  });
});
