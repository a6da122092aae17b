/** What a round of chores does, and how much of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chores } from '#src/store/chores.js';
import { after, keys } from '#src/store/keys.js';
import { TableLog } from '#src/store/log.js';
import { encodeJson } from '#src/store/state.js';
import type { Retention } from '#src/store/store.js';
import { openTableStore } from '#src/store/table-store.js';
import type { Visitor } from '#src/store/tables.js';
import { appendItems } from './support/log-service.js';
import { PlainTables } from './support/plain-tables.js';

/** Says how often somebody looked: for documents, and for frontiers that were dropped. */
class WatchedTables extends PlainTables {
  walks = 0;
  looks = 0;

  override visit(from: string, to: string, visitor: Visitor): void {
    if (from.startsWith(keys.documents)) this.walks += 1;
    super.visit(from, to, visitor);
  }

  override range(from: string, to: string, limit: number) {
    if (from === keys.allDropped) this.looks += 1;
    return super.range(from, to, limit);
  }
}

/** A log of as many chunks, each of which has as many events. */
async function logOf(chunks: number, each: number) {
  const tables = new WatchedTables();
  const store = await openTableStore(tables, {});
  for (let n = 0; n < chunks; n++) await appendItems(store, 'a', 1 + n * each, each);
  await store.close();
  const log = new TableLog(tables, store.log.epoch);
  return { tables, log, chores: (retention: Retention) => new Chores(tables, log, retention) };
}

function documents(tables: PlainTables): number {
  return tables.range(keys.documents, after(keys.documents), 10_000).length;
}

test('chores › a long log is trimmed in rounds, each of which says whether there is more', async () => {
  const { tables, chores } = await logOf(100, 2);
  const all = chores({ maxEvents: 10 });
  const first = all.plan(true);
  assert.deepEqual([first.first, first.more], [129, true]);
  await tables.write(first.changes);
  const rest = new Chores(tables, new TableLog(tables, 'e'), { maxEvents: 10 }).plan(true);
  assert.deepEqual([rest.first, rest.more], [191, false]);
  // Of a log that is too old as a whole nothing is left, and of one that is as long as it may be everything.
  assert.equal((await logOf(3, 2)).chores({ maxAgeMs: -1 }).plan(true).first, 7);
  assert.equal((await logOf(3, 2)).chores({ maxEvents: 6 }).plan(true).changes.size, 0);
});

test('chores › documents are walked through when as many events have gone, piece by piece, and each once', async () => {
  const { tables, chores } = await logOf(60, 40);
  for (let n = 0; n < 600; n++) {
    const value = n % 2 === 0 ? { key: `${n}`, value: n } : { needs: n, key: `${n}`, value: n };
    await tables.write(new Map([[keys.document('x', `${n}`), encodeJson(value)]]));
  }
  const retention = { maxEvents: 0 };
  const own = chores(retention);
  const walk = async (first: number) => {
    retention.maxEvents = 2_401 - first;
    const before = tables.walks;
    for (let isMore = true; isMore; ) {
      const { changes, more } = own.plan(true);
      // Only the documents: the log stays as it is.
      for (const [key, value] of changes)
        if (key.startsWith(keys.documents)) await tables.write(new Map([[key, value]]));
      isMore = more;
    }
    return [tables.walks - before, documents(tables)];
  };
  assert.deepEqual(await walk(201), [3, 500]);
  // As many events have to go as there were documents then; the first walk began before any had gone.
  assert.deepEqual(await walk(601), [0, 500]);
  assert.deepEqual(await walk(801), [3, 300]);
  assert.deepEqual(await walk(1_101), [0, 300]);
  assert.deepEqual(await walk(1_151), [2, 300]);
});

test('chores › while steps wait one round in 17 looks for dropped frontiers, and none where there is none', async () => {
  const { tables, chores } = await logOf(1, 1);
  const own = chores({});
  const looks = (rounds: number, isAlone: boolean) => {
    const before = tables.looks;
    for (let round = 0; round < rounds; round++) own.plan(isAlone);
    return tables.looks - before;
  };
  await tables.write(new Map([[keys.dropped('1'), Buffer.from('1')]]));
  assert.equal(looks(34, false), 2);
  assert.equal(looks(3, true), 3);
  const { changes, more } = own.plan(true);
  assert.deepEqual([[...changes.keys()], more], [[keys.dropped('1')], true]);
  await tables.write(changes);
  assert.equal(own.plan(true).more, false);
  assert.equal(looks(40, true), 0);
  own.dropped();
  assert.equal(looks(40, true), 1);
});
