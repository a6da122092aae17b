/** What the store on NATS JetStream does that the others need not: several of them are one log. */
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { openCluster } from '#src/store/cluster.js';
import { type JetStreamOptions, openJetStreamStore } from '#src/store/jetstream.js';
import { openReplica } from '#src/store/replica.js';
import { Snapshots } from '#src/store/snapshots.js';
import type { CrawlRecord, LogEvent, NewEvent, Offer, Store } from '#src/store/store.js';
import { readPart } from '#src/store/transaction.js';
import { parseStoreUrl } from '#src/store-url.js';
import { fingerprint } from '#src/url.js';
import { startDeafProxy } from './support/deaf-proxy.js';
import { hasNats, type NatsServer, startNats } from './support/nats.js';
import { temporaryFolder } from './support/process.js';

const crawl = '01CRAWL';
const host = 'http://a.test';
let nats: NatsServer;
let streams = 0;

function newStream(): string {
  streams += 1;
  return `j${streams}`;
}

interface Opened {
  readonly dir?: string;
  readonly port?: number;
  readonly options?: JetStreamOptions;
}

async function open(t: TestContext, stream: string, { dir, port = nats.port, options = {} }: Opened = {}) {
  const url = parseStoreUrl(`nats://127.0.0.1:${port}?stream=${stream}`);
  const store = await openJetStreamStore(url, dir ?? temporaryFolder(t), options);
  t.after(() => store.close());
  return store;
}

function events(count: number, data: unknown = 'x', more: Partial<NewEvent> = {}): NewEvent[] {
  const tail = Buffer.from(`,"type":"quote","data":${JSON.stringify(data)}}`);
  return Array.from({ length: count }, () => ({ type: 'quote', tail, ...more }));
}

function offer(url: string): Offer {
  return { url, fingerprint: fingerprint(url), host, depth: 0 };
}

function record(more: Partial<CrawlRecord> = {}): CrawlRecord {
  const start = ['http://a.test/'];
  const startedAt = '2026-11-22T09:54:36.123Z';
  return {
    ...{
      id: crawl,
      spider: 'quotes',
      definition: {},
      origin: 'local',
      start,
      state: 'running',
      startedAt,
    },
    ...more,
  };
}

/** Resolves when a store has an offset. */
async function until(store: Store, offset: number): Promise<void> {
  while (store.log.last < offset) {
    await new Promise<void>((resolve) => {
      const stop = store.log.onAppend(() => {
        stop();
        resolve();
      });
    });
  }
}

function textOf(store: Store): string[] {
  const all: LogEvent[] = [];
  for (let batch = store.log.read(0); batch.length > 0; batch = store.log.read(all.at(-1)?.offset ?? 0)) {
    all.push(...batch);
  }
  return all.map(({ json }) => json.toString());
}

/** Uses JetStream's own interface, as an operator would. */
async function asOperator<Result>(use: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<Result>) {
  const connection = await connect({ servers: `127.0.0.1:${nats.port}` });
  try {
    return await use(await jetstreamManager(connection));
  } finally {
    await connection.close();
  }
}

/** Another stream takes the place of this one, with nothing in it. */
function loseStream(stream: string) {
  return asOperator(async ({ streams: all }) => {
    await all.delete(stream);
    await all.add({ name: stream, subjects: [`${stream}.log`] });
  });
}

