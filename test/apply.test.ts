/** What steps leave on the disk. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CrawlProgress, CrawlRecord } from '#src/store/store.js';
import { openTableStore } from '#src/store/table-store.js';
import { fingerprint } from '#src/url.js';
import { eventOf, recordOf, tidy } from './support/log-service.js';
import { FickleTables, PlainTables } from './support/plain-tables.js';

const crawl = 'a';
const host = 'http://a.test';

function offers(count: number) {
  return Array.from({ length: count }, (_, n) => ({ url: `/${n}`, fingerprint: fingerprint(`/${n}`), host, depth: 0 }));
}

function item(identity: number) {
  return [{ ...eventOf(crawl, 'quote', {}), identity: `${identity}` }];
}

/** How many rows there are of a kind. */
function rowsOf(tables: PlainTables, kind: string): number {
  return [...tables.rows.from(kind)].filter(([key]) => key.startsWith(kind)).length;
}

test('apply › what a page wrote is remembered in one row for each step that wrote something, until the page ends', async () => {
  const tables = new PlainTables();
  const before = await openTableStore(tables, {});
  await before.commit({ crawl, record: recordOf(crawl), offers: offers(1) });
  const lease = before.openFrontier(crawl).take(host);
  assert.ok(lease);
  for (const identity of [1, 2, 3, 3]) await before.commit({ crawl, lease, events: item(identity) });
  assert.deepEqual([rowsOf(tables, 'p'), lease.begun], [3, true]);
  await before.close();
  const store = await openTableStore(tables, {});
  const again = store.openFrontier(crawl).take(host);
  assert.ok(again?.begun);
  await store.commit({ crawl, lease: again, events: [1, 2, 3, 4].flatMap(item) });
  assert.deepEqual([rowsOf(tables, 'p'), store.log.last], [4, 4]);
  await store.commit({ crawl, lease: again, release: true });
  assert.equal(rowsOf(tables, 'p'), 0);
  await store.close();
});

test('apply › of a frontier that is dropped nothing is left, and the crawl knows none of its URLs', async () => {
  const tables = new PlainTables();
  const store = await openTableStore(tables, {});
  const ownDocuments = Array.from({ length: 600 }, (_, n) => ({ key: `${n}`, value: n }));
  await store.commit({ crawl, record: recordOf(crawl), offers: offers(1_000), ownDocuments });
  // By now nobody looks for dropped frontiers any more.
  for (let round = 0; round < 20; round++) await tidy(store);
  await store.commit({ crawl, dropFrontier: true });
  for (let round = 0; round < 50; round++) await tidy(store);
  for (const kind of ['e', 'h', 'k', 'n', 'p']) assert.equal(rowsOf(tables, kind), 0, kind);
  assert.equal(store.progress(crawl)?.stats.queued, 0);
  assert.equal((await store.commit({ crawl, offers: offers(10) })).queued, 10);
  assert.equal(store.openFrontier(crawl).queued, 10);
  await store.close();
});

test('apply › what could not be written has left no trace: neither in the figures nor of what its page wrote', async () => {
  const tables = new FickleTables();
  const store = await openTableStore(tables, {});
  await store.commit({ crawl, record: recordOf(crawl), offers: offers(2) });
  const lease = store.openFrontier(crawl).take(host);
  assert.ok(lease);
  const before = structuredClone(store.progress(crawl));
  const step = { crawl, lease, events: item(1), bytes: 7 };
  tables.fails = true;
  await assert.rejects(store.commit(step));
  assert.deepEqual([store.progress(crawl), lease.begun], [before, false]);
  tables.fails = false;
  assert.equal((await store.commit(step)).events.length, 1);
  assert.deepEqual([store.progress(crawl)?.stats.bytes, lease.begun], [7, true]);
  await store.close();
});

test('apply › pages that end together have all ended, and each once', async () => {
  const store = await openTableStore(new PlainTables(), {});
  await store.commit({ crawl, record: recordOf(crawl), offers: offers(3) });
  const frontier = store.openFrontier(crawl);
  const leases = Array.from({ length: 2 }, () => frontier.take(host));
  const ends = [...leases, leases[0]].flatMap((lease) => (lease ? [{ crawl, lease, release: true }] : []));
  await Promise.allSettled(ends.map((end) => store.commit(end)));
  assert.deepEqual([frontier.leased, frontier.queued, store.progress(crawl)?.stats.queued], [0, 1, 1]);
  await store.close();
});

test('apply › a step that decides sees what those before it came to, and its own events come first', async () => {
  const store = await openTableStore(new PlainTables(), {});
  const seen: [CrawlRecord['state'] | undefined, CrawlProgress['counts']][] = [];
  const decide = ({ record, progress }: { record: CrawlRecord | undefined; progress: CrawlProgress }) => {
    seen.push([record?.state, { ...progress.counts }]);
    return { record: recordOf(crawl, 'cancelled'), events: [eventOf(crawl, 'decided', {})] };
  };
  const nothing = { crawl, decide: () => ({}) };
  const [, { events }] = await Promise.all([
    store.commit({ crawl, decide, record: recordOf(crawl, 'running') }),
    store.commit({ crawl, decide, events: [eventOf(crawl, 'given', {})] }),
    store.commit(nothing),
  ]);
  assert.deepEqual(seen, [
    [undefined, {}],
    ['cancelled', { decided: 1 }],
  ]);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['given', 'decided'],
  );
  await store.close();
});
