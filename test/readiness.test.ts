import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrawlcastError } from '#src/errors.js';
import { createReadiness } from '#src/serve/readiness.js';
import type { NewEvent, Store } from '#src/store/store.js';
import { openTableStore } from '#src/store/table-store.js';
import type { Changes, Tables, Visitor } from '#src/store/tables.js';

/** A disk that takes nothing while it is full. */
class SmallDisk implements Tables {
  isFull = false;
  writes = 0;
  readonly #rows = new Map<string, Buffer>();

  get(key: string): Buffer | undefined {
    return this.#rows.get(key);
  }

  range(from: string, to: string, limit: number): [string, Buffer][] {
    const inRange = [...this.#rows].filter(([key]) => key >= from && key < to);
    return inRange.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, limit);
  }

  visit(from: string, to: string, visitor: Visitor): void {
    for (const [key, value] of this.range(from, to, Number.POSITIVE_INFINITY)) if (!visitor(key, value)) return;
  }

  last(from: string, to: string): [string, Buffer] | undefined {
    return this.range(from, to, Number.POSITIVE_INFINITY).at(-1);
  }

  async write(changes: Changes): Promise<void> {
    this.writes++;
    if (this.isFull) throw new Error('no space left');
    for (const [key, value] of changes) if (value !== undefined) this.#rows.set(key, value);
  }

  async trouble(): Promise<CrawlcastError | undefined> {
    return this.isFull ? new CrawlcastError('store.full', 'The disk is full.') : undefined;
  }

  async close(): Promise<void> {}
}

const event: NewEvent = { type: 'quote', tail: Buffer.from(',"source":"/crawls/a","data":1}') };

async function fill(disk: SmallDisk, store: Store): Promise<void> {
  disk.isFull = true;
  await assert.rejects(store.commit({ crawl: 'a', events: [event] }), { code: 'store.failed' });
}

test('readiness › is there until a write fails, and again when one succeeds', async (t) => {
  const disk = new SmallDisk();
  const store = await openTableStore(disk);
  t.after(() => store.close());
  const readiness = createReadiness(store);
  assert.equal(await readiness.problem(), undefined);
  await fill(disk, store);
  assert.match((await readiness.problem()) ?? '', /no space left/);
  const { writes } = disk;
  await Promise.all([readiness.problem(), readiness.problem()]);
  assert.equal(disk.writes, writes + 1, 'who asks together tries together');
  disk.isFull = false;
  assert.equal(await readiness.problem(), undefined);
  assert.equal(store.failure, undefined);
});

test('readiness › is not there where nothing has been written yet, and could not be', async (t) => {
  const disk = new SmallDisk();
  const store = await openTableStore(disk);
  t.after(() => store.close());
  const { writes } = disk;
  disk.isFull = true;
  assert.match((await createReadiness(store).problem()) ?? '', /disk is full/);
  assert.equal(disk.writes, writes, 'nobody makes it write by asking');
});

test('readiness › ends when the service stops', async (t) => {
  const store = await openTableStore(new SmallDisk());
  t.after(() => store.close());
  const readiness = createReadiness(store);
  readiness.stop();
  assert.match((await readiness.problem()) ?? '', /stopping/);
});
