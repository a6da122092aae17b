import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { lengthenDataFile } from '#src/store/data-file.js';
import { openEmbeddedTables } from '#src/store/embedded.js';
import { temporaryFolder } from './support/process.js';

const pageSize = 4096;

/** What one of the two meta pages says. */
interface Meta {
  readonly lastPage: number;
  readonly transaction: number;
}

/** Of LMDB's own making, so that the fields lie where LMDB looks for them, with two meta pages of the test's. */
async function fileWith(t: TestContext, metas: readonly [Meta, Meta], size: number): Promise<string> {
  const dir = temporaryFolder(t);
  const tables = await openEmbeddedTables(dir);
  await tables.write(new Map([['key', Buffer.from('value')]]));
  await tables.close();
  const path = join(dir, 'data.mdb');
  const bytes = readFileSync(path);
  assert.equal(bytes.readUInt32LE(48), pageSize);
  for (const [page, { lastPage, transaction }] of metas.entries()) {
    bytes.writeBigUInt64LE(BigInt(lastPage), page * pageSize + 144);
    bytes.writeBigUInt64LE(BigInt(transaction), page * pageSize + 152);
  }
  writeFileSync(path, bytes);
  truncateSync(path, size);
  return path;
}

const short = { lastPage: 3, transaction: 6 };
const long = { lastPage: 9, transaction: 6 };
const older = 5;
const newer = 7;

describe('the file of a log', () => {
  const cases: readonly [what: string, metas: readonly [Meta, Meta], pages: number][] = [
    ['its first meta page where that is the newer one', [{ ...long, transaction: newer }, short], 10],
    ['its first meta page, also where the older one says more', [{ ...short, transaction: newer }, long], 4],
    ['its second meta page where that is the newer one', [{ ...short, transaction: older }, long], 10],
    ['its second meta page, also where the older one says more', [{ ...long, transaction: older }, short], 4],
  ];
  for (const [what, metas, pages] of cases) {
    it(`is as long as ${what}`, async (t) => {
      const whole = pages * pageSize;
      for (const size of [2 * pageSize, whole - pageSize, whole - 1]) {
        const path = await fileWith(t, metas, size);
        assert.equal(lengthenDataFile(path), size);
        assert.equal(statSync(path).size, whole);
      }
      for (const size of [whole, whole + 1, whole + pageSize]) {
        const path = await fileWith(t, metas, size);
        assert.equal(lengthenDataFile(path), undefined);
        assert.equal(statSync(path).size, size, 'left as it is');
      }
    });
  }

  it('is damaged where not even both of its meta pages are there', async (t) => {
    for (const size of [1, 100, pageSize, pageSize + 100]) {
      const path = await fileWith(t, [short, long], size);
      assert.throws(() => lengthenDataFile(path), { code: 'data.corrupt' });
      assert.equal(statSync(path).size, size);
    }
  });

  it('may be empty, or missing: LMDB makes it', async (t) => {
    const path = await fileWith(t, [short, long], 0);
    assert.equal(lengthenDataFile(path), undefined);
    assert.equal(statSync(path).size, 0);
    assert.equal(lengthenDataFile(`${path}-missing`), undefined);
    assert.equal(existsSync(`${path}-missing`), false);
  });
});
