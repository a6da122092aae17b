import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Store } from '#src/store/store.js';
import { offsetOf } from './support/follower.js';
import { appendItems, eventOf, recordOf, startLogService, tidy, transports } from './support/log-service.js';
import { RawClient } from './support/raw-client.js';
import { readSse, readUntil } from './support/readers.js';

/** Numbers of the items in an answer, in its order. */
type Count = (text: string) => number[];

const fromJson: Count = (text) => JSON.parse(text).map(({ n }: { n: number }) => n);
const fromLines: Count = (text) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).n);
const fromCsv: Count = (text) =>
  text
    .split('\r\n')
    .slice(1, -1)
    .map((line) => Number(line.split(',')[0]));
// Of the list of crawls only the figures can be compared: they say how many items there were.
const fromStats: Count = (text) => {
  const [crawl] = [JSON.parse(text)].flat();
  return Array.from({ length: crawl.stats.items }, (_, i) => i + 1);
};

const snapshots: readonly [path: string, read: Count][] = [
  ['/results?partial=true', fromJson],
  ['/results?partial=true&format=jsonl', fromLines],
  ['/results?partial=true&format=csv', fromCsv],
  ['/crawls/a/items', fromJson],
  ['/crawls/a/items?type=quote&format=jsonl', fromLines],
  ['/crawls/a/items?format=csv', fromCsv],
  ['/crawls', fromStats],
  ['/crawls/a', fromStats],
  // Nothing has completed: a text without items, and still a place in the log.
  ['/results', () => []],
];

const total = 1_000;

async function appendSlowly(store: Store): Promise<void> {
  for (let from = 1; from <= total; from += 20) {
    await appendItems(store, 'a', from, 20);
    await store.commit({ crawl: 'a', events: [eventOf('a', 'page', {})] });
  }
  const record = { ...recordOf('a', 'finished'), finishedAt: new Date().toISOString() };
  await store.commit({ crawl: 'a', record, events: [eventOf('a', 'crawl.finished', {})] });
}

