import assert from 'node:assert/strict';
import { test } from 'node:test';
import { followCrawl } from '#src/cli/follow-crawl.js';
import { openMemoryStore } from '#src/store/memory.js';
import { eventOf } from './support/log-service.js';

test('follow-crawl › whoever watches a crawl sees all of it, from its first event to its last, and nothing of another', async (t) => {
  const store = await openMemoryStore();
  t.after(() => store.close());
  const write = (crawl: string, type: string) => store.commit({ crawl, events: [eventOf(crawl, type, {})] });
  await write('b', 'crawl.started');
  await write('a', 'crawl.started');
  await write('b', 'page');
  const seen: string[] = [];
  const last = followCrawl(store, 'a', ({ crawl, type }) => seen.push(`${crawl} ${type}`));
  for (const [crawl, type] of ['b crawl.finished', 'a page', 'a crawl.failed', 'a page'].map((one) => one.split(' '))) {
    await write(crawl ?? '', type ?? '');
  }
  assert.equal((await last).offset, 6);
  assert.deepEqual(seen, ['a crawl.started', 'a page', 'a crawl.failed']);
});

test('follow-crawl › a crawl that has not begun yet is seen from its first event, though it is the first of all', async (t) => {
  const store = await openMemoryStore();
  t.after(() => store.close());
  const seen: string[] = [];
  const last = followCrawl(store, 'a', ({ type }) => seen.push(type));
  for (const type of ['crawl.started', 'crawl.finished']) {
    await store.commit({ crawl: 'a', events: [eventOf('a', type, {})] });
  }
  await last;
  assert.deepEqual(seen, ['crawl.started', 'crawl.finished']);
});
