import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { beginning, openReplica } from '#src/store/replica.js';
import { temporaryFolder } from './support/process.js';

const position = { sequence: 5, transaction: 7n };

/** The data directory of a copy with some rows, and its file. */
async function writtenCopy(t: TestContext): Promise<{ data: string; file: string }> {
  const data = temporaryFolder(t);
  const replica = await openReplica(data, 'a stream');
  const rows = Array.from({ length: 500 }, (_, n): [string, Buffer] => [`row ${n}`, Buffer.alloc(300, 'x')]);
  await replica.write(new Map(rows), position);
  await replica.close();
  return { data, file: join(data, 'replica', 'data.mdb') };
}

/** Ways in which a file loses what it held, its two meta pages apart. */
const damages: readonly [what: string, damage: (bytes: Buffer) => Buffer][] = [
  [
    'its position is no longer one',
    (bytes) => bytes.fill('x', bytes.indexOf('["a stream",5'), bytes.indexOf(',5,"7"]')),
  ],
  ['its pages are empty', (bytes) => bytes.fill(0, 8192)],
  ['its pages lead nowhere', (bytes) => bytes.fill(255, 8192)],
  ['it has lost its end', (bytes) => bytes.subarray(0, 20_000)],
  ['it is something else', () => Buffer.alloc(100_000, 'x')],
];

describe('a copy of the shared table', () => {
  it('goes on where it ended', async (t) => {
    const { data } = await writtenCopy(t);
    const replica = await openReplica(data, 'a stream');
    t.after(() => replica.close());
    assert.deepEqual(replica.position, position);
    assert.equal(replica.tables.get('row 499')?.length, 300);
  });

  for (const [what, damage] of damages) {
    it(`is thrown away where ${what}, and can be written again`, async (t) => {
      const { data, file } = await writtenCopy(t);
      writeFileSync(file, damage(readFileSync(file)));
      const replica = await openReplica(data, 'a stream');
      t.after(() => replica.close());
      assert.deepEqual(replica.position, beginning);
      assert.equal(replica.tables.get('row 0'), undefined);
      await replica.write(new Map([['row 0', Buffer.from('new')]]), position);
      assert.equal(String(replica.tables.get('row 0')), 'new');
    });
  }
});