for (const transport of transports) {
  test(`a snapshot says that retention has taken some of its items (${transport})`, async (t) => {
    const { store, url } = await startLogService(t, { transport, retention: { maxEvents: 300 } });
    await store.commit({ crawl: 'a', record: recordOf('a') });
    await appendItems(store, 'a', 1, 200);
    const paths = ['/results?partial=true', '/results?partial=true&format=csv', '/crawls/a/items?format=jsonl'];
    const gaps = () =>
      Promise.all(paths.map(async (path) => (await fetch(url + path)).headers.get('crawlcast-gap') ?? undefined));
    assert.deepEqual(await gaps(), [undefined, undefined, undefined]);
    await appendItems(store, 'a', 201, 200);
    await tidy(store);
    assert.deepEqual(await gaps(), ['truncated', 'truncated', 'truncated']);
  });

  test(`a snapshot that retention overtakes is broken off (${transport})`, async (t) => {
    const { store, url, transport: server } = await startLogService(t, { transport, retention: { maxEvents: 4_000 } });
    await store.commit({ crawl: 'a', record: recordOf('a') });
    const text = 'x'.repeat(10_000);
    const append = async (count: number) => {
      for (let step = 0; step < count; step++) {
        await store.commit({ crawl: 'a', events: Array.from({ length: 20 }, () => eventOf('a', 'quote', { text })) });
      }
    };
    await append(150);
    using client = new RawClient(server.port).send('GET /crawls/a/items HTTP/1.1\r\nHost: test\r\n\r\n');
    await client.untilText('200 OK');
    client.socket.pause();
    await append(250);
    await tidy(store);
    client.socket.resume();
    await client.closed;
    assert(!client.text.includes('\r\n0\r\n\r\n'));
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
  });

  for (const format of ['json', 'jsonl', 'csv']) {
    test(`a snapshot of which retention takes all that is left is broken off (${transport}, ${format})`, async (t) => {
      // The clock on the wall is ours: how long the machine takes is no matter.
      t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
      const { store, transport: server } = await startLogService(t, { transport, retention: { maxAgeMs: 3_000 } });
      await store.commit({ crawl: 'a', record: recordOf('a') });
      const text = 'x'.repeat(10_000);
      for (let step = 0; step < 250; step++) {
        await store.commit({ crawl: 'a', events: Array.from({ length: 20 }, () => eventOf('a', 'quote', { text })) });
      }
      using client = new RawClient(server.port).send(
        `GET /crawls/a/items?format=${format} HTTP/1.1\r\nHost: test\r\n\r\n`,
      );
      await client.untilText('200 OK');
      client.socket.pause();
      t.mock.timers.tick(4_000);
      while (store.log.first <= store.log.last) await pause(50);
      client.socket.resume();
      await client.closed;
      assert(!client.text.includes('\r\n0\r\n\r\n'));
    });
  }

  describe(`a snapshot's cursor (${transport})`, () => {
    it('joins the stream: nothing is missed and nothing repeated while events are appended', async (t) => {
      const { store, url } = await startLogService(t, { transport });
      await store.commit({ crawl: 'a', record: recordOf('a') });
      const appending = appendSlowly(store);
      const follow = async ([path, read]: (typeof snapshots)[number]) => {
        const response = await fetch(url + path);
        const shown = read(await response.text());
        const cursor = response.headers.get('crawlcast-cursor') ?? '';
        const query = path === '/results' ? '?since=0' : `?since=${cursor}`;
        const later = await readUntil(await readSse(url, `${query}&crawl=a`), 'crawl.finished');
        const items = later.filter(({ type }) => type === 'quote').map(({ data }) => Object(data).n);
        assert.deepEqual(
          [...shown, ...items],
          Array.from({ length: total }, (_, i) => i + 1),
          `${path} at ${cursor}`,
        );
        assert(offsetOf(cursor) <= store.log.last);
      };
      const rounds: Promise<void>[] = [];
      for (let round = 0; round < 2; round++) {
        rounds.push(...snapshots.map(follow));
        await Promise.race(rounds);
      }
      await Promise.all([appending, ...rounds]);
      for (const snapshot of snapshots.slice(0, -1)) {
        const response = await fetch(url + snapshot[0]);
        assert.equal(response.headers.get('crawlcast-cursor'), `${store.log.epoch}-${store.log.last}`);
        assert.equal(snapshot[1](await response.text()).length, total, snapshot[0]);
      }
    });

    it('gives the same snapshot again, at any offset and in every format', async (t) => {
      const { store, url } = await startLogService(t, { transport });
      await store.commit({ crawl: 'a', record: recordOf('a') });
      const expected = new Map<number, string>();
      for (let step = 0; step < 30; step++) {
        await appendItems(store, 'a', 1 + step * 10, 10);
        const response = await fetch(`${url}/results?partial=true`);
        expected.set(offsetOf(response.headers.get('crawlcast-cursor') ?? ''), await response.text());
      }
      const end = { record: recordOf('a', 'finished'), events: [eventOf('a', 'crawl.finished', {})] };
      await store.commit({ crawl: 'a', ...end });
      assert.equal(expected.size, 30);
      for (const [offset, text] of expected) {
        for (const at of [offset, `${store.log.epoch}-${offset}`]) {
          const again = await fetch(`${url}/results?partial=true&at=${at}`);
          assert.equal(await again.text(), text);
          assert.equal(again.headers.get('crawlcast-cursor'), `${store.log.epoch}-${offset}`);
        }
        const before = await fetch(`${url}/results?at=${offset}`);
        assert.equal(await before.text(), text);
        assert.equal(before.headers.get('crawlcast-cursor'), `${store.log.epoch}-${offset}`);
      }
      assert.equal(fromJson(await (await fetch(`${url}/results?at=${store.log.last}`)).text()).length, 300);
    });
  });
}

test('items of a crawl are of the types that are named, by commas or one at a time', async (t) => {
  const { store, url } = await startLogService(t);
  await store.commit({ crawl: 'a', record: recordOf('a') });
  const types = ['quote', 'author', 'tag', 'quote', 'page', 'crawl.finished'];
  await store.commit({ crawl: 'a', events: types.map((type, n) => eventOf('a', type, { n })) });
  const shown = async (query: string) => fromJson(await (await fetch(`${url}/crawls/a/items?${query}`)).text());
  assert.deepEqual(await shown(''), [0, 1, 2, 3]);
  assert.deepEqual(await shown('type=quote'), [0, 3]);
  assert.deepEqual(await shown('type=quote,tag'), [0, 2, 3]);
  assert.deepEqual(await shown('type=author&type=tag'), [1, 2]);
  for (const type of ['page', 'crawl.finished', 'nothing']) assert.deepEqual(await shown(`type=${type}`), [], type);
  assert.deepEqual(await shown('type=page,tag'), [2]);
  for (const query of ['type=', 'type=quote,', 'type=quote%20']) {
    const response = await fetch(`${url}/crawls/a/items?${query}`);
    assert.equal(response.status, 400, query);
    assert.match(await response.text(), /"query\.invalid".*\\"type\\"/);
  }
});
