import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createFilter } from '#src/serve/filter.js';
import { locate, locateLastEventId, parseSubscriptionQuery } from '#src/serve/subscription.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { Store } from '#src/store/store.js';

/** When events say that they were; the log was given them half a second later. */
const times = ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:10.000Z', '2026-01-01T00:00:20.000Z'];

/** A store with ten events at each time, in two steps, of which the first `gone` are no longer kept. */
async function storeOf(t: TestContext, gone = 0): Promise<Store> {
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse(times[0] ?? '') });
  const store = await openMemoryStore({ retention: { maxEvents: 30 - gone } });
  for (const time of times) {
    t.mock.timers.setTime(Date.parse(time) + 500);
    const tail = Buffer.from(`,"source":"/crawls/a","type":"quote","time":"${time}","data":{"n":1}}`);
    for (let half = 0; half < 2; half += 1)
      await store.commit({ crawl: 'a', events: Array.from({ length: 5 }, () => ({ type: 'quote', tail })) });
  }
  while (store.log.first <= gone) await store.commit({ crawl: 'a', bytes: 1 });
  t.mock.timers.setTime(Date.parse('2026-01-02T00:00:00.000Z'));
  t.after(() => store.close());
  return store;
}

describe('since', () => {
  it('begins behind an offset, an id or a time, or where it cannot, tells the gap', async (t) => {
    const { log } = await storeOf(t, 5);
    const id = (offset: number, epoch = log.epoch) => `${epoch}-${offset}`;
    const table: [since: string, floor: number, after: number, reason?: string][] = [
      ...([
        ['now', 0, 30],
        ['30', 0, 30],
        [id(30), 0, 30],
        ['5', 0, 5],
        ['6', 0, 6],
      ] as [string, number, number][]),
      ...([
        ['4', 0, 5, 'truncated'],
        ['0', 0, 5, 'truncated'],
        ['31', 0, 30, 'ahead'],
      ] as [string, number, number, string][]),
      ...([
        ['0', 5, 5],
        ['0', 12, 12],
        [id(3), 12, 12],
        ['20', 12, 20],
      ] as [string, number, number][]),
      ...([
        [id(7, 'abcd'), 0, 5, 'epoch'],
        [id(7, 'abcd'), 12, 12, 'epoch'],
      ] as [string, number, number, string][]),
      ['2025-12-31T00:00:00Z', 0, 5, 'truncated'],
      ['2025-12-31T00:00:00Z', 12, 12],
      [times[1] ?? '', 0, 20],
      ['2026-01-01T00:00:09.999Z', 0, 10],
      ['2026-01-01T00:00:10.100Z', 0, 20],
      ['2026-01-01T00:00:10.100Z', 25, 25],
      ['2026-01-01T00:00Z', 0, 5, 'truncated'],
      ['2026-01-01T02:01+02:00', 0, 30],
      ['2026-01-01T02:01 02:00', 0, 30],
      ['2027-01-01T00:00:00Z', 0, 30],
    ];
    for (const [since, floor, after, reason] of table) {
      const position = locate(since, log, floor);
      assert.deepEqual([position.after, position.gap?.reason], [after, reason], `${since} above ${floor}`);
    }
    for (const none of ['yesterday', '2026-02-30T00:00:00Z', '2026-02-29T00:00Z', '2026-01-01T24:00:00Z'])
      assert.throws(() => locate(none, log, 0), { code: 'query.invalid' }, none);
    assert.equal(locate('2028-02-29t23:59:60z', log, 0).after, 30);
  });

  it('misses nothing by a time that is still to come, also where nothing is kept', async (t) => {
    const { log } = await storeOf(t, 30);
    assert.deepEqual(locate('2027-01-01T00:00:00Z', log, 0), { after: 30 });
    assert.equal(locate('2026-01-01T00:00:00Z', log, 0).gap?.reason, 'truncated');
  });

  it('goes on from now, and says so, behind a last id that is none', async (t) => {
    const { log } = await storeOf(t);
    assert.deepEqual(locateLastEventId('', log, 0), { after: 30 });
    assert.deepEqual(locateLastEventId(`${log.epoch}-7`, log, 0), { after: 7 });
    const { after, gap } = locateLastEventId(`7\u00e9${'x'.repeat(200)}`, log, 0);
    assert.deepEqual([after, gap?.reason, gap?.requested], [30, 'malformed', `7?${'x'.repeat(98)}`]);
  });
});

describe('a query', () => {
  it('is refused where it says something twice, too much, or what means nothing', () => {
    const long = 'x'.repeat(2_001);
    const many = (count: number) => Array.from({ length: count }, (_, n) => `data.a=${n}`).join('&');
    for (const query of ['since=0&since=1', `data.a=${long}`, many(101), `type=a&${many(100)}`, 'type=a b'])
      assert.throws(() => parseSubscriptionQuery(query), { code: 'query.invalid' }, query.slice(0, 50));
    for (const query of ['what=1', 'data.=1', 'data=1'])
      assert.throws(() => parseSubscriptionQuery(query), { code: 'query.unknown' }, query);
    assert.equal(parseSubscriptionQuery(`${many(100)}&access_token=${long}`).data.length, 100);
  });
});

describe('a filter', () => {
  it('is the same for the same conditions, and another for others', () => {
    const a = { types: ['a', 'b'], crawl: 'x', data: [['n', '1']] } as const;
    assert.equal(createFilter(a), createFilter({ ...a, types: ['b', 'a'] }));
    for (const other of [
      { ...a, types: ['a'] },
      { ...a, crawl: 'y' },
      { ...a, data: [['n', '2']] as const },
    ])
      assert.notEqual(createFilter(a), createFilter(other));
  });

  it('looks for a value as text, alone or in a list, and for nothing that is no data', async (t) => {
    const store = await openMemoryStore();
    t.after(() => store.close());
    const all = [{ n: 1 }, { n: '1' }, { n: ['2', 1] }, { n: null }, { n: { m: true } }, { n: [null, {}] }, 'n', null];
    const tails = all.map((data) => Buffer.from(`,"type":"quote","data":${JSON.stringify(data)}}`));
    await store.commit({ crawl: 'a', events: tails.map((tail) => ({ type: 'quote', tail })) });
    const found = (path: string, value: string) =>
      createFilter({ data: [[path, value]] })(store.log.read(0)).flatMap(({ runs }) =>
        runs.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i)),
      );
    assert.deepEqual(found('n', '1'), [0, 1, 2]);
    assert.deepEqual(found('n.m', 'true'), [4]);
    for (const nothing of ['null', 'undefined', '[object Object]']) assert.deepEqual(found('n', nothing), [], nothing);
    assert.deepEqual(found('constructor', String(Object)), []);
    assert.deepEqual(found('missing', 'undefined'), []);
  });
});
