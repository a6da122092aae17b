import assert from 'node:assert/strict';
import { it } from 'node:test';
import { JournaledTables } from '#src/store/journal.js';
import type { Changes, Row, Tables } from '#src/store/tables.js';
import { createRandom } from './support/random.js';

/** A table that is nothing but a map; `refuses` makes its next write fail. */
class PlainTables implements Tables {
  readonly rows = new Map<string, Buffer>();
  refuses = false;

  get(key: string): Buffer | undefined {
    return this.rows.get(key);
  }

  range(from: string, to: string, limit: number): Row[] {
    const rows = [...this.rows].filter(([key]) => key >= from && key < to);
    return rows.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, limit);
  }

  last(from: string, to: string): Row | undefined {
    return this.range(from, to, Number.POSITIVE_INFINITY).at(-1);
  }

  async write(changes: Changes): Promise<void> {
    if (this.refuses) throw new Error('the disk is full');
    for (const [key, value] of changes) {
      if (value === undefined) this.rows.delete(key);
      else this.rows.set(key, value);
    }
  }

  async close(): Promise<void> {}
}

/** The rows that a table would hold if nothing were written late. */
function rowsOf(tables: Tables): [string, string][] {
  return tables.range('f', 'g', Number.MAX_SAFE_INTEGER).map(([key, value]) => [key, value.toString()]);
}

it('reads as if every row were in its place: through writes, deletions, failed writes and restarts', async () => {
  const random = createRandom(7);
  const disk = new PlainTables();
  let tables = new JournaledTables(disk);
  const expected = new Map<string, string>();
  const sorted = () => [...expected].sort(([a], [b]) => (a < b ? -1 : 1));
  for (let round = 0; round < 120; round += 1) {
    const changes = new Map<string, Buffer | undefined>();
    for (let n = 0; n < 800; n += 1) {
      const key = `f${random.below(40_000).toString(36).padStart(6, '0')}`;
      changes.set(key, random.below(4) === 0 ? undefined : Buffer.from(`${round}-${n}`));
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
    const [key, value] = sorted()[random.below(expected.size)] ?? ['', ''];
    assert.equal(tables.get(key)?.toString(), value);
    assert.deepEqual(tables.range(key, 'g', 1)[0]?.[1].toString(), value);
    assert.equal(tables.last('f', 'g')?.[0], sorted().at(-1)?.[0]);
  }
  assert.deepEqual(rowsOf(tables), sorted());
  assert.deepEqual(rowsOf(new JournaledTables(disk)), sorted());
});

it('keeps the journal short, however much is written', async () => {
  const disk = new PlainTables();
  const tables = new JournaledTables(disk);
  let longest = 0;
  for (let round = 0; round < 200; round += 1) {
    const changes = new Map<string, Buffer>();
    for (let n = 0; n < 500; n += 1)
      changes.set(`f${(n * 211 + round).toString(36).padStart(6, '0')}`, Buffer.from('x'));
    await tables.write(changes);
    longest = Math.max(longest, disk.range('j', 'k', Number.MAX_SAFE_INTEGER).length);
  }
  assert.ok(longest < 80, `${longest} rows of 500 each`);
});
