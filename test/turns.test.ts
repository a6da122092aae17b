import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Hub } from '#src/serve/hub.js';
import { begin, plan, Subscriber } from '#src/serve/subscriber.js';
import { parseSubscriptionQuery } from '#src/serve/subscription.js';
import { Turns, type Worker } from '#src/serve/turns.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { Store } from '#src/store/store.js';
import { appendItems, recordOf } from './support/log-service.js';

/** Takes so many turns, and resolves when it has had them. */
function worker(turns: Turns, replays: boolean, count: number): { readonly done: Promise<void> } {
  let left = count;
  let finish = () => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const own: Worker = {
    replays,
    pump() {
      if (--left > 0) turns.add(own);
      else finish();
    },
  };
  turns.add(own);
  return { done };
}

test('turns › come to who replays even while somebody follows live and there is always something on its way to the disk', async () => {
  const turns = new Turns({ isCommitting: true });
  turns.appended(true);
  await Promise.all([worker(turns, true, 2_000).done, worker(turns, true, 2_000).done, worker(turns, false, 100).done]);
});

/** Turns by a clock that the test moves. */
function openTurns(t: TestContext) {
  let nowMs = Math.floor(performance.now());
  t.mock.method(performance, 'now', () => nowMs);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const store = { isCommitting: false };
  const turns = new Turns(store);
  const counts: number[] = [];
  let isOver = false;
  t.after(() => {
    isOver = true;
  });
  /** Somebody whose work does not end before the test, and takes so many milliseconds each time: more than a turn has, where nothing else is said. */
  const enter = (replays: boolean, ms = 1) => {
    const who = counts.push(0) - 1;
    const own: Worker = {
      replays,
      pump() {
        counts[who] = (counts[who] ?? 0) + 1;
        nowMs += ms;
        if (!isOver) turns.add(own);
      },
    };
    turns.add(own);
  };
  /** Time goes by, and one turn comes to whoever is not at rest. Gives the turns that came meanwhile. */
  const pass = async (ms: number) => {
    const had = [...counts];
    nowMs += ms;
    t.mock.timers.tick(1);
    await new Promise((resolve) => setImmediate(resolve));
    return counts.map((count, who) => count - (had[who] ?? 0));
  };
  return { store, turns, enter, pass };
}

test('turns › are for as many as half a millisecond has time for; the others come first in the next', async (t) => {
  const { enter, pass } = openTurns(t);
  for (let who = 0; who < 5; who++) enter(true, 0.25);
  assert.deepEqual(await pass(0), [1, 1, 1, 0, 0]);
  assert.deepEqual(await pass(0), [1, 0, 0, 1, 1]);
});

test('turns › of those who replay come after half a millisecond while somebody follows live, a little later where an append is under way', async (t) => {
  const { store, turns, enter, pass } = openTurns(t);
  enter(true);
  assert.deepEqual(await pass(0), [1]);
  turns.appended(true);
  assert.deepEqual(await pass(0), [1], 'that turn was on its way');
  assert.deepEqual([await pass(0.25), await pass(0.25)], [[0], [1]]);
  store.isCommitting = true;
  assert.deepEqual([await pass(0.5), await pass(2), await pass(0.5)], [[0], [0], [1]]);
  turns.appended(true);
  assert.deepEqual(await pass(0.5), [1], 'the append has come');
  assert.deepEqual([await pass(0.5), await pass(2.5)], [[0], [1]], 'there is another');
  store.isCommitting = false;
  enter(false);
  assert.deepEqual(
    [await pass(0.25), await pass(0)],
    [
      [0, 1],
      [1, 1],
    ],
  );
});

test('turns › of those who replay come one after the other when nobody has followed live for a second', async (t) => {
  const { turns, enter, pass } = openTurns(t);
  enter(true);
  turns.appended(true);
  assert.deepEqual([await pass(0), await pass(0)], [[1], [0]]);
  assert.deepEqual(await pass(1_000), [2], 'the one that was put off, and the next');
  turns.appended(false);
  assert.deepEqual([await pass(0), await pass(0)], [[1], [1]]);
});

/** A hub over a log, in which there will be a crawl's events. */
async function openHub(t: TestContext): Promise<{ store: Store; hub: Hub }> {
  const store = await openMemoryStore();
  const hub = new Hub(store);
  t.after(() => {
    hub.close();
    return store.close();
  });
  await store.commit({ crawl: 'a', record: recordOf('a') });
  return { store, hub };
}

/** A reader whose socket always takes bytes, in a hub. */
function join(store: Store, hub: Hub, query: string) {
  let resolve = (_: number) => {};
  const reached = (offset: number) =>
    new Promise<void>((done) => {
      resolve = (last) => last >= offset && done();
    });
  const position = plan(parseSubscriptionQuery(query), store);
  const subscriber = new Subscriber(store, hub.turns, position, {
    deliver: ({ last }) => {
      resolve(last);
      return true;
    },
    heartbeat: () => true,
    end() {},
    fail: assert.fail,
  });
  const member = { protocol: 'sse', address: '127.0.0.1', subscriber, remind() {}, leave() {} } as const;
  begin({ store, hub, plan: position, address: member.address }, member);
  return { subscriber, reached };
}

test('turns › are for replays until a reader has been at the end of the log; afterwards it only has bursts before it', async (t) => {
  const { store, hub } = await openHub(t);
  await appendItems(store, 'a', 1, 5_000);
  const late = join(store, hub, 'since=0');
  const live = join(store, hub, 'since=now');
  assert.deepEqual([late.subscriber.replays, live.subscriber.replays], [true, false]);
  assert.equal(late.subscriber.lag, 5_000, 'many may come at once: the first turn is waited for, too');
  const both = Promise.all([late.reached(8_000), live.reached(8_000)]);
  await appendItems(store, 'a', 5_001, 3_000);
  assert.ok(!live.subscriber.replays);
  await both;
  await appendItems(store, 'a', 8_001, 1);
  assert.deepEqual([late.subscriber.replays, live.subscriber.replays], [false, false]);
  live.subscriber.replan(plan(parseSubscriptionQuery('since=0'), store));
  assert.ok(live.subscriber.replays);
});

test('turns › bring a replay to the end of a log that grows all the time', { timeout: 30_000 }, async (t) => {
  const { store, hub } = await openHub(t);
  // Old ones in long chunks, and then as many in short ones as are kept in memory.
  await appendItems(store, 'a', 1, 5_000);
  for (let n = 5_001; n <= 7_000; n++) await appendItems(store, 'a', n, 1);
  const live = join(store, hub, 'since=now');
  const late = Array.from({ length: 20 }, () => join(store, hub, 'since=0'));
  for (let n = 7_001; late.some(({ subscriber }) => subscriber.replays); n++) await appendItems(store, 'a', n, 1);
  assert.equal(live.subscriber.lag, 0);
});

test('a store says whether a step is on its way to be durable', async () => {
  const store = await openMemoryStore();
  assert.ok(!store.isCommitting);
  const commit = appendItems(store, 'a', 1, 10);
  assert.ok(store.isCommitting);
  await commit;
  const refused = store.commit({ crawl: 'a', decide: () => assert.fail('no') });
  assert.ok(store.isCommitting);
  await assert.rejects(refused);
  await appendItems(store, 'a', 11, 1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(!store.isCommitting);
  await store.close();
});
