import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { type Client, connect, type Quote } from 'crawlcast/client';
import { filter, firstValueFrom, lastValueFrom, map, toArray } from 'rxjs';
import { type Running, run, temporaryFolder } from './support/process.js';

const transports = ['sse', 'ws'] as const;

/** A service that can be killed, and started again where it was. */
async function startService(test: TestContext, pages: number) {
  const site = await run(test, ['site', '--port', '0', '--pages', String(pages), '--per-page', '5', '--delay', '20']);
  const data = temporaryFolder(test);
  const start = (port: string) =>
    run(test, ['serve', '--port', port, '--data', data, '--start-url', `${site.url}/`, '--workers', '1']);
  let running: Running = await start('0');
  const { url } = running;
  return {
    url,
    async restart(signal: NodeJS.Signals) {
      await running.end(signal);
      running = await start(new URL(url).port);
    },
  };
}

/** Offsets of all events of the newest crawl, read at the reader's pace. */
async function readOffsets(client: Client, onEvent: (count: number) => Promise<void> | undefined): Promise<number[]> {
  const offsets: number[] = [];
  for await (const { id } of client.events({ crawl: 'latest', since: 0 })) {
    offsets.push(Number(id.split('-')[1]));
    await onEvent(offsets.length);
  }
  return offsets;
}

/** The quotes of the newest crawl as they are pushed. */
function watchQuotes(client: Client): Promise<Quote[]> {
  const quotes$ = client.events({ type: 'quote', crawl: 'latest', since: 0 });
  return lastValueFrom(
    quotes$.pipe(
      map(({ data }) => data),
      toArray(),
    ),
  );
}

describe('the client', () => {
  it('gets every event once, in order, though the service is killed and started again', async (test) => {
    const service = await startService(test, 30);
    const clients = transports.map((transport) => connect(service.url, { transport }));
    const [client] = clients;
    await client?.crawl();
    const quotes = clients.map(watchQuotes);
    const offsets = clients.map((one) =>
      readOffsets(one, (count) => {
        if (one !== client) return undefined;
        if (count === 20) return service.restart('SIGKILL');
        return count === 90 ? service.restart('SIGTERM') : undefined;
      }),
    );
    const [first, ...others] = await Promise.all(offsets);
    const expected = Array.from({ length: first?.length ?? 0 }, (_, i) => i + 1);
    for (const seen of [first, ...others]) assert.deepEqual(seen, expected);
    const { items } = (await client?.results()) ?? {};
    assert.equal(items?.length, 150);
    for (const seen of await Promise.all(quotes)) assert.deepEqual(seen, items);
  });

  it('keeps its place from the moment it is open, also where nothing has come yet', async (test) => {
    const service = await startService(test, 2);
    const ends = transports.map(async (transport) => {
      const stream = connect(service.url, { transport }).events({ type: 'crawl.finished' });
      const end = firstValueFrom(stream);
      await firstValueFrom(stream.state$.pipe(filter(({ state }) => state === 'live')));
      return { end };
    });
    const open = await Promise.all(ends);
    await service.restart('SIGKILL');
    // Before anybody has come back.
    await connect(service.url).crawl();
    for (const { end } of open) assert.equal((await end).type, 'crawl.finished');
  });

  for (const transport of transports) {
    it(`closes its connection over ${transport} when it is unsubscribed`, { timeout: 5_000 }, async (test) => {
      let sockets = 0;
      const server = createServer((socket) => {
        sockets++;
        socket.on('close', () => server.close()).resume();
      }).listen(0, '127.0.0.1');
      test.after(() => server.close());
      await once(server, 'listening');
      const address = server.address();
      assert.ok(typeof address === 'object' && address !== null);
      const client = connect(`http://127.0.0.1:${address.port}`, { transport });
      const subscription = client.events().subscribe();
      await once(server, 'connection');
      subscription.unsubscribe();
      await once(server, 'close');
      assert.equal(sockets, 1);
    });
  }
});
