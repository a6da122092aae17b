/** Who takes up which crawl, among processes that answer as the test says. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { watchOwners } from '#src/crawl/owners.js';
import type { CrawlRecord, Peers } from '#src/store/store.js';
import { openTableStore } from '#src/store/table-store.js';
import { recordOf } from './support/log-service.js';
import { FickleTables } from './support/plain-tables.js';
import { timerByHand } from './support/timers.js';

type Answer = Awaited<ReturnType<Peers['ask']>>;

/** A watch over a store of its own, whose rounds begin when the test says so. */
async function newWatch(t: TestContext) {
  const tables = new FickleTables();
  const answers = new Map<string, Answer>();
  const seen: string[] = [];
  const hooks = { onAsk: async () => {} };
  const ask = async (owner: string) => {
    seen.push(`ask ${owner}`);
    await hooks.onAsk();
    return answers.get(owner) ?? 'alive';
  };
  const peers: Peers = { self: 'self', ask, isCurrent: async () => true };
  const store = await openTableStore(tables, { peers });
  t.after(() => store.close());

  const timer = timerByHand(t);
  let stop: (() => void) | undefined;
  const begin = () => {
    seen.length = 0;
    if (stop !== undefined) return timer.end();
    const recall = () => void seen.push('recall');
    stop = watchOwners({ store, peers, take: (crawl) => seen.push(`take ${crawl}`), recall });
  };
  return {
    tables,
    store,
    answers,
    seen,
    hooks,
    begin,
    isWaiting: () => timer.isSet,
    stop: () => stop?.(),
    /** Plays a round; gives what was done in it. */
    async round(): Promise<string[]> {
      // It has ended when the next one is waited for.
      await timer.setBy(begin);
      return [...seen];
    },
    async put(crawl: string, owner?: string, state: CrawlRecord['state'] = 'running') {
      await store.commit({ crawl, record: { ...recordOf(crawl, state), ...(owner !== undefined && { owner }) } });
    },
    owners: () => Object.fromEntries(store.crawls().map(({ id, owner }) => [id, owner])),
  };
}

const takes = (seen: readonly string[]) => seen.filter((one) => one.startsWith('take')).sort();

test('owners › one that has just been started takes up what is gone at once, and what is silent when it stays so', async (t) => {
  const watch = await newWatch(t);
  await watch.put('own', 'self');
  await watch.put('left', 'gone');
  await watch.put('left too', 'gone');
  await watch.put('nobody’s');
  await watch.put('paused', 'gone', 'paused');
  await watch.put('theirs', 'other');
  await watch.put('doubtful', 'silent');
  watch.answers.set('gone', 'gone').set('silent', 'silent');
  const first = await watch.round();
  assert.equal(first[0], 'recall');
  assert.deepEqual(first.filter((one) => one.startsWith('ask')).sort(), ['ask gone', 'ask other', 'ask silent']);
  assert.deepEqual(takes(first), ['take left', 'take left too', 'take nobody’s', 'take own']);
  const before = { theirs: 'other', paused: 'gone' };
  const ours = { own: 'self', left: 'self', 'left too': 'self', 'nobody’s': 'self' };
  assert.deepEqual(watch.owners(), { ...ours, ...before, doubtful: 'silent' });
  // One that goes later may have been cut off for a moment only.
  await watch.put('late', 'late');
  watch.answers.set('late', 'gone');
  assert.equal(takes(await watch.round()).includes('take late'), false);
  assert.equal(takes(await watch.round()).includes('take doubtful'), true);
  assert.equal(takes(await watch.round()).includes('take late'), true);
  assert.deepEqual(watch.owners(), { ...ours, ...before, doubtful: 'self', late: 'self' });
});

test('owners › one that answers again, or had nothing to run meanwhile, has all the patience again', async (t) => {
  const watch = await newWatch(t);
  await watch.put('a', 'other');
  for (const answer of ['silent', 'silent', 'alive', 'silent', 'silent'] as const) {
    watch.answers.set('other', answer);
    assert.deepEqual(await watch.round(), ['recall', 'ask other']);
  }
  await watch.put('a', 'other', 'finished');
  assert.deepEqual(await watch.round(), ['recall']);
  await watch.put('b', 'other');
  for (const taken of [[], [], ['take b']]) assert.deepEqual(takes(await watch.round()), taken);
});

test('owners › what another one has taken up, or somebody has paused, while one asked is left alone', async (t) => {
  const watch = await newWatch(t);
  watch.answers.set('gone', 'gone');
  for (const [owner, state] of [
    ['quicker', 'running'],
    ['gone', 'paused'],
  ] as const) {
    await watch.put('a', 'gone');
    watch.hooks.onAsk = () => watch.put('a', owner, state);
    assert.deepEqual(takes(await watch.round()), []);
    assert.equal(watch.owners().a, owner);
  }
});

test('owners › one that cannot write asks nobody, and believes no silence from before', async (t) => {
  const watch = await newWatch(t);
  await watch.put('a', 'other');
  watch.answers.set('other', 'silent');
  for (let time = 0; time < 2; time++) await watch.round();
  watch.tables.fails = true;
  await assert.rejects(watch.put('b'));
  assert.deepEqual(await watch.round(), []);
  watch.tables.fails = false;
  for (const taken of [[], [], ['take a']]) assert.deepEqual(takes(await watch.round()), taken);
});

test('owners › a watch that has ended asks no more, and claims nothing of which it had asked', async (t) => {
  const watch = await newWatch(t);
  assert.deepEqual(await watch.round(), ['recall']);
  watch.stop();
  assert.equal(watch.isWaiting(), false);
  const another = await newWatch(t);
  await another.put('a', 'gone');
  another.answers.set('gone', 'gone');
  another.hooks.onAsk = async () => {
    await nextTurn();
    another.stop();
  };
  another.begin();
  for (let turn = 0; turn < 10; turn++) await nextTurn();
  assert.deepEqual([another.seen, another.isWaiting()], [['recall', 'ask gone'], false]);
  assert.equal(another.owners().a, 'gone');
});
