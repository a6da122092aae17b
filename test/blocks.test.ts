import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TableLog } from '#src/store/log.js';
import { openTableStore } from '#src/store/table-store.js';
import { offsetOf } from './support/follower.js';
import { eventOf, recordOf, startLogService, transports } from './support/log-service.js';
import { PlainTables } from './support/plain-tables.js';
import { temporaryFolder } from './support/process.js';
import { readSse, readWs, type SeenEvent, take } from './support/readers.js';

/** More than all sockets hold, and in many more blocks than are kept. */
const count = 6_000;

/** No two are alike, nor as long, so that bytes of another event are noticed. */
function textOf(n: number): string {
  return `${n} `.repeat(500 + (n % 350));
}

function items(): ReturnType<typeof eventOf>[] {
  return Array.from({ length: count }, (_, i) =>
    eventOf('a', 'quote', { odd: i % 2 === 1, n: i + 1, text: textOf(i + 1) }),
  );
}

function check(events: readonly SeenEvent[], step = 1): void {
  for (const [index, { id, data }] of events.entries()) {
    const n = offsetOf(events[0]?.id ?? '') + index * step;
    assert.equal(offsetOf(id), n);
    const { n: said, text } = data as { n: number; text: string };
    assert.ok(said === n && text === textOf(n), `event ${n} says ${said}: ${text.slice(0, 100)}`);
  }
}

describe('a log that is longer than what is kept of it in memory', () => {
  it('gives batches that stay as they are, whatever else is read', async () => {
    const tables = new PlainTables();
    const store = await openTableStore(tables);
    await store.commit({ crawl: 'a', events: items() });
    const log = new TableLog(tables, store.log.epoch);
    // From the beginning of a chunk, from within one, and some from within one.
    const kept = [log.read(0), log.read(99), log.read(199, 7)];
    const textsOf = () => kept.map((batch) => Array.from(batch, ({ json }) => json.toString()));
    for (const batch of kept) {
      const events = Array.from(batch, ({ json }) => JSON.parse(json.toString()));
      check(events);
      const frames = batch
        .frames(0, batch.length)
        .toString()
        .matchAll(/^data: (.*)$/gm);
      assert.deepEqual(
        Array.from(frames, ([, json = '']) => JSON.parse(json)),
        events,
      );
    }
    const before = textsOf();
    const framesBefore = kept.map((batch) => batch.frames(0, batch.length).toString());
    for (let after = 0; after < log.last; after = log.lend(after).last);
    assert.deepEqual(textsOf(), before);
    assert.deepEqual(
      kept.map((batch) => batch.frames(0, batch.length).toString()),
      framesBefore,
    );
    assert.equal(kept[2]?.length, 7);
    await store.close();
  });

  it('gives every event under its own offset, wherever one begins to read', async () => {
    const tables = new PlainTables();
    const store = await openTableStore(tables);
    // Chunks of many sizes, some of which reach beyond a multiple of 256 offsets.
    for (let at = 0, all = items(); at < count; at += 1 + ((at * 7) % 300)) {
      await store.commit({ crawl: 'a', events: all.slice(at, at + 1 + ((at * 7) % 300)) });
    }
    const log = new TableLog(tables, store.log.epoch);
    for (let after = 0; after < count; after += 37) {
      const batch = log.lend(after);
      assert.equal(batch.first, after + 1);
      check(Array.from(batch, ({ json }) => JSON.parse(json.toString())));
    }
    await store.close();
  });
});

for (const transport of transports) {
  const title = `readers that stand still while others replay get every event as it was (${transport})`;
  it(title, { timeout: 60_000 }, async (t) => {
    const { store, url } = await startLogService(t, { transport, data: temporaryFolder(t) });
    await store.commit({ crawl: 'a', record: recordOf('a') });
    await store.commit({ crawl: 'a', events: items() });
    // A body that is not read, and a socket that is not: both are soon full.
    const slow = [await readSse(url, '?since=0'), await readWs(url, '?since=0')] as const;
    slow[1].socket.pause();
    for (const read of [readSse, readWs]) {
      const quick = [await read(url, '?since=0'), await read(url, '?since=1000&data.odd=true')] as const;
      const [all, odd] = await Promise.all([take(quick[0], count), take(quick[1], 2_500)]);
      check(all);
      check(odd, 2);
      for (const reader of quick) reader.close();
    }
    slow[1].socket.resume();
    for (const reader of slow) {
      check(await take(reader, count));
      reader.close();
    }
  });
}
