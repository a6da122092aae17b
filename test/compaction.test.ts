/** When a stream is cut, and how that ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { Cluster } from '#src/store/cluster.js';
import { keepCompact } from '#src/store/compaction.js';
import type { Replica } from '#src/store/replica.js';
import type { Snapshot, Snapshots } from '#src/store/snapshots.js';
import { timerByHand } from './support/timers.js';

type Newest = Pick<Snapshot, 'bytes' | 'streamBytes'> | undefined;

/** A stream of which the test says how long it is, and what of it a snapshot holds. */
function keep(t: TestContext) {
  const timer = timerByHand(t);
  const told = { bytes: 0, newest: undefined as Newest, error: undefined as Error | undefined };
  const written: AbortSignal[] = [];
  const hooks = { onWrite: async (_: AbortSignal) => {} };
  const cluster = {
    async state() {
      if (told.error !== undefined) throw told.error;
      return { bytes: told.bytes };
    },
  } as unknown as Cluster;
  const snapshots = {
    newest: async () => told.newest,
    async write(_: Replica, signal: AbortSignal) {
      written.push(signal);
      await hooks.onWrite(signal);
    },
  } as unknown as Snapshots;
  const stop = keepCompact(cluster, {} as Replica, snapshots, { leastBytes: 100, intervalMs: 1_000 });
  return { timer, told, written, hooks, stop, look: () => timer.setBy(() => timer.end()) };
}

test('compaction › a stream is cut when it has grown by as much as is worth it, and as its snapshot takes', async (t) => {
  const { timer, told, written, look } = keep(t);
  const cases: [bytes: number, newest: Newest, isCut: boolean][] = [
    [99, undefined, false],
    [100, undefined, true],
    [199, { streamBytes: 100, bytes: 50 }, false],
    [200, { streamBytes: 100, bytes: 50 }, true],
    [299, { streamBytes: 100, bytes: 200 }, false],
    [300, { streamBytes: 100, bytes: 200 }, true],
  ];
  for (const [bytes, newest, isCut] of cases) {
    Object.assign(told, { bytes, newest });
    written.length = 0;
    await look();
    assert.equal(written.length, isCut ? 1 : 0, `${bytes} bytes`);
    assert.ok(timer.ms >= 500 && timer.ms <= 1_500);
  }
});

test('compaction › what did not succeed is tried again', async (t) => {
  const { told, written, hooks, look } = keep(t);
  told.error = new Error('nobody answers');
  await look();
  Object.assign(told, { error: undefined, bytes: 100 });
  hooks.onWrite = () => Promise.reject(new Error('another was first'));
  for (let time = 1; time <= 2; time++) {
    await look();
    assert.equal(written.length, time);
  }
});

test('compaction › its end breaks a snapshot off, waits until nobody reads any more, and begins no other', async (t) => {
  const { timer, told, hooks, stop } = keep(t);
  const isWriting = new EventTarget();
  let isOver = false;
  told.bytes = 100;
  hooks.onWrite = async (signal) => {
    const broken = once(signal, 'abort');
    isWriting.dispatchEvent(new Event('begin'));
    await broken;
    await Promise.resolve();
    isOver = true;
  };
  const begun = once(isWriting, 'begin');
  timer.end();
  await begun;
  await stop();
  assert.deepEqual([isOver, timer.isSet], [true, false]);
  const other = keep(t);
  await other.stop();
  assert.equal(other.timer.isSet, false);
});
