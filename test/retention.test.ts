import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { Chores } from '#src/store/chores.js';
import { encodeChunk } from '#src/store/chunk.js';
import { after, keys } from '#src/store/keys.js';
import { TableLog } from '#src/store/log.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { Retention } from '#src/store/store.js';
import { openTableStore } from '#src/store/table-store.js';
import { offsetOf } from './support/follower.js';
import { appendItems, eventOf, recordOf, startLogService, tidy, transports } from './support/log-service.js';
import { PlainTables } from './support/plain-tables.js';
import { RawClient } from './support/raw-client.js';
import { openRawWebSocket, readFrames } from './support/raw-websocket.js';
import { readSse, readWs, take } from './support/readers.js';

const limits: Readonly<Record<string, Retention>> = {
  count: { maxEvents: 300 },
  bytes: { maxBytes: 3_000_000 },
  age: { maxAgeMs: 100 },
};

/** Ids, and gaps with what was asked for, from the bytes of either protocol. */
function eventsIn(bytes: Buffer, protocol: 'sse' | 'ws'): { id: string; type: string; data: { requested?: string } }[] {
  if (protocol === 'ws') {
    const texts = readFrames(bytes).filter(({ opcode }) => opcode === 1);
    return texts.map(({ payload }) => JSON.parse(payload.toString()));
  }
  return [...unchunk(bytes).matchAll(/^data: (.*)\n\n/gm)].map(([, json = '']) => JSON.parse(json));
}

function unchunk(bytes: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = bytes.indexOf('\r\n\r\n') + 4; at < bytes.length; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) break;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
  return Buffer.concat(parts).toString('utf8');
}

for (const transport of transports) {
  for (const [by, retention] of Object.entries(limits)) {
    for (const protocol of ['sse', 'ws'] as const) {
      const title = 'tells a reader whom it overtakes, who then goes on from the oldest with nothing twice';
      it(`retention by ${by} ${title} (${transport}, ${protocol})`, { timeout: 20_000 }, async (t) => {
        const { store, transport: server } = await startLogService(t, { transport, retention });
        await store.commit({ crawl: 'a', record: recordOf('a') });
        using client =
          protocol === 'ws' ? await openRawWebSocket(server.port, '/ws?since=0') : new RawClient(server.port);
        if (protocol === 'sse') client.send('GET /events?since=0 HTTP/1.1\r\nHost: test\r\n\r\n');
        await appendItems(store, 'a', 1, 1);
        await client.untilText(`${store.log.epoch}-1`);
        client.socket.pause();
        const text = 'x'.repeat(10_000);
        for (let step = 0; step < 80; step++) {
          const events = Array.from({ length: 20 }, () => eventOf('a', 'quote', { text }));
          await store.commit({ crawl: 'a', events });
        }
        // With age as the limit time has to pass; with the others one round is enough.
        while (store.log.first < 1_250) await tidy(store);
        client.socket.resume();
        // Again and again: with age as the limit the first ones may be gone before their turn comes.
        const marking = setInterval(() => void store.commit({ crawl: 'a', events: [eventOf('a', 'mark', {})] }), 20);
        t.after(() => clearInterval(marking));
        await client.until((bytes) => bytes.subarray(-1_000).includes('"type":"mark"'));
        clearInterval(marking);
        client.socket.pause();
        const seen = eventsIn(client.bytes, protocol);
        const gaps = seen.filter(({ type }) => type === 'log.gap');
        assert(gaps.length > 0);
        for (const [index, { id, type, data }] of seen.entries()) {
          const before = offsetOf(seen[index - 1]?.id ?? `${store.log.epoch}-0`);
          if (type === 'log.gap') assert.equal(data.requested, `${store.log.epoch}-${before}`);
          else assert.equal(offsetOf(id), before + 1);
        }
      });
    }
  }

  describe(`retention (${transport})`, () => {
    it('takes nothing from readers who keep up', async (t) => {
      const { store, url } = await startLogService(t, { transport, retention: { maxEvents: 60 } });
      await store.commit({ crawl: 'a', record: recordOf('a') });
      const readers = await Promise.all([readSse(url), readWs(url), readSse(url, '?data.parity=odd')]);
      const seen = Promise.all([take(readers[0], 2_000), take(readers[1], 2_000), take(readers[2], 1_000)]);
      for (let step = 0; step < 40; step++) await appendItems(store, 'a', 1 + step * 50, 50);
      for (const events of await seen) {
        assert(events.every(({ type }) => type === 'quote'));
        const offsets = events.map(({ id }) => offsetOf(id));
        assert.deepEqual(offsets, [...new Set(offsets)]);
      }
      await tidy(store);
      assert.equal(store.log.first, 1_941);
      for (const reader of readers) reader.close();
    });
  });
}

