import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Seen, SeenDraft } from '#src/store/seen.js';
import { SeenIndex } from '#src/store/seen-index.js';
import { fingerprint } from '#src/url.js';
import { PlainTables } from './support/plain-tables.js';
import { createRandom } from './support/random.js';

const space = '000000';
const nameOf = (n: number) => (n % 10 === 0 ? `once offsite ${n}` : fingerprint(`http://a.test/${n}`));

it('knows what it has seen, where, and nothing else: through moves, failed writes and restarts', async () => {
  const random = createRandom(3);
  const tables = new PlainTables();
  let seen = new Seen(tables, space);
  const expected = new Map<string, number>();
  for (let round = 0, next = 0; round < 700; round += 1) {
    const draft = new SeenDraft(seen);
    const added: string[] = [];
    for (let n = random.below(200); n >= 0; n -= 1) {
      // Some move to another place.
      const name = nameOf(random.below(8) === 0 ? random.below(next + 1) : next++);
      draft.add(name, { priority: -1.5, depth: round, sequence: 2 ** 40 + n });
      added.push(name);
    }
    assert.equal(draft.find(added[0] ?? '')?.depth, round);
    // One in ten does not become durable, and what it added is as if it had never been.
    if (random.below(10) === 0) continue;
    await tables.write(new Map(seen.rowsOf(draft.marks)));
    seen.publish(draft.marks);
    for (const name of added) expected.set(name, round);
    if (random.below(60) === 0) seen = new Seen(tables, space);
  }
  for (const known of [seen, new Seen(tables, space)]) {
    const draft = new SeenDraft(known);
    for (const [name, depth] of expected) assert.equal(draft.find(name)?.depth, depth, name);
    for (let n = 0; n < 150_000; n += 1) {
      const name = nameOf(n);
      assert.equal(draft.find(name) !== undefined, expected.has(name), name);
    }
  }
  const [name = ''] = expected.keys();
  assert.equal(new SeenDraft(seen).find(name)?.priority, -1.5);
});

it('writes the end of its list alone, however long that is', async () => {
  const tables = new PlainTables();
  const seen = new Seen(tables, space);
  let most = 0;
  for (let next = 0; next < 20_000; next += 20) {
    const draft = new SeenDraft(seen);
    for (let n = 0; n < 20; n += 1) draft.add(nameOf(next + n));
    const rows = seen.rowsOf(draft.marks);
    most = Math.max(most, rows.length);
    await tables.write(new Map(rows));
    seen.publish(draft.marks);
  }
  assert.equal(most, 2);
  assert.deepEqual(seen.rowsOf(new SeenDraft(seen).marks), []);
});

it('finds all that was added under a hash, the newest first, while it grows', () => {
  const random = createRandom(5);
  const index = new SeenIndex();
  const expected = new Map<number, number[]>();
  for (let number = 0; number < 60_000; number += 1) {
    // Few hashes of the same part at first: they share one run of places, over the end of the table too.
    const hash = number < 2_000 ? 2 ** 32 - 1 - 256 * random.below(300) : random.below(2 ** 32);
    index.add(hash, number);
    expected.set(hash, [number, ...(expected.get(hash) ?? [])]);
  }
  for (const [hash, numbers] of expected) assert.deepEqual(index.find(hash), numbers);
  for (let n = 0; n < 60_000; n += 1) {
    const hash = random.below(2 ** 32);
    assert.deepEqual(index.find(hash), expected.get(hash) ?? []);
  }
});
