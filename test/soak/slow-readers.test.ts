import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { transports } from '../support/log-service.js';
import { temporaryFolder } from '../support/process.js';
import { RawClient } from '../support/raw-client.js';
import { handshakeRequest } from '../support/raw-websocket.js';
import { type LogServer, startLogServer } from './server-process.js';

const megabyte = 1_048_576;
const head = '{"specversion":"1.0","id":"';

/** Reads a stream as bytes, and keeps of each event its offset and how late it came. */
class Watcher {
  readonly client: RawClient;
  last = 0;
  faults = 0;
  lateMs: number[] = [];
  #rest = '';
  #isNewestCounted = false;

  constructor(
    port: number,
    readonly protocol: 'sse' | 'ws',
  ) {
    this.client = new RawClient(port);
    this.client.socket.removeAllListeners('data');
    this.client.socket.on('data', (chunk) => this.#take(chunk.toString('latin1')));
    this.client.send(
      protocol === 'sse'
        ? 'GET /events?since=0&type=quote HTTP/1.1\r\nHost: test\r\n\r\n'
        : handshakeRequest('/ws?since=0&type=quote'),
    );
  }

  toString(): string {
    const { destroyed, bytesRead } = this.client.socket;
    return `${this.protocol} at ${this.last}, ${bytesRead} bytes, ${destroyed ? 'closed' : 'open'}`;
  }

  #take(text: string): void {
    const now = Date.now();
    // The sizes of a body's chunks stand anywhere; an event itself has no line breaks.
    const [before = '', ...events] = (this.#rest + text).replace(/\r\n[0-9a-f]+\r\n/g, '').split(head);
    const newest = events.at(-1);
    for (const event of events.slice(0, -1)) this.#count(event, now);
    // The newest is counted as soon as its time is there: it may be all that comes for now.
    if (newest?.includes('"data":')) this.#count(newest, now);
    this.#rest = newest === undefined ? before : head + newest;
    this.#isNewestCounted = newest?.includes('"data":') ?? this.#isNewestCounted;
  }

  #count(text: string, now: number): void {
    if (this.#isNewestCounted) {
      this.#isNewestCounted = false;
      return;
    }
    const [, offset, time] = /^[0-9a-f]+-(\d+)".*?"time":"([^"]+)"/s.exec(text) ?? [];
    if (offset === undefined || time === undefined) return;
    if (Number(offset) !== this.last + 1) this.faults += 1;
    this.last = Number(offset);
    this.lateMs.push(now - Date.parse(time));
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor(sorted.length * share)] ?? 0;
}

async function untilAll(watchers: readonly Watcher[], last: number): Promise<void> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await delay(20)) {
    if (watchers.every((watcher) => watcher.last >= last)) return;
  }
  const behind = watchers.filter((watcher) => watcher.last < last).map(String);
  assert.fail(`${behind.length} readers are behind ${last}: ${behind.join('; ')}`);
}

function watch(test: TestContext, { url }: LogServer, count: number): Watcher[] {
  const port = Number(new URL(url).port);
  const watchers = Array.from({ length: count }, (_, i) => new Watcher(port, i % 2 === 0 ? 'sse' : 'ws'));
  test.after(() => {
    for (const { client } of watchers) client.socket.destroy();
  });
  return watchers;
}

for (const transport of transports) {
  describe(`slow readers (${transport})`, () => {
    it('of a hundred, ten stop for ten seconds: all get everything once, the others no later, memory flat', async (t) => {
      const started = await startLogServer(t, transport, temporaryFolder(t));
      const server = { ...started, ...(await started.tell({ append: 35_000, perSecond: 35_000 })) };
      const watchers = watch(t, server, 100);
      await untilAll(watchers, server.last);
      const running = watchers.slice(10);
      const lateness = () => {
        const all = running.flatMap(({ lateMs }) => lateMs);
        for (const watcher of watchers) watcher.lateMs = [];
        return percentile(all, 0.99);
      };
      lateness();
      const before = await server.tell({ append: 5_000 });
      await untilAll(watchers, before.last);
      const usualMs = lateness();
      for (const { client } of watchers.slice(0, 10)) client.socket.pause();
      const stopped = await server.tell({ append: 10_000 });
      await untilAll(running, stopped.last);
      const stoppedMs = lateness();
      for (const { client } of watchers) client.socket.resume();
      await untilAll(watchers, stopped.last);
      const after = await server.tell({ append: 1_000 });
      await untilAll(watchers, after.last);
      const grownBytes = after.memoryBytes - before.memoryBytes;
      t.diagnostic(
        `p99 ${usualMs} ms, while ten had stopped ${stoppedMs} ms; ${Math.round(before.memoryBytes / megabyte)} MB, grown by ${Math.round(grownBytes / megabyte)} MB, while they had stopped by ${Math.round((stopped.memoryBytes - before.memoryBytes) / megabyte)} MB`,
      );
      assert.equal(Math.max(...watchers.map(({ faults }) => faults)), 0);
      // A hundred readers in one process, beside whatever else the machine does: a rough measure.
      assert(stoppedMs < Math.max(usualMs, 300) * 3, `${stoppedMs} ms against ${usualMs} ms`);
      assert(grownBytes < 32 * megabyte, `${grownBytes} bytes`);
    });

    it('that never read at all cost no memory, however long the log grows', async (t) => {
      const growth = async (readers: number) => {
        const server = await startLogServer(t, transport, temporaryFolder(t));
        const before = await server.tell({ append: 20_000, perSecond: 20_000 });
        for (const { client } of watch(t, server, readers)) client.socket.pause();
        const after = await server.tell({ append: 100_000, perSecond: 20_000 });
        return after.memoryBytes - before.memoryBytes;
      };
      // Appending takes memory as well: only what the readers add to it counts.
      const alone = await growth(0);
      const watched = await growth(10);
      t.diagnostic(
        `grown by ${Math.round(watched / megabyte)} MB, without readers by ${Math.round(alone / megabyte)} MB`,
      );
      assert(watched - alone < 32 * megabyte, `${watched - alone} bytes`);
    });
  });
}
