import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openShelf, readSpider } from '#src/crawl/shelf.js';
import { temporaryFolder } from './support/process.js';

const spider = "export default { start: ['http://a.test/'], *parse() {} };";

/** A folder of spiders with these files. */
function folderOf(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder(t);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

for (const type of ['commonjs', 'module']) {
  test(`shelf › modules without a default export are what spiders share, beside a package.json of type ${type}`, async (t) => {
    const folder = folderOf(t, {
      'package.json': JSON.stringify({ type }),
      'lib.ts': 'export const host = () => "a.test";',
      'csv.ts': 'export function* parse(text) { yield* text.split(","); }',
      'types.ts': 'export type Host = string;',
      'old.js': 'exports.host = () => "a.test";',
      'older.js': 'module.exports = { host: () => "a.test" };',
      // Exported by name, as ever.
      'named.js': "exports.start = ['http://a.test/']; exports.parse = function* () {};",
      'shop.ts': "import { host } from './lib'; export default { start: ['http://' + host() + '/'], *parse() {} };",
    });
    const shelf = await openShelf(folder, undefined);
    assert.deepEqual(shelf.names(), ['named', 'quotes', 'shop']);
    assert.deepEqual(shelf.get('shop').start, ['http://a.test/']);
    assert.throws(() => shelf.get('lib'), {
      code: 'spider.unknown',
      message: /^there is no spider "lib" \(lib\.ts: it has no default export: .*\); there are: named, quotes, shop$/,
    });
    assert.throws(() => shelf.get('lab'), { message: 'there is no spider "lab"; there are: named, quotes, shop' });
  });
}

test('shelf › hidden files, files of tools and subfolders are none', async (t) => {
  const folder = folderOf(t, {
    'shop.ts': spider,
    '.shop.yaml': '',
    '._shop.ts': 'no code',
    'package.json': '{}',
    'shop.d.ts': '',
  });
  mkdirSync(join(folder, 'lib.js'));
  writeFileSync(join(folder, 'lib.js', 'other.ts'), spider);
  assert.deepEqual((await openShelf(folder, undefined)).names(), ['quotes', 'shop']);
});

test('shelf › any other mistake in one file is told with the file', async (t) => {
  const folder = folderOf(t, { 'shop.ts': spider, 'lib.ts': 'export default { host: "a.test" };' });
  await assert.rejects(openShelf(folder, undefined), {
    code: 'spider.invalid',
    message: /lib\.ts: its default export/,
  });
});

test('shelf › a folder that is not there is no mistake, and told to whoever looks for a spider', async (t) => {
  const shelf = await openShelf(join(temporaryFolder(t), 'none'), undefined);
  assert.throws(() => shelf.get('shop'), {
    message: 'there is no spider "shop"; there are: quotes; the folder of spiders (--spiders) does not exist',
  });
});

for (const [text, message] of [
  ['{"start":["http://a.test/"],"items":{"quote":{"fields":{"text":{"cs":"p"}}}}}', /items\.quote\.fields\.text/],
  ['{"start":["http://a.test/"],"items":{},"settings":{"concurrency":0}}', /settings\.concurrency/],
  ['{"start":', /JSON/],
  ['{"start":["http://a.test/"],"items":{"quote":{"each":"div[","fields":{}}}}', /div\[/],
  ['{"start":["http://a.test/"],"items":{},"settings":{"userAgent":"a\\r\\nb: c"}}', /userAgent.*one line/],
] as const) {
  test(`shelf › ${text} is told in one line with its file and what is wrong`, async (t) => {
    const file = join(folderOf(t, { 'mine.json': text }), 'mine.json');
    await assert.rejects(readSpider(file), ({ code, message: told }) => {
      assert.equal(code, 'spider.invalid');
      assert.ok(told.startsWith(`${file}: `) && !told.includes('\n'), told);
      assert.match(told, message);
      return true;
    });
  });
}
