import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Credit } from '#src/crawl/credit.js';
import { Harvest } from '#src/crawl/harvest.js';
import type { ExtractedItem, Job, PageUpdate } from '#src/crawl/messages.js';

const job: Job = {
  crawl: 'a',
  url: 'http://a.test/',
  sitemap: false,
  begun: false,
  options: {
    userAgent: 'test',
    headers: {},
    timeoutMs: 1_000,
    totalTimeoutMs: 1_000,
    maxBytes: 1_000,
    publicOnly: false,
  },
};

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

const found = ['a', 'b', 'a'].flatMap((n) => ['p', 'q'].map((type) => ({ type, data: { n }, json: `{"n":"${n}"}` })));

/** All items of a page that are told, some of them before its end. */
async function tellInParts(more: Partial<Job> = {}, early = 2): Promise<ExtractedItem[]> {
  const told: PageUpdate[] = [];
  const harvest = new Harvest({ ...job, ...more }, new Credit(4), (update) => told.push(update));
  for (const item of found.slice(0, early)) harvest.item(item);
  harvest.tellSoon();
  await nextTurn();
  for (const item of found.slice(early)) harvest.item(item);
  const { items } = harvest.end();
  return [...told.flatMap((update) => ('items' in update ? update.items : [])), ...items];
}

test('harvest › equal items of a page that is told in parts are told apart, and each is known again', async () => {
  const identities = (await tellInParts()).map(({ identity }) => identity);
  assert.equal(new Set(identities).size, 6);
  assert.ok(!identities.includes(undefined));
  const again = (await tellInParts({ begun: true }, 0)).map(({ identity }) => identity);
  assert.deepEqual(again, identities, 'also where it is told at once the second time');
});

test('harvest › a page that is told at once is in the log or not, and needs no identities', async () => {
  assert.deepEqual(new Set((await tellInParts({}, 0)).map(({ identity }) => identity)), new Set([undefined]));
});

test('harvest › what came of a page that broke off has identities: it may be fetched again', () => {
  const harvest = new Harvest(job, new Credit(4), () => {});
  for (const item of found) harvest.item(item);
  assert.equal(new Set(harvest.rest().items.map(({ identity }) => identity)).size, 6);
});

const textsOf = (items: readonly ExtractedItem[]) =>
  items.map(({ tail }) => JSON.parse(`{"id":""${Buffer.from(tail)}`));

test('harvest › items keep their text, however long it is and whatever pages come after theirs', () => {
  // Of three bytes a character, and more than is at hand for the tails of most pages.
  for (const text of ['€'.repeat(10), '€'.repeat(30_000)]) {
    const items = ['first', 'second'].map((name) => {
      const harvest = new Harvest(job, new Credit(4), () => {});
      harvest.item({ type: 'p', data: { name, text }, json: JSON.stringify({ name, text }) });
      return harvest.end().items;
    });
    const data = items.flatMap(textsOf).map((event) => event.data);
    assert.deepEqual(
      data,
      ['first', 'second'].map((name) => ({ name, text })),
    );
  }
});

test('harvest › each item bears the time at which it was found', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000 });
  const harvest = new Harvest(job, new Credit(4), () => {});
  for (const [index, item] of found.entries()) {
    if (index === 3) t.mock.timers.tick(500);
    harvest.item(item);
  }
  const times = textsOf(harvest.end().items).map(({ time }) => Date.parse(time));
  assert.deepEqual(times, [1_000, 1_000, 1_000, 1_500, 1_500, 1_500]);
});

test('harvest › nothing is told of a page that was stopped', async () => {
  const told: PageUpdate[] = [];
  const harvest = new Harvest(job, new Credit(4), (update) => told.push(update));
  for (const item of found) harvest.item(item);
  harvest.tellSoon();
  harvest.stop();
  await nextTurn();
  assert.deepEqual(told, []);
});

test('harvest › what is long is told in batches of two thousand, or of a million characters', () => {
  const sizes: number[] = [];
  const harvest = new Harvest(job, new Credit(4), (update) => 'items' in update && sizes.push(update.items.length));
  const add = (count: number, text: string) => {
    for (let n = 0; n < count; n++) harvest.item({ type: 'p', data: { text }, json: JSON.stringify({ text }) });
  };
  const tellLong = () => {
    while (harvest.isLong) harvest.tellNow();
    return sizes.splice(0);
  };
  add(4_001, 'short');
  assert.deepEqual(tellLong(), [2_000, 2_000]);
  add(4, 'x'.repeat(500_000));
  assert.deepEqual(tellLong(), [3], 'the one that was left, and two long ones');
  add(1, 'x'.repeat(3_000_000));
  assert.deepEqual(tellLong(), [2, 1]);
  add(2_000, 'short');
  assert.deepEqual([tellLong(), harvest.end().items.length], [[], 2_000]);
});

test('harvest › many links are told in batches as well', () => {
  const sizes: number[] = [];
  const harvest = new Harvest(job, new Credit(4), (update) => 'links' in update && sizes.push(update.links.length));
  for (let n = 0; n < 4_500; n++) harvest.link({ url: `http://a.test/${n}`, nofollow: false });
  while (harvest.isLong) harvest.tellNow();
  const { links, linkCount } = harvest.end();
  assert.deepEqual([sizes, links.length, linkCount], [[2_000, 2_000], 500, 4_500]);
});
