import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createFilter } from '#src/serve/filter.js';
import { Hub } from '#src/serve/hub.js';
import { begin, plan, Subscriber } from '#src/serve/subscriber.js';
import { parseSubscriptionQuery } from '#src/serve/subscription.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { Retention } from '#src/store/store.js';
import {
  appendItems,
  eventOf,
  openLogService,
  recordOf,
  startLogService,
  tidy,
  transports,
} from './support/log-service.js';
import { temporaryFolder } from './support/process.js';
import { type Reader, readSse, readWs, take } from './support/readers.js';

/** A log of 2,000 items, of which the 50th was overwritten on the disk. */
async function damagedLog(test: TestContext): Promise<string> {
  const data = temporaryFolder(test);
  const { store, close } = await openLogService({ data });
  await store.commit({ crawl: 'a', record: recordOf('a') });
  for (let from = 1; from <= 2_000; from += 500) await appendItems(store, 'a', from, 500);
  await store.commit({ crawl: 'a', events: [eventOf('a', 'page', {})] });
  await close();
  const file = join(data, 'data.mdb');
  const bytes = readFileSync(file);
  const at = bytes.indexOf('"n":50,');
  assert(at > 0);
  writeFileSync(file, bytes.fill('7', at + 4, at + 5));
  return data;
}

describe('a piece', () => {
  it('cuts nothing that lies in the log as one, however small its events are', async () => {
    const store = await openMemoryStore();
    await store.commit({ crawl: 'a', record: recordOf('a') });
    const all = createFilter({ data: [] });
    for (const size of [0, 80, 250, 1_000]) {
      const before = store.log.last;
      const events = Array.from({ length: 1_000 }, () => eventOf('a', 'quote', 'x'.repeat(size)));
      await store.commit({ crawl: 'a', events });
      for (let after = before; after < store.log.last; ) {
        const batch = store.log.read(after);
        const runs = all(batch).map((piece) => piece.runs);
        assert.deepEqual(runs, [[{ from: 0, to: batch.length }]], `events of ${size} characters`);
        after = batch.last;
      }
    }
    await store.close();
  });
});

