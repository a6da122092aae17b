import assert from 'node:assert/strict';
import { it } from 'node:test';
import { JournaledTables } from '#src/store/journal.js';
import type { Tables } from '#src/store/tables.js';
import { PlainTables } from './support/plain-tables.js';
import { createRandom } from './support/random.js';

/** The rows that a table would hold if nothing were written late. */
function rowsOf(tables: Tables): [string, string][] {
  const rows = ['f', 'h'].flatMap((kind) => tables.range(kind, `${kind}~`, Number.MAX_SAFE_INTEGER));
  return rows.map(([key, value]) => [key, value.toString()]);
}

it('reads as if every row were in its place: through writes, deletions, failed writes and restarts', async () => {
  const random = createRandom(7);
  const disk = new PlainTables();
  let tables = new JournaledTables(disk);
  const expected = new Map<string, string>();
  const sorted = () => [...expected].sort(([a], [b]) => (a < b ? -1 : 1));
  for (let round = 0; round < 200; round += 1) {
    const changes = new Map<string, Buffer | undefined>();
    for (let n = 0; n < 800; n += 1) {
      const key = `${random.pick(['f', 'h'])}${random.below(60_000).toString(36).padStart(6, '0')}`;
      changes.set(key, random.below(4) === 0 ? undefined : Buffer.from(`${round}-${n}-é`));
    }
    disk.refuses = random.below(10) === 0;
    if (disk.refuses) await assert.rejects(tables.write(changes));
    else {
      await tables.write(changes);
      for (const [key, value] of changes) {
        if (value === undefined) expected.delete(key);
        else expected.set(key, value.toString());
      }
    }
    if (random.below(15) === 0) tables = new JournaledTables(disk);
    if (round % 20 === 0) assert.deepEqual(rowsOf(tables), sorted());
    const [key = ''] = changes.keys();
    assert.equal(tables.get(key)?.toString(), expected.get(key));
    assert.equal(tables.range(key, `${key}~`, 1)[0]?.[1].toString(), expected.get(key));
    if (round % 20 === 0) assert.equal(tables.last('h', 'i')?.[0], sorted().at(-1)?.[0]);
  }
  assert.deepEqual(rowsOf(tables), sorted());
  assert.deepEqual(rowsOf(new JournaledTables(disk)), sorted());
});

for (const perWrite of [1, 16, 500]) {
  it(`keeps the journal short, however much is written, ${perWrite} rows at a time`, async () => {
    const disk = new PlainTables();
    let tables = new JournaledTables(disk);
    let most = 0;
    for (let written = 0; written < 300_000; ) {
      const changes = new Map<string, Buffer>();
      for (let n = 0; n < perWrite; n += 1, written += 1) {
        changes.set(`f${(written * 211).toString(36).padStart(6, '0')}`, Buffer.from('x'));
      }
      await tables.write(changes);
      if (written % 4_000 >= perWrite) continue;
      most = Math.max(most, disk.range('jr', 'js', Number.MAX_SAFE_INTEGER).length * perWrite);
      // Whoever is stopped again and again comes to an end with it, too.
      tables = new JournaledTables(disk);
    }
    assert.ok(most < 70_000, `${most} rows`);
  });
}
