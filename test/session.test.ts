import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Session } from '#src/crawl/session.js';
import { parseSpider } from '#src/crawl/spider.js';
import { openMemoryStore } from '#src/store/memory.js';
import { recordOf } from './support/log-service.js';

test('session › a page may take ten times as long in all as it may be silent', async (t) => {
  const store = await openMemoryStore();
  t.after(() => store.close());
  const spider = parseSpider({ name: 'x', start: ['http://a.test/'], items: {}, settings: { timeout: '2s' } });
  const { options } = new Session(store, recordOf('x'), spider, false);
  assert.deepEqual([options.timeoutMs, options.totalTimeoutMs], [2_000, 20_000]);
});
