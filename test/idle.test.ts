import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { listen } from '#src/serve/listen.js';
import type { ByteSink, Service, Socket } from '#src/serve/transport.js';
import { RawClient } from './support/raw-client.js';
import { openRawWebSocket } from './support/raw-websocket.js';

const get = 'GET / HTTP/1.1\r\nHost: test\r\n\r\n';
/** More than the 12 s after which uWebSockets.js would have closed, and the timers' slack. */
const longMs = 14_000;

// What is about time needs time: each of these waits, and all of them wait together.
describe('transports, over time', { concurrency: true }, () => {
  for (const kind of ['uws', 'ws'] as const)
    describe(kind, { concurrency: true }, () => {
      it('keeps a stream that was full, has drained, and then idles', async () => {
        let sink: ByteSink | undefined;
        await using served = await serve(kind, (stream) => {
          sink = stream;
          while (stream.write(Buffer.alloc(100_000, 'a')));
        });
        using client = new RawClient(served.port);
        client.send(get);
        await delay(longMs);
        sink?.write('the end');
        await client.untilText('the end');
      });

      it('keeps a stream whose reader stands still, and sends the rest when it goes on', async () => {
        let drained = false;
        await using served = await serve(kind, (stream) => {
          stream.onDrain = () => {
            drained = true;
            stream.write('the end');
          };
          while (stream.write(Buffer.alloc(100_000, 'a')));
        });
        using client = new RawClient(served.port);
        client.send(get);
        await client.untilText('\r\n\r\n');
        client.socket.pause();
        await delay(longMs);
        client.socket.resume();
        await client.untilText('the end');
        assert.ok(drained);
      });

      it('keeps a stream on which nothing happens', async () => {
        let sink: ByteSink | undefined;
        await using served = await serve(kind, (stream) => {
          sink = stream;
        });
        using client = new RawClient(served.port);
        client.send(get);
        await delay(longMs);
        sink?.write('the end');
        await client.untilText('the end');
      });

      it('keeps a WebSocket whose reader stands still', async () => {
        let socket: Socket | undefined;
        await using served = await serve(
          kind,
          () => {},
          (accepted) => {
            socket = accepted;
            while (accepted.send(['a'.repeat(100_000)]));
            accepted.onDrain = () => accepted.send(['the end']);
          },
        );
        using client = await openRawWebSocket(served.port);
        client.socket.pause();
        await delay(longMs);
        client.socket.resume();
        await client.untilText('the end');
        assert.ok(socket);
      });

      it('breaks off a peer that does not answer a close', async () => {
        await using served = await serve(
          kind,
          () => {},
          (accepted) => accepted.close(1000, 'done'),
        );
        using client = await openRawWebSocket(served.port);
        const before = Date.now();
        await client.closed;
        assert.ok(Date.now() - before < 6_000);
      });

      it('closes a connection whose head comes too slowly', async () => {
        await using served = await serve(kind, () => {});
        using client = new RawClient(served.port);
        client.send('GET / HTTP/1.1\r\nHost: te');
        const drip = setInterval(() => client.send('s'), 500);
        await client.closed;
        clearInterval(drip);
      });
    });
});

async function serve(
  kind: 'uws' | 'ws',
  onStream: (sink: ByteSink) => void,
  onSocket: (socket: Socket) => void = () => {},
): Promise<AsyncDisposable & { port: number }> {
  const service: Service = {
    request: (_, response) => onStream(response.stream(200, {}, 'the beginning')),
    upgrade: () => ({ accept: onSocket }),
  };
  const transport = await listen(kind, service, '127.0.0.1', 0);
  return { port: transport.port, [Symbol.asyncDispose]: () => transport.close() };
}
