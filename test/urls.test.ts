import assert from 'node:assert/strict';
import { it } from 'node:test';
import { NumberQueue, newQueuePool } from '#src/store/number-queue.js';
import { SeenIndex } from '#src/store/seen-index.js';
import { Urls, UrlsDraft } from '#src/store/urls.js';
import { fingerprint } from '#src/url.js';
import { PlainTables } from './support/plain-tables.js';
import { createRandom } from './support/random.js';

const space = '000000';
const offerOf = (n: number, depth: number) => ({
  url: `http://h${n % 7}.test/${n}é`,
  fingerprint: fingerprint(`http://a.test/${n}`),
  host: `http://h${n % 7}.test`,
  depth,
});

it('knows its URLs, what waits and what has ended: through moves, failed writes and restarts', async () => {
  const random = createRandom(3);
  const tables = new PlainTables();
  let urls = new Urls(tables, space);
  const waiting = new Map<number, number>();
  const ended = new Set<number>();
  for (let round = 0, next = 0; round < 300; round += 1) {
    const draft = new UrlsDraft(urls);
    const changes: (() => void)[] = [];
    for (let left = random.below(60); left >= 0; left -= 1, next += 1) {
      const n = next;
      draft.queue(offerOf(n, round));
      assert.equal(draft.see(`once ${n}`), true);
      changes.push(() => waiting.set(n, round));
    }
    const moved = [...waiting.keys()][random.below(waiting.size + 1)];
    const known = moved === undefined ? undefined : draft.find(offerOf(moved, 0).fingerprint);
    if (moved !== undefined && known !== undefined) {
      draft.queue(offerOf(moved, 0), known.number);
      changes.push(() => waiting.set(moved, 0));
    }
    const done = [...waiting.keys()].find((n) => n !== moved);
    const last = done === undefined ? undefined : draft.find(offerOf(done, 0).fingerprint);
    const rows = draft.settle();
    // One in ten does not become durable, and what it added is as if it had never been.
    if (random.below(10) === 0) continue;
    await tables.write(new Map(rows));
    urls.publish(draft, () => false);
    for (const change of changes) change();
    if (done !== undefined && last !== undefined) {
      const end = new UrlsDraft(urls);
      end.end(last.number);
      await tables.write(new Map(end.settle()));
      urls.publish(end, () => false);
      // It was never taken, so that its place is left by hand.
      urls.waiting.withdraw(offerOf(done, 0).host);
      waiting.delete(done);
      ended.add(done);
    }
    if (random.below(30) === 0) urls = new Urls(tables, space);
    assert.equal(urls.waiting.size, waiting.size);
  }
  for (const known of [urls, new Urls(tables, space)]) {
    const draft = new UrlsDraft(known);
    for (const [n, depth] of waiting) assert.equal(draft.find(offerOf(n, 0).fingerprint)?.depth, depth);
    for (const n of ended) assert.equal(draft.isEnded(draft.find(offerOf(n, 0).fingerprint)?.number ?? 0), true);
    const taken = new Set<string>();
    for (let host = 0; host < 7; host += 1) {
      const name = `http://h${host}.test`;
      let depth = -1;
      for (let number = known.waiting.take(name); number !== undefined; number = known.waiting.take(name)) {
        const offer = known.offer(number);
        assert.ok(offer.depth >= depth && offer.host === name);
        depth = offer.depth;
        taken.add(offer.fingerprint);
      }
    }
    assert.deepEqual(taken, new Set([...waiting.keys()].map((n) => offerOf(n, 0).fingerprint)));
  }
});

it('knows which of its URLs have ended, however far apart they are', async () => {
  const tables = new PlainTables();
  const urls = new Urls(tables, space);
  // Around the ends of what its bits take up at first, and far behind what twice as many would.
  const numbers = [0, 7, 8, 8_191, 8_192, 16_384, 1_000_000];
  const draft = new UrlsDraft(urls);
  for (const number of numbers) draft.end(number);
  await tables.write(new Map(draft.settle()));
  urls.publish(draft, () => false);
  for (const known of [urls, new Urls(tables, space)]) {
    for (const number of numbers) {
      assert.ok(known.isEnded(number), `${number}`);
      assert.ok(!known.isEnded(number + 9), `${number + 9}`);
    }
  }
});

it('writes the ends of its lists alone, however long they are', async () => {
  const tables = new PlainTables();
  const urls = new Urls(tables, space);
  let most = 0;
  for (let next = 0; next < 10_000; next += 10) {
    const draft = new UrlsDraft(urls);
    for (let n = next; n < next + 10; n += 1) draft.queue(offerOf(n, 1));
    const rows = draft.settle();
    if (next > 0) most = Math.max(most, rows.length);
    await tables.write(new Map(rows));
    urls.publish(draft, () => false);
  }
  assert.equal(most, 2);
  assert.deepEqual(new UrlsDraft(urls).settle(), []);
});

it('finds all blocks that were added under a hash, the newest first, and few others, while it grows', () => {
  const random = createRandom(5);
  const index = new SeenIndex();
  const expected = new Map<number, number[]>();
  for (let block = 0; block < 300_000; block += 1) {
    // Many under the same hashes at first, in one part.
    const hash =
      block < 2_000 ? 2 ** 32 - 1 - 2 ** 25 * random.below(2) - 1024 * random.below(150) : random.below(2 ** 32);
    index.add(hash, block);
    expected.set(hash, [block, ...(expected.get(hash) ?? [])]);
  }
  let others = 0;
  for (const [hash, blocks] of expected) {
    const found = index.find(hash);
    assert.deepEqual(
      found,
      found.toSorted((one, other) => other - one),
    );
    assert.deepEqual(
      found.filter((block) => blocks.includes(block)),
      blocks,
    );
    others += found.length - blocks.length;
  }
  for (let n = 0; n < 60_000; n += 1) others += index.find(random.below(2 ** 32)).length;
  // 300,000 of 2 ** 26 hashes are taken: one look-up in 224 meets another's.
  assert.ok(others < 3_000, `${others} blocks too many`);
});

it('queues numbers in chunks that come back when they were read', () => {
  const random = createRandom(9);
  const pool = newQueuePool();
  const queues = Array.from({ length: 20 }, () => ({ queue: new NumberQueue(pool), expected: [] as number[] }));
  let most = 0;
  for (let number = 0, waiting = 0; number < 2 ** 33; ) {
    const { queue, expected } = queues[random.below(queues.length)] ?? assert.fail();
    if (random.below(3) === 0 || waiting === 2_000) {
      const first = expected.shift();
      assert.equal(queue.take(), first);
      if (first !== undefined) waiting -= 1;
    } else {
      // Distances of one byte up to five.
      number += random.below(2 ** (7 * random.below(4) + 1)) * (random.below(500) === 0 ? 100 : 1);
      queue.add(number);
      expected.push(number);
      waiting += 1;
    }
    assert.equal(queue.isEmpty, expected.length === 0);
    const address = pool.take();
    pool.free(address);
    most = Math.max(most, address / 16);
  }
  for (const { queue, expected } of queues) for (const number of expected) assert.equal(queue.take(), number);
  // Of twelve bytes each, for numbers of at most five, and one or two that are not full for each queue.
  assert.ok(most < (2_000 * 5) / 12 + 40, `${most} chunks`);
});
