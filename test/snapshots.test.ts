/** Snapshots of a copy whose rows the test writes itself, over a real stream of transactions. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { openCluster } from '#src/store/cluster.js';
import { openJetStreamStore } from '#src/store/jetstream.js';
import { keys } from '#src/store/keys.js';
import { beginning, openReplica, type Position } from '#src/store/replica.js';
import { Snapshots } from '#src/store/snapshots.js';
import type { Changes } from '#src/store/tables.js';
import { readPart } from '#src/store/transaction.js';
import { parseStoreUrl } from '#src/store-url.js';
import { hasNats, type NatsServer, startNats } from './support/nats.js';
import { temporaryFolder } from './support/process.js';

let nats: NatsServer;
let streams = 0;
const never = new AbortController().signal;

/** A stream of some transactions, and two processes' snapshots of it. */
async function openStream(t: TestContext) {
  streams += 1;
  const url = parseStoreUrl(`nats://127.0.0.1:${nats.port}?stream=s${streams}`);
  const store = await openJetStreamStore(url, temporaryFolder(t));
  for (let n = 0; n < 3; n++)
    await store.commit({ crawl: 'a', documents: [{ collection: 'test', key: 'n', value: n }] });
  await store.close();
  const process = async () => {
    const cluster = await openCluster(url);
    t.after(() => cluster.close());
    return { cluster, snapshots: await Snapshots.open(cluster) };
  };
  const [one, other] = [await process(), await process()];
  const { last } = await one.cluster.state();
  /** Where a copy is that has read all but so many transactions. */
  const allBut = async (count: number): Promise<Position> => {
    const sequence = last - count;
    const part = readPart((await one.cluster.message(sequence)) ?? Buffer.alloc(0));
    assert.ok(part);
    return { sequence, transaction: part.id };
  };
  const copy = async () => {
    const replica = await openReplica(temporaryFolder(t), 'a copy');
    t.after(() => replica.close());
    return replica;
  };
  const { streams: all } = one.cluster.manager;
  const name = `${url.stream}-snapshots`;
  /** How many messages there are in the stream of snapshots. */
  const held = async () => (await all.info(name)).state.messages;
  /** Takes the parts of one out of it. */
  const loseParts = (id = '') => all.purge(name, { filter: subjectOf(id) });
  const subjectOf = (id: string) => `${url.stream}.snapshot.part.${id}`;
  return { ...one, other, allBut, copy, held, loseParts, subjectOf };
}

/** So many rows of 1,000 bytes. */
function rows(count: number): Map<string, Buffer> {
  return new Map(
    Array.from({ length: count }, (_, n) => [`row ${String(n).padStart(5, '0')}`, Buffer.alloc(990, 'x')]),
  );
}

describe('a snapshot', { skip: !hasNats && 'there is no nats-server here' }, () => {
  before(async () => {
    nats = await startNats();
  });
  after(() => nats.end());

  it('is the table in a few messages, none larger than the server takes, without what is of one copy alone', async (t) => {
    const { cluster, snapshots, allBut, copy } = await openStream(t);
    const replica = await copy();
    await replica.write(rows(1_000), await allBut(1));
    assert.ok(await snapshots.write(replica, never));
    const { messages = 0, bytes = 0 } = (await snapshots.newest()) ?? {};
    assert.ok(messages >= 4 && messages <= 10, `${messages} messages`);
    assert.ok(bytes > 1_000_000 && bytes < 1_100_000, `${bytes} bytes`);

    const read = await copy();
    const { tables } = read;
    const write = tables.write.bind(tables);
    const written: string[][] = [];
    t.mock.method(tables, 'write', (changes: Changes) => {
      written.push([...changes.keys()]);
      return write(changes);
    });
    assert.equal(await snapshots.load(read), 'whole');
    assert.deepEqual(read.position, replica.position);
    const all = [' ', '\u007f', 2_000] as const;
    assert.deepEqual(tables.range(...all), replica.tables.range(...all));
    // A copy that says how far it reaches before it is whole would be taken for one that is.
    assert.deepEqual(written.pop(), [keys.position]);
    assert.ok(!written.flat().includes(keys.position));

    await replica.write(new Map(), await allBut(0));
    Object.defineProperty(cluster, 'maxMessageBytes', { value: 20_000 });
    assert.ok(await snapshots.write(replica, never));
    assert.ok(((await snapshots.newest())?.messages ?? 0) >= 50);
  });

  it('takes the place of the one before; what lies between the two stays for those who lag behind', async (t) => {
    const { cluster, snapshots, allBut, copy, held } = await openStream(t);
    const replica = await copy();
    const writeAt = async (position: Position) => {
      await replica.write(rows(300), position);
      return snapshots.write(replica, never);
    };
    const [third, second, last] = [await allBut(2), await allBut(1), await allBut(0)];
    assert.ok(await writeAt(third));
    assert.equal((await cluster.state()).first, 1);
    assert.ok(await writeAt(second));
    for (const stale of [second, third]) assert.equal(await writeAt(stale), false);
    const newest = await snapshots.newest();
    assert.equal(newest?.sequence, second.sequence);
    assert.equal((await cluster.state()).first, third.sequence + 1);
    assert.equal(await held(), newest.messages + 1);

    await replica.write(new Map(), last);
    assert.equal(await snapshots.write(replica, AbortSignal.abort()), false);
    assert.equal(await held(), newest.messages + 1, 'broken off, it leaves nothing');
  });

  it('that another process was faster with is taken back', async (t) => {
    const { cluster, snapshots, other, allBut, copy, held } = await openStream(t);
    const [mine, theirs] = [await copy(), await copy()];
    for (const replica of [mine, theirs]) await replica.write(rows(300), await allBut(0));
    const state = cluster.state.bind(cluster);
    // This is asked for once it is known which snapshot is the newest.
    t.mock.method(cluster, 'state', async () => {
      assert.ok(await other.snapshots.write(theirs, never));
      return state();
    });
    assert.equal(await snapshots.write(mine, never), false);
    assert.equal(await held(), ((await snapshots.newest())?.messages ?? 0) + 1);
  });

  it('is loaded whole or not at all', async (t) => {
    const { cluster, snapshots, allBut, copy, loseParts, subjectOf } = await openStream(t);
    const empty = await copy();
    assert.equal(await snapshots.load(empty), 'none');
    const replica = await copy();
    await replica.write(rows(300), await allBut(1));
    assert.ok(await snapshots.write(replica, never));
    const old = await snapshots.newest();
    await replica.write(new Map(), await allBut(0));
    assert.ok(await snapshots.write(replica, never));
    const newest = await snapshots.newest();

    // The first answer is from before the other took its place.
    const asked = t.mock.method(snapshots, 'newest', async () => (asked.mock.callCount() === 0 ? old : newest));
    assert.equal(await snapshots.load(empty), 'outdated');
    asked.mock.restore();

    await loseParts(newest?.id);
    await assert.rejects(snapshots.load(empty), { code: 'store.unusable', message: /lacks a part/ });
    for (let n = 0; n < (newest?.messages ?? 0); n++) {
      await cluster.jetstream.publish(subjectOf(newest?.id ?? ''), 'of another version');
    }
    await assert.rejects(snapshots.load(empty), { code: 'store.failed', message: /another version/ });
    assert.deepEqual(empty.position, beginning);
  });
});
