import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLibrary } from '#src/crawl/library.js';
import { openShelf } from '#src/crawl/shelf.js';
import { parseSpider } from '#src/crawl/spider.js';
import { readStartRequest } from '#src/serve/start-request.js';
import { openMemoryStore } from '#src/store/memory.js';

const spider = parseSpider({
  name: 'mine',
  start: ['http://site.example/'],
  items: {},
  login: { url: 'http://site.example/login', fields: { password: 's3cret' } },
  settings: { headers: { 'X-Key': 's3cret' }, cookies: { session: 's3cret' } },
});

test('start request › a spider keeps its secrets at home, and leaves them behind elsewhere', async (t) => {
  const store = await openMemoryStore();
  t.after(() => store.close());
  const shelf = await openShelf(undefined, undefined);
  const library = openLibrary({ ...shelf, get: () => spider, names: () => ['mine'] }, store);
  const table: [request: object, origin: 'local' | 'http', hasSecrets: boolean][] = [
    [{}, 'local', true],
    [{ settings: { maxPages: 1 } }, 'local', true],
    [{ start: ['http://site.example/other'] }, 'http', true],
    [{ start: ['http://site.example:8080/'] }, 'http', false],
    [{ start: ['http://site.example/', 'http://elsewhere.example/'] }, 'http', false],
    [{ settings: { proxy: 'http://elsewhere.example/' } }, 'http', false],
    [{ start: ['http://site.example/'], settings: { proxy: 'http://elsewhere.example/' } }, 'http', false],
  ];
  for (const [request, origin, hasSecrets] of table) {
    const started = readStartRequest({ spider: 'mine', ...request }, library);
    const shown = JSON.stringify(request);
    assert.equal(started.origin, origin, shown);
    assert.equal(JSON.stringify(started.spider).includes('s3cret'), hasSecrets, shown);
  }
});
