import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openEmbeddedStore } from '#src/store/embedded.js';
import { follow } from '#src/store/follow.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { Batch, Store } from '#src/store/store.js';

const crawl = 'c';

function events(count: number, bytes = 20) {
  return Array.from({ length: count }, () => ({
    type: 'quote',
    tail: Buffer.from(`,"data":"${'x'.repeat(bytes)}"}`),
  }));
}

function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Reads until an offset, stopping for a while now and then. */
async function readUntil(store: Store, after: number, last: number, pause: () => number): Promise<number[]> {
  const offsets: number[] = [];
  for await (const batch of follow(store.log, after)) {
    offsets.push(...Array.from(batch, ({ offset }) => offset));
    for (let turns = pause(); turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
    if ((offsets.at(-1) ?? 0) >= last) break;
  }
  return offsets;
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

async function embedded(use: (store: Store) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'crawlcast-follow-'));
  const store = await openEmbeddedStore(dir);
  try {
    await use(store);
  } finally {
    await store.close();
    await rm(dir, { recursive: true });
  }
}

describe('follow', () => {
  for (const seed of [1, 2, 3, 4]) {
    it(`gives every reader everything once, in order, while others append at full speed (seed ${seed})`, () =>
      embedded(async (store) => {
        const random = seeded(seed);
        const total = 20_000;
        await store.commit({ crawl, events: events(random(3000)) });
        const readers = Array.from({ length: 8 }, (_, reader) => {
          const after = random(store.log.last + 1);
          const patience = seeded(seed * 100 + reader);
          const pause = () => (patience(4) === 0 ? patience(reader * 10 + 1) : 0);
          return readUntil(store, after, total, pause).then((seen) => ({ seen, after }));
        });
        for (let written = store.log.last; written < total; ) {
          const count = Math.min(1 + random(random(10) === 0 ? 900 : 15), total - written);
          const step = store.commit({ crawl, events: events(count) });
          written += count;
          if (random(3) === 0) await step;
        }
        for (const { seen, after } of await Promise.all(readers)) assert.deepEqual(seen, numbers(after + 1, total));
      }));
  }

  it('gives what is no longer in memory, and then goes on live', () =>
    embedded(async (store) => {
      for (let step = 0; step < 10; step += 1) await store.commit({ crawl, events: events(100, 12_000) });
      const reading = readUntil(store, 0, 1010, () => 0);
      await store.commit({ crawl, events: events(10) });
      assert.deepEqual(await reading, numbers(1, 1010));
    }));

  it('gives readers at the same live position the very same batches', async () => {
    const store = await openMemoryStore();
    const read = async () => {
      const batches: Batch[] = [];
      for await (const batch of follow(store.log, 0)) {
        batches.push(batch);
        if (batch.last === 20) return batches;
      }
      return batches;
    };
    const readers = Promise.all([read(), read()]);
    for (let step = 0; step < 10; step += 1) await store.commit({ crawl, events: events(2) });
    const [one = [], two = []] = await readers;
    assert.ok(one.every((batch, index) => batch === two[index]));
    await store.close();
  });

  it('ends when it is told to, waiting or not, and leaves no listener behind', async () => {
    const store = await openMemoryStore();
    const ending = new AbortController();
    await store.commit({ crawl, events: events(1) });
    const seen: number[] = [];
    const reading = (async () => {
      for await (const batch of follow(store.log, 0, ending.signal)) seen.push(batch.length);
    })();
    await new Promise((resolve) => setImmediate(resolve));
    ending.abort();
    await reading;
    await store.commit({ crawl, events: events(1) });
    for await (const batch of follow(store.log, 0, ending.signal)) seen.push(batch.length);
    assert.deepEqual(seen, [1]);
    await store.close();
  });
});
