import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { connect } from 'crawlcast/client';
import { finalize, firstValueFrom, type Subscription, skipWhile, tap } from 'rxjs';
import { WebSocket } from 'ws';
import { type Running, run, temporaryFolder } from './support/process.js';

const offsetOf = ({ id }: { id: string }) => Number(id.split('-')[1]);

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

for (const transport of ['sse', 'ws'] as const) {
  describe(`the client over ${transport}`, () => {
    it('gets every event once, in order, though the service is killed twice', async (test) => {
      const service = await startService(test, 30);
      const client = connect(service.url, { transport, WebSocket });
      await client.crawl();
      const offsets: number[] = [];
      let last: string | undefined;
      for await (const event of client.events({ crawl: 'latest', since: 0 })) {
        offsets.push(offsetOf(event));
        last = event.type;
        if (offsets.length === 20) await service.restart('SIGKILL');
        if (offsets.length === 90) await service.restart('SIGTERM');
      }
      assert.equal(last, 'crawl.finished');
      assert.deepEqual(
        offsets,
        Array.from({ length: offsets.length }, (_, i) => i + 1),
      );
      const { items } = await client.results();
      assert.equal(items?.length, 150);
    });

    it('misses nothing that was appended while it was away, of what it subscribed to', async (test) => {
      const service = await startService(test, 20);
      const client = connect(service.url, { transport, WebSocket });
      const seen: unknown[] = [];
      let killing: Promise<void> | undefined;
      const stream = client.events({ type: 'quote' }).pipe(
        tap(({ data }) => {
          seen.push(data);
          if (seen.length === 30) killing = service.restart('SIGKILL');
        }),
        skipWhile(() => seen.length < 100),
      );
      const whole = firstValueFrom(stream);
      await client.crawl();
      await whole;
      await killing;
      const { items } = await client.results({ partial: true });
      assert.deepEqual(seen, items?.slice(0, 100));
    });

    it('closes its connection when it is unsubscribed', async (test) => {
      let sockets = 0;
      const server = createServer((socket) => {
        sockets++;
        socket.on('close', () => server.close());
        socket.resume();
      }).listen(0, '127.0.0.1');
      test.after(() => server.close());
      await once(server, 'listening');
      const address = server.address();
      assert.ok(typeof address === 'object' && address !== null);
      let isFinal = false;
      const client = connect(`http://127.0.0.1:${address.port}`, { transport, WebSocket });
      const subscription: Subscription = client
        .events()
        .pipe(
          finalize(() => {
            isFinal = true;
          }),
        )
        .subscribe();
      await once(server, 'connection');
      subscription.unsubscribe();
      await once(server, 'close');
      assert.equal(sockets, 1);
      assert.ok(isFinal);
    });
  });
}
