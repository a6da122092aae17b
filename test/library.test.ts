import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLibrary } from '#src/crawl/library.js';
import { publicSettings, publicSpider, refuseHidden } from '#src/crawl/secrets.js';
import { openShelf } from '#src/crawl/shelf.js';
import { parseSpider, writeSpider } from '#src/crawl/spider.js';
import { openMemoryStore } from '#src/store/memory.js';

const plain = { name: 'shop', start: ['http://shop.example/'], items: {} };

test('library › a spider as it is written back is the same spider', () => {
  for (const timeout of [0.001, '500ms', 30, '999s', '1000s', 3_599_999, '1h']) {
    const spider = parseSpider({ ...plain, settings: { timeout, delay: '2s', proxy: 'http://proxy.example/' } });
    assert.deepEqual(parseSpider(writeSpider(spider)), spider, String(timeout));
  }
});

test('library › shows neither headers nor cookies nor credentials', () => {
  const spider = {
    ...plain,
    start: ['http://user:s3cret@shop.example/'],
    login: { url: 'http://user:s3cret@shop.example/login', fields: { password: 's3cret' } },
    settings: {
      headers: { 'X-Key': 's3cret' },
      cookies: { session: 's3cret' },
      proxy: 'http://me:s3cret@proxy.example:8080/',
    },
  };
  const shown = JSON.stringify([publicSpider(spider), publicSettings(spider.settings)]);
  assert.doesNotMatch(shown, /s3cret/);
  for (const part of [
    'X-Key',
    'session',
    'http://proxy.example:8080',
    'http://shop.example/',
    'http://shop.example/login',
    'password',
  ]) {
    assert.ok(shown.includes(part), part);
  }
});

for (const [place, hiding] of [
  ['settings.headers.x-key', { settings: { headers: { 'x-key': 'a' } } }],
  ['settings.cookies.session', { settings: { cookies: { session: 'a' } } }],
  ['login.fields.password', { login: { url: 'http://shop.example/', fields: { name: 'ann', password: 'a' } } }],
] as const) {
  test(`library › what was hidden in ${place} does not come back as its value`, () => {
    const spider = { ...plain, ...hiding };
    refuseHidden(parseSpider(spider));
    const shown = JSON.stringify(publicSpider(spider)).replace('"name":"***"', '"name":"ann"');
    assert.throws(
      () => refuseHidden(parseSpider(JSON.parse(shown))),
      ({ code, message }) => code === 'spider.invalid' && message.startsWith(`${place}: `),
    );
  });
}

test('library › a spider on the shelf hides one that was stored under its name', async (t) => {
  const store = await openMemoryStore();
  t.after(() => store.close());
  const empty = await openShelf(undefined, undefined);
  await openLibrary(empty, store).put('shop', plain);
  const shelved = parseSpider({ ...plain, start: ['http://other.example/'] });
  const shelf = { ...empty, get: () => shelved, names: () => ['shop'] };
  const library = openLibrary(shelf, store);
  assert.deepEqual(library.get('shop'), shelved);
  assert.equal(library.origin('shop'), 'local');
  await assert.rejects(library.delete('shop'), { code: 'spider.fixed' });
  assert.equal(openLibrary(empty, store).origin('shop'), 'http');
});