describe('jetstream store', { skip: !hasNats && 'there is no nats-server here' }, () => {
  before(async () => {
    nats = await startNats();
  });
  after(() => nats.end());

  it('shows what another one wrote: events, crawls, documents', async (t) => {
    const stream = newStream();
    const [one, two] = [await open(t, stream), await open(t, stream)];
    assert.equal(one.log.epoch, two.log.epoch);
    const seen: number[] = [];
    two.log.onAppend(() => seen.push(two.log.last));
    await one.commit({
      crawl,
      record: record(),
      events: events(3),
      offers: [offer('/1'), offer('/2')],
      documents: [{ collection: 'spiders', key: 'a', value: { b: 1 } }],
    });
    await until(two, 3);
    assert.deepEqual(seen, [3]);
    assert.deepEqual(two.crawls(), one.crawls());
    assert.deepEqual(two.progress(crawl), one.progress(crawl));
    assert.deepEqual(two.document('spiders', 'a'), { b: 1 });
    assert.equal(two.openFrontier(crawl).queued, 2);
    assert.equal((await two.commit({ crawl, events: events(1) })).events[0]?.offset, 4);
  });

  it('gives every event one place in one order, however many write at once', async (t) => {
    const stream = newStream();
    const stores = await Promise.all([1, 2, 3].map(() => open(t, stream)));
    const offsets = await Promise.all(
      stores.map(async (store, who) => {
        const own: (number | undefined)[] = [];
        for (let n = 0; n < 100; n += 1) {
          const step = { crawl: `crawl-${who}`, events: events(2, `${who}.${n}`) };
          own.push(...(await store.commit(step)).events.map(({ offset }) => offset));
        }
        assert.deepEqual(
          own,
          own.toSorted((a = 0, b = 0) => a - b),
        );
        return own;
      }),
    );
    assert.deepEqual(
      offsets.flat().toSorted((a = 0, b = 0) => a - b),
      Array.from({ length: 600 }, (_, index) => index + 1),
    );
    await Promise.all(stores.map((store) => until(store, 600)));
    for (const store of stores) assert.deepEqual(textOf(store), textOf(stores[0] ?? store));
    assert.deepEqual(stores[0]?.crawls(), []);
    assert.equal(stores[0]?.progress('crawl-2')?.counts.quote, 200);
  });

  it('decides on what is true when the turn has come', async (t) => {
    const stream = newStream();
    const stores = await Promise.all([1, 2, 3, 4].map(() => open(t, stream)));
    const wishes = stores.map((store, who) =>
      store.commit({
        crawl,
        decide({ record: known }) {
          if (known !== undefined) throw new Error('taken');
          return { record: record({ spider: `s${who}` }), events: events(1, who) };
        },
      }),
    );
    const results = await Promise.allSettled(wishes);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    await Promise.all(stores.map((store) => until(store, 1)));
    for (const store of stores) assert.deepEqual([store.log.last, store.crawls().length], [1, 1]);
  });

  it('writes a step whole that is larger than any message, also beside others', async (t) => {
    const stream = newStream();
    const [one, two] = [await open(t, stream), await open(t, stream)];
    const large = { crawl, events: events(6, 'long '.repeat(120_000)) };
    const small = async () => {
      for (let n = 0; n < 20; n += 1) await two.commit({ crawl: 'other', events: events(1) });
    };
    const [{ events: written }] = await Promise.all([one.commit(large), small()]);
    const [first = 0] = written.map(({ offset }) => offset);
    assert.deepEqual(
      written.map(({ offset }) => offset),
      [0, 1, 2, 3, 4, 5].map((n) => first + n),
    );
    await Promise.all([until(one, 26), until(two, 26)]);
    assert.deepEqual(textOf(two), textOf(one));
    const three = await open(t, stream);
    assert.deepEqual(textOf(three), textOf(one));
  });

  it('takes nothing from a lease of a frontier that another one has changed', async (t) => {
    const stream = newStream();
    const [one, two] = [await open(t, stream), await open(t, stream)];
    await one.commit({ crawl, record: record(), events: events(1), offers: [offer('/1'), offer('/2')] });
    await until(two, 1);
    const mine = one.openFrontier(crawl).take(host);
    const theirs = two.openFrontier(crawl).take(host);
    assert.ok(mine && theirs);
    const page = [...events(2, 'a', { identity: 'a' }), ...events(1, 'b', { identity: 'b' })];
    await two.commit({ crawl, lease: theirs, release: true, events: page });
    await assert.rejects(one.commit({ crawl, lease: mine, release: true, events: page }), { code: 'store.fenced' });
    await until(one, 3);
    assert.deepEqual([one.log.last, one.progress(crawl)?.stats.queued], [3, 1]);
    const frontier = one.openFrontier(crawl);
    assert.equal(frontier.take(host)?.url, '/2');
    assert.equal(frontier.take(host), undefined);
  });

  it('knows what another one has seen', async (t) => {
    const stream = newStream();
    const [one, two] = [await open(t, stream), await open(t, stream)];
    let queued = 0;
    for (let round = 0; round < 20; round += 1) {
      const store = round % 2 === 0 ? one : two;
      // Many enough that what has been seen is merged now and then; every other URL was there before.
      const offers = Array.from({ length: 1000 }, (_, n) => offer(`/${round * 500 + n}`));
      queued += (await store.commit({ crawl, offers })).queued;
      assert.equal(queued, 500 + (round + 1) * 500);
    }
    const all = (await open(t, stream)).progress(crawl)?.stats;
    assert.deepEqual([all?.queued, all?.duplicates], [queued, 20_000 - queued]);
  });

  it('writes a step once whose confirmation was lost with the connection', async (t) => {
    const stream = newStream();
    const witness = await open(t, stream);
    const proxy = await startDeafProxy(t, nats.port);
    const store = await open(t, stream, { port: proxy.port });
    for (let round = 1; round <= 5; round += 1) {
      proxy.deafen();
      const commit = store.commit({ crawl, events: events(1, round) });
      await until(witness, round);
      proxy.cut();
      assert.equal((await commit).events[0]?.offset, round);
    }
    await witness.commit({ crawl, events: events(1) });
    await until(store, 6);
    assert.equal(store.log.last, 6);
    assert.deepEqual(textOf(store), textOf(witness));
  });

  it('tells when nobody answers, and knows afterwards what was written all the same', {
    timeout: 30_000,
  }, async (t) => {
    const stream = newStream();
    const witness = await open(t, stream);
    const proxy = await startDeafProxy(t, nats.port);
    const store = await open(t, stream, { port: proxy.port });
    proxy.deafen();
    await assert.rejects(store.commit({ crawl, events: events(1, 'heard') }), { code: 'store.failed' });
    assert.equal(store.failure?.code, 'store.failed');
    assert.equal(witness.log.last, 1);
    proxy.cut();
    const { events: written } = await store.commit({ crawl, events: events(1, 'again') });
    assert.equal(written[0]?.offset, 2);
    assert.deepEqual([store.failure, store.progress(crawl)?.counts.quote], [undefined, 2]);
    await until(witness, 2);
    assert.deepEqual(textOf(store), textOf(witness));
  });

  it('waits for no answer to what it asked before the connection broke', async (t) => {
    const proxy = await startDeafProxy(t, nats.port);
    const cluster = await openCluster(parseStoreUrl(`nats://127.0.0.1:${proxy.port}?stream=${newStream()}`));
    t.after(() => cluster.close());
    proxy.deafen();
    const asked = cluster.state();
    proxy.cut();
    await assert.rejects(asked, /connection broke/);
    assert.equal((await cluster.state()).last, 0);
  });

  it('lets another one write first that has waited for its turn', async (t) => {
    const stream = newStream();
    const [one, two] = [await open(t, stream), await open(t, stream)];
    await one.commit({ crawl, events: events(1) });
    await until(two, 1);
    const connection = await connect({ servers: `127.0.0.1:${nats.port}` });
    t.after(() => connection.close());
    connection.publish(`${stream}.turn`, 'somebody else');
    await connection.flush();
    // They have been told as well, once they have answered to something sent after it.
    await Promise.all([one, two].map(({ peers }) => peers?.ask(peers.self)));
    const startedMs = performance.now();
    await one.commit({ crawl, events: events(1) });
    assert.ok(performance.now() - startedMs > 100, 'it waits a moment');
    const afterMs = performance.now();
    await one.commit({ crawl, events: events(1) });
    assert.ok(performance.now() - afterMs < 100, 'and only once');
  });

  it('asks for a turn when it is outrun again and again', async (t) => {
    const stream = newStream();
    const stores = await Promise.all([1, 2, 3].map(() => open(t, stream)));
    const connection = await connect({ servers: `127.0.0.1:${nats.port}` });
    t.after(() => connection.close());
    let asked = 0;
    connection.subscribe(`${stream}.turn`, {
      callback: () => {
        asked += 1;
      },
    });
    await connection.flush();
    const write = async (store: Store) => {
      while (asked === 0) await store.commit({ crawl, events: events(1) });
    };
    await Promise.all(stores.map(write));
  });

  it('cuts the stream where a snapshot holds what it told; others go on, and begin there', async (t) => {
    const stream = newStream();
    const compaction = { leastBytes: 100_000, intervalMs: 20 };
    const writer = await open(t, stream, { options: { compaction, retention: { maxEvents: 2_000 } } });
    const reader = await open(t, stream);
    let first = 0;
    for (let n = 0; first < 100; n += 1) {
      const offers = [offer(`/${n}`)];
      await writer.commit({ crawl, events: events(50, `${n} ${'x'.repeat(100)}`), offers });
      if (n % 20 === 0) first = await asOperator(async ({ streams: all }) => (await all.info(stream)).state.first_seq);
    }
    await writer.commit({ crawl, events: events(1), documents: [{ collection: 'spiders', key: 'a', value: 1 }] });
    const { last } = writer.log;
    await until(reader, last);
    const late = await open(t, stream);
    assert.deepEqual([late.log.epoch, late.log.last], [writer.log.epoch, last]);
    assert.ok(writer.log.first > 1);
    for (const store of [reader, late]) {
      assert.equal(store.log.first, writer.log.first);
      assert.deepEqual(textOf(store), textOf(writer));
      assert.deepEqual(store.progress(crawl), writer.progress(crawl));
      assert.equal(store.document('spiders', 'a'), 1);
    }
    assert.equal(late.openFrontier(crawl).queued, writer.openFrontier(crawl).queued);
    assert.equal((await late.commit({ crawl, offers: [offer('/0'), offer('/new')] })).queued, 1);
  });

  it('reads from its copy what it has read before, and anew what is of another stream', async (t) => {
    const [stream, other] = [newStream(), newStream()];
    const dir = temporaryFolder(t);
    const store = await open(t, stream, { dir });
    await store.commit({ crawl, events: events(500) });
    const { epoch } = store.log;
    await store.close();
    const elsewhere = await open(t, other, { dir });
    assert.deepEqual([elsewhere.log.last, elsewhere.crawls()], [0, []]);
    assert.notEqual(elsewhere.log.epoch, epoch);
    await elsewhere.close();
    const again = await open(t, stream, { dir });
    assert.deepEqual([again.log.epoch, again.log.last], [epoch, 500]);
    await again.close();
    await asOperator(({ streams: all }) => all.delete(stream));
    const anew = await open(t, stream, { dir });
    assert.equal(anew.log.last, 0);
    assert.notEqual(anew.log.epoch, epoch);
  });

  it('has its copy for itself', async (t) => {
    const [stream, dir] = [newStream(), temporaryFolder(t)];
    const store = await open(t, stream, { dir });
    await assert.rejects(open(t, stream, { dir }), { code: 'data.in_use' });
    await store.commit({ crawl, events: events(1) });
    await store.close();
    assert.equal((await open(t, stream, { dir })).log.last, 1);
  });

  it('says so when the cluster has lost what it had confirmed, and writes no more', async (t) => {
    const stream = newStream();
    const store = await open(t, stream);
    await store.commit({ crawl, events: events(5) });
    await loseStream(stream);
    await assert.rejects(store.commit({ crawl, events: events(1) }), { code: 'store.failed', message: /has lost/ });
    await assert.rejects(store.commit({ crawl, events: events(1) }), { code: 'store.failed', message: /has lost/ });
    assert.match(store.failure?.message ?? '', /restart this process/);
    assert.equal(store.log.read(0).length, 5);
  });

  it('says so when the stream was lost while nobody wrote', { timeout: 30_000 }, async (t) => {
    const stream = newStream();
    const store = await open(t, stream);
    await store.commit({ crawl, events: events(5) });
    await loseStream(stream);
    while (store.failure === undefined) await pause(50);
    assert.match(store.failure.message, /has lost/);
    const { self = '' } = store.peers ?? {};
    const healthy = await open(t, newStream());
    assert.equal(await healthy.peers?.ask(self), 'gone');
  });

  it('writes nothing, and says so before, where its own copy cannot be written', async (t) => {
    const [stream, dir] = [newStream(), temporaryFolder(t)];
    const other = await open(t, stream);
    const store = await open(t, stream, { dir });
    await store.commit({ crawl, events: events(5) });
    await until(other, 5);
    const [file, elsewhere] = [join(dir, 'replica', 'data.mdb'), join(dir, 'elsewhere')];
    renameSync(file, elsewhere);
    // What others do to a file is looked for once in a second.
    const { now } = performance;
    t.mock.method(performance, 'now', () => now.call(performance) + 1_100);
    const moved = { code: 'store.failed', message: /moved/ };
    assert.match((await store.trouble())?.message ?? '', moved.message);
    await assert.rejects(store.commit({ crawl, events: events(1, 'refused') }), moved);
    assert.equal((await other.commit({ crawl, events: events(1, 'other') })).events[0]?.offset, 6);
    renameSync(elsewhere, file);
    assert.equal(await store.trouble(), undefined);
    await until(store, 6);
    assert.equal((await store.commit({ crawl, events: events(1) })).events[0]?.offset, 7);
    await until(other, 7);
    assert.deepEqual(textOf(store), textOf(other));
  });

  it('writes no snapshot of a copy that the newest one is ahead of, or that is of another log', async (t) => {
    const [stream, dir] = [newStream(), temporaryFolder(t)];
    const url = parseStoreUrl(`nats://127.0.0.1:${nats.port}?stream=${stream}`);
    const cluster = await openCluster(url);
    t.after(() => cluster.close());
    const snapshots = await Snapshots.open(cluster);
    const writer = await open(t, stream);
    await writer.commit({ crawl, events: events(1) });
    const { last } = await cluster.state();
    const id = readPart((await cluster.message(last)) ?? Buffer.alloc(0))?.id ?? 0n;
    const replica = await openReplica(dir, 'a copy');
    t.after(() => replica.close());
    const never = new AbortController().signal;
    await replica.write(new Map(), { sequence: last, transaction: id + 1n });
    assert.equal(await snapshots.write(replica, never), false);
    await replica.write(new Map(), { sequence: last, transaction: id });
    assert.equal(await snapshots.write(replica, never), true);
    await replica.write(new Map(), { sequence: last - 1, transaction: 1n });
    assert.equal(await snapshots.write(replica, never), false);
    // Also the very first one is there.
    assert.equal((await snapshots.newest())?.sequence, last);
    assert.equal((await cluster.state()).first, 1);
  });

  it('begins nowhere when the snapshots are of another stream', async (t) => {
    const stream = newStream();
    const store = await open(t, stream, { options: { compaction: { leastBytes: 1, intervalMs: 10 } } });
    await store.commit({ crawl, events: events(5) });
    await asOperator(async ({ streams: all }) => {
      while ((await all.info(`${stream}-snapshots`)).state.messages === 0) await pause(10);
      await store.close();
      await all.delete(stream);
    });
    await assert.rejects(open(t, stream), { code: 'store.unusable', message: /does not belong/ });
  });

  it('refuses a stream that is something else, or would forget', async (t) => {
    const [foreign, limited, short] = [newStream(), newStream(), newStream()];
    await asOperator(async ({ streams: all }) => {
      await all.add({ name: foreign, subjects: ['something.else'] });
      await all.add({ name: limited, subjects: [`${limited}.log`], max_msgs: 10 });
      await all.add({ name: short, subjects: [`${short}.log`], max_bytes: 100_000 });
    });
    for (const stream of [foreign, limited, short]) {
      await assert.rejects(open(t, stream), { code: 'store.unusable', message: new RegExp(`stream ${stream} `) });
    }
  });
});