/** A subscriber of its own, over a socket that is full after whatever is written to it until the test says otherwise. */
async function readSlowly(t: TestContext, retention: Retention, query: string) {
  const store = await openMemoryStore({ retention });
  const hub = new Hub(store);
  t.after(() => {
    hub.close();
    return store.close();
  });
  await store.commit({ crawl: 'a', record: recordOf('a') });
  const seen: string[] = [];
  let isFull = false;
  let endsAt: string | undefined;
  const open = () => {
    const planned = plan(parseSubscriptionQuery(query), store);
    const subscriber = new Subscriber(store, hub.turns, planned, {
      deliver({ batch, runs }) {
        assert.ok(!isFull, 'written to while it is full');
        for (const { from, to } of runs) {
          for (let place = from; place < to; place++) {
            const { id, type } = JSON.parse(batch.jsonAt(place).toString());
            seen.push(type === 'log.gap' ? `gap ${id}` : id);
          }
        }
        isFull = true;
        return false;
      },
      heartbeat: () => assert.fail('written to while it is full'),
      end(lastId) {
        endsAt = lastId;
      },
      fail: assert.fail,
    });
    const member = { protocol: 'sse', address: '127.0.0.1', subscriber, remind() {}, leave() {} } as const;
    begin({ store, hub, plan: planned, address: member.address }, member);
    return subscriber;
  };
  /** The socket takes bytes, and what waits for its turn has it. */
  const drain = async (subscriber: Subscriber) => {
    isFull = false;
    subscriber.drained();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { store, seen, open, drain, endsAt: () => endsAt, id: (offset: number) => `${store.log.epoch}-${offset}` };
}

describe('a subscriber whose socket is full', () => {
  it('gets nothing more until it takes bytes again, and then each event once', async (t) => {
    const { store, seen, open, drain, id } = await readSlowly(t, {}, 'since=0');
    // What is too large for a piece is one by itself, so that one batch comes in several.
    const sizes = [10, 10, 200_000, 10, 10, 200_000, 200_000, 10];
    await store.commit({ crawl: 'a', events: sizes.map((size) => eventOf('a', 'quote', 'x'.repeat(size))) });
    const subscriber = open();
    let rounds = 0;
    for (; subscriber.lag > 0; rounds++) {
      subscriber.heartbeat();
      await drain(subscriber);
    }
    assert.deepEqual(
      seen,
      sizes.map((_, index) => id(index + 1)),
    );
    assert.ok(rounds >= 4, `${rounds} rounds`);
  });

  it('gets nothing behind a gap that filled it', async (t) => {
    const { store, seen, open, drain, id } = await readSlowly(t, { maxEvents: 2 }, 'since=0');
    await appendItems(store, 'a', 1, 10);
    await tidy(store);
    const subscriber = open();
    assert.deepEqual(seen, [`gap ${id(8)}`]);
    await drain(subscriber);
    assert.deepEqual(seen, [`gap ${id(8)}`, id(9), id(10)]);
  });

  it('is not led back where all that was left of its crawl, and more, is gone when it takes bytes again', async (t) => {
    const { store, seen, open, drain, endsAt, id } = await readSlowly(t, { maxEvents: 2 }, 'crawl=a&since=0');
    await appendItems(store, 'a', 1, 1);
    const subscriber = open();
    assert.deepEqual(seen, [id(1)]);
    const finished = { ...recordOf('a'), state: 'finished' } as const;
    await store.commit({ crawl: 'a', record: finished, events: [eventOf('a', 'crawl.finished', {})] });
    await appendItems(store, 'b', 1, 10);
    await tidy(store);
    assert.equal(store.log.first, 11);
    await drain(subscriber);
    assert.deepEqual(seen, [id(1), `gap ${id(10)}`]);
    await drain(subscriber);
    assert.equal(endsAt(), id(12));
  });
});

describe('a condition on data', () => {
  const data = { n: 1.5, list: ['a', 'b'], deep: { name: 'c' }, 'a.b': 'd', empty: '', nothing: null };
  const table: [path: string, value: string, holds: boolean][] = [
    ['n', '1.5', true],
    ['n', '1.50', false],
    ['list', 'b', true],
    ['list', 'a,b', false],
    ['list.1', 'b', true],
    ['list.length', '2', false],
    ['n.constructor', '', false],
    ['deep.name', 'c', true],
    ['deep', 'c', false],
    ['a.b', 'd', true],
    ['empty', '', true],
    ['nothing', 'null', false],
    ['nothing', '', false],
    ['__proto__', '', false],
  ];
  for (const [path, value, holds] of table) {
    it(`${path} = "${value}" ${holds ? 'holds' : 'does not hold'}`, async () => {
      const store = await openMemoryStore();
      await store.commit({ crawl: 'a', record: recordOf('a'), events: [eventOf('a', 'thing', data)] });
      assert.equal(createFilter({ data: [[path, value]] })(store.log.read(0)).length, holds ? 1 : 0);
      await store.close();
    });
  }
});

for (const transport of transports) {
  describe(`a subscriber (${transport})`, () => {
    it('that comes to a damaged part of the log is broken off; nobody else notices', async (t) => {
      const errors: unknown[] = [];
      const options = { transport, data: await damagedLog(t), onError: (error: unknown) => void errors.push(error) };
      const { store, url } = await startLogService(t, options);
      const live = [await readSse(url), await readWs(url)];
      // Before its head has left, or after: to the reader it is the same.
      const breakOff = (opening: Promise<Reader>) => opening.then((reader) => take(reader, 9_999)).catch(() => []);
      await breakOff(readSse(url, '?since=0'));
      await breakOff(readWs(url, '?since=0'));
      await assert.rejects(
        fetch(`${url}/results?partial=true&format=csv`)
          .then(check)
          .then((r) => r.text()),
      );
      assert.match(String(errors.at(-1)), /damaged at offset/);
      assert(errors.length >= 3);
      const seen = live.map((reader) => take(reader, 5));
      await appendItems(store, 'a', 1, 5);
      for (const events of seen) assert.equal((await events).length, 5);
      assert.equal((await take(await readSse(url, '?since=1500'), 500)).length, 500);
      for (const reader of live) reader.close();
    });

    it('whose subscription comes to a damaged part of the log is told, and so is the log of the service', async (t) => {
      const errors: unknown[] = [];
      const options = { transport, data: await damagedLog(t), onError: (error: unknown) => void errors.push(error) };
      const { url } = await startLogService(t, options);
      const { socket, close } = await readWs(url);
      socket.send(JSON.stringify({ subscribe: { since: '2020-01-01T00:00:00Z' } }));
      const [answer] = await once(socket, 'message');
      assert.equal(JSON.parse(String(answer)).error.code, 'data.corrupt');
      assert.match(String(errors), /damaged at offset/);
      close();
    });

    it('costs the same however many others ask the same in other words', async (t) => {
      const { store, url } = await startLogService(t, { transport });
      const readers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => readSse(url, `?type=quote,other${i}&data.parity=odd`)),
      );
      const seen = readers.map((reader) => take(reader, 500));
      await appendItems(store, 'a', 1, 1_000);
      const [first, ...others] = await Promise.all(seen);
      const idsOf = (events: typeof first) => events?.map(({ id }) => id);
      for (const events of others) assert.deepEqual(idsOf(events), idsOf(first));
      for (const reader of readers) reader.close();
    });
  });

  describe(`a snapshot (${transport})`, () => {
    it('that is too large to be sent whole answers HEAD with its head alone, and keeps nobody waiting', async (t) => {
      const { store, url } = await startLogService(t, { transport });
      await store.commit({ crawl: 'a', record: recordOf('a') });
      for (let from = 1; from <= 20_000; from += 1_000) await appendItems(store, 'a', from, 1_000);
      const head = await fetch(`${url}/crawls/a/items`, { method: 'HEAD' });
      assert.equal(head.headers.get('content-length'), null);
      assert.equal(head.headers.get('crawlcast-cursor'), `${store.log.epoch}-20000`);
      let turns = 0;
      const ticking = setInterval(() => turns++, 1);
      const csv = await (await fetch(`${url}/crawls/a/items?format=csv`)).text();
      clearInterval(ticking);
      assert.equal(csv.split('\r\n').length, 20_002);
      assert(turns > 10, `${turns} turns of others`);
    });
  });
}

function check(response: Response): Response {
  assert.equal(response.status, 200, 'refused at once is as good');
  return response;
}
