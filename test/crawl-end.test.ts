import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endOf, hasHadAll } from '#src/serve/crawl-end.js';
import { plan } from '#src/serve/subscriber.js';
import { parseSubscriptionQuery } from '#src/serve/subscription.js';
import { openMemoryStore } from '#src/store/memory.js';
import { eventOf, recordOf } from './support/log-service.js';

test('a reader has had all of a crawl where the crawl is over and nothing is left that it asked for', async (t) => {
  const store = await openMemoryStore();
  t.after(() => store.close());
  const write = (crawl: string, ...types: string[]) =>
    store.commit({ crawl, events: types.map((type) => eventOf(crawl, type, {})) });
  const had = (since: number | string, type: string) =>
    hasHadAll(store, plan(parseSubscriptionQuery(`crawl=a&since=${since}&type=${type}`), store));

  await write('other', 'page', 'page');
  await store.commit({ crawl: 'a', record: recordOf('a') });
  await write('a', 'crawl.started', 'quote', 'page');
  assert.deepEqual([endOf(store, 'a'), had(5, 'quote')], [undefined, false], 'it has not ended');
  await store.commit({ crawl: 'a', record: recordOf('a', 'finished') });
  await write('other', 'quote');

  assert.equal(endOf(store, 'a'), 5);
  assert.deepEqual([endOf(store, 'nobody'), endOf(store, undefined)], [undefined, undefined]);
  const places = [0, 3, 4, 5, 6];
  assert.deepEqual(
    places.map((since) => had(since, 'quote')),
    [false, false, true, true, true],
  );
  // Who has had nothing of it at all gets a stream, which says where the crawl has ended.
  assert.deepEqual(
    places.map((since) => had(since, 'nothing')),
    [false, true, true, true, true],
  );
  assert.ok(!had(99, 'quote'), 'there is a gap to be told of');
});

test('a reader that is far behind gets a stream: not all of a long crawl is looked through for it', async (t) => {
  const store = await openMemoryStore();
  t.after(() => store.close());
  await store.commit({ crawl: 'a', record: recordOf('a', 'finished'), events: [eventOf('a', 'crawl.started', {})] });
  const starts: number[] = [];
  const text = 'x'.repeat(100_000);
  for (let n = 0; n < 100; n++) await store.commit({ crawl: 'a', events: [eventOf('a', 'page', text)] });
  for (let after = 0; after < store.log.last; after = store.log.lend(after).last) starts.push(after);
  const had = (since = 0) => hasHadAll(store, plan(parseSubscriptionQuery(`crawl=a&since=${since}&type=quote`), store));
  assert.ok(starts.length > 65, `${starts.length} batches`);
  assert.deepEqual([had(starts.at(-65)), had(starts.at(-64))], [false, true]);
});