test('retention › an event that is gone from the disk before the log is told is no damage: the reader is past it', async () => {
  const tables = new PlainTables();
  const place = { time: 0, position: 0 };
  for (const offset of [1, 2]) {
    const event = { type: 'quote', crawl: 'a', tail: Buffer.from('}') };
    tables.rows.set(keys.chunk(offset), encodeChunk('e', { offset, ...place }, [event]).value);
  }
  const log = new TableLog(tables, 'e');
  await tables.write(
    new Map([
      [keys.chunk(1), undefined],
      [keys.first, Buffer.from('2')],
    ]),
  );
  for (const after of [0, 1]) {
    assert.deepEqual(
      Array.from(log.read(after), ({ offset }) => offset),
      [2],
    );
    assert.equal(log.first, 2);
  }
});

test('retention › leaves nothing on the disk of what it has taken, wherever in a chunk the oldest event lies', async () => {
  for (const maxEvents of [99, 100, 101, 250]) {
    const tables = new PlainTables();
    const store = await openTableStore(tables, { retention: { maxEvents } });
    for (let from = 1; from <= 1_000; from += 100) await appendItems(store, 'a', from, 100);
    await tidy(store);
    assert.equal(store.log.first, 1_000 - maxEvents + 1);
    const chunks = tables.range(keys.chunks, after(keys.chunks), 100);
    assert.equal(chunks.length, Math.ceil(maxEvents / 100), `${maxEvents} events`);
    await store.close();
  }
});

test('retention › looks at the age of the log ten times in it, and neither all the time nor once in an age', () => {
  const log = new TableLog(new PlainTables(), 'e');
  const intervals = [0, 100, 1_000, 60_000, 600_000, 1e12].map((maxAgeMs) => {
    return new Chores(new PlainTables(), log, { maxAgeMs }).intervalMs;
  });
  // A timer of more than 2^31 ms would come at once.
  assert.deepEqual(intervals, [50, 50, 100, 6_000, 60_000, 60_000]);
  assert.equal(new Chores(new PlainTables(), log, { maxEvents: 1 }).intervalMs, undefined);
});

test('retention › takes documents that need what it has taken, and no others', { timeout: 20_000 }, async () => {
  const store = await openMemoryStore({ retention: { maxEvents: 100 } });
  await store.commit({ crawl: 'a', record: recordOf('a') });
  const collection = 'pages';
  const value = 'x';
  await store.commit({ crawl: '', documents: [{ collection, key: 'free', value }] });
  for (let step = 0; step < 60; step++) {
    const events = Array.from({ length: 20 }, () => eventOf('a', 'quote', {}));
    const documents = [{ collection, key: `step ${step}`, value, needs: store.log.last + 1 }];
    await store.commit({ crawl: 'a', events, documents });
  }
  const kept = () => Array.from(store.documents(collection), ({ key }) => key);
  while (kept().length > 10) await tidy(store);
  assert(kept().includes('free'));
  for (let step = 55; step < 60; step++) assert(kept().includes(`step ${step}`));
  await store.close();
});
