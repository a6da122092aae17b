import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Seen, SeenDraft } from '#src/store/seen.js';
import { SortedMap } from '#src/store/sorted.js';
import type { Row, Tables } from '#src/store/tables.js';
import { fingerprint } from '#src/url.js';
import { createRandom } from './support/random.js';

/** A table that is nothing but a sorted map. */
function createTables(): Tables & { readonly rows: SortedMap<Buffer> } {
  const rows = new SortedMap<Buffer>();
  return {
    rows,
    get: (key) => rows.get(key),
    range(from, to, limit) {
      const found: Row[] = [];
      for (const row of rows.from(from)) {
        if (row[0] >= to || found.length === limit) break;
        found.push(row);
      }
      return found;
    },
    last: () => undefined,
    async write(changes) {
      for (const [key, value] of changes) {
        if (value === undefined) rows.delete(key);
        else rows.set(key, value);
      }
    },
    close: async () => {},
  };
}

const nameOf = (n: number) => (n % 10 === 0 ? `once offsite ${n}` : fingerprint(`http://a.test/${n}`));

it('knows what it has seen, where, and nothing else: through merges, broken-off work and restarts', async () => {
  const random = createRandom(3);
  const tables = createTables();
  let seen = new Seen(tables, '000000');
  const expected = new Map<string, number>();
  for (let round = 0, next = 0; round < 700; round += 1) {
    const draft = new SeenDraft(seen);
    for (let n = 0; n < 150; n += 1) {
      // Some move to another place.
      const name = nameOf(random.below(8) === 0 ? random.below(next + 1) : next++);
      draft.add(name, { priority: -1.5, depth: round, sequence: 2 ** 40 + n });
      expected.set(name, round);
    }
    assert.equal(draft.find(nameOf(next - 1))?.depth, round);
    const work = seen.compact(600);
    // One in thirty does not become durable.
    if (work !== undefined && random.below(30) > 0) {
      await tables.write(work.changes);
      work.done();
    }
    await tables.write(new Map([seen.rowOf(draft.entries)]));
    seen.publish(draft.entries);
    if (random.below(60) === 0) seen = new Seen(tables, '000000');
  }
  const draft = new SeenDraft(seen);
  for (const [name, depth] of expected) assert.equal(draft.find(name)?.depth, depth, name);
  assert.deepEqual(draft.find(nameOf(1)), { ...draft.find(nameOf(1)), priority: -1.5 });
  for (let n = 0; n < 20_000; n += 1) assert.equal(draft.find(fingerprint(`http://b.test/${n}`)), undefined);
  // a few runs of each level, not one for each few thousand
  assert.ok(tables.range('r', 's', 1_000).length <= 18, 'runs are merged');
});

it('reads nothing of a merge that was broken off, though its number is given again', async () => {
  const tables = createTables();
  let seen = new Seen(tables, '000000');
  let next = 0;
  const add = async (count: number) => {
    for (let left = count; left > 0; left -= 512) {
      const draft = new SeenDraft(seen);
      for (let n = 0; n < 512; n += 1) draft.add(nameOf(next++), { priority: 0, depth: 1, sequence: next });
      await tables.write(new Map([seen.rowOf(draft.entries)]));
      seen.publish(draft.entries);
    }
  };
  const work = async (room: number) => {
    const compaction = seen.compact(room);
    if (compaction === undefined) return false;
    await tables.write(compaction.changes);
    compaction.done();
    return true;
  };
  for (let runs = 0; runs < 8; runs += 1) {
    await add(4096);
    await work(1);
  }
  await work(512 * 20);
  await add(4096);
  seen = new Seen(tables, '000000');
  for (let runs = 0; runs < 20; runs += 1) {
    while (await work(100_000));
    await add(4096);
  }
  const draft = new SeenDraft(seen);
  for (let n = 0; n < next; n += 1) assert.ok(draft.find(nameOf(n)), `${n} of ${next}`);
});
