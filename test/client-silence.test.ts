import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect } from 'crawlcast/client';
import { filter, firstValueFrom, Subject } from 'rxjs';
import { WebSocket, WebSocketServer } from 'ws';
import { beginStream, block, standIn } from './support/stand-in.js';

// In a file of their own: a clock that is not the real one cannot stop the real timers of other tests' sockets.
describe('a stream of the client that falls silent', () => {
  it('is opened again when it has fallen silent', async (test) => {
    test.mock.timers.enable({ apis: ['setTimeout'] });
    const service = await standIn(test, (_, response, count) => {
      beginStream(response).write(count === 1 ? 'id: e-7\n\n' : block(8, 'quote'));
    });
    const stream = connect(service.url, { transport: 'sse' }).events();
    const event = firstValueFrom(stream);
    await firstValueFrom(stream.state$.pipe(filter(({ state }) => state === 'live')));
    test.mock.timers.tick(45_000);
    assert.equal((await event).id, 'e-8');
    assert.equal(service.asked[1], 'GET /events?since=e-7');
  });

  it('is opened again when not even the head of an answer comes', async (test) => {
    test.mock.timers.enable({ apis: ['setTimeout'] });
    const asked = new Subject<number>();
    const service = await standIn(test, (_, response, count) => {
      if (count > 1) beginStream(response).write(block(8, 'quote'));
      asked.next(count);
    });
    const first = firstValueFrom(asked);
    const event = firstValueFrom(connect(service.url, { transport: 'sse' }).events());
    await first;
    test.mock.timers.tick(45_000);
    // The wait before it asks again.
    const second = firstValueFrom(asked);
    await new Promise(setImmediate);
    test.mock.timers.tick(5_000);
    await second;
    assert.equal((await event).id, 'e-8');
  });

  it('is asked for a sign of life when it is silent, and given up where none comes', async (test) => {
    test.mock.timers.enable({ apis: ['setTimeout'] });
    const starts: string[] = [];
    const asked = new Subject<number>();
    const service = await standIn(
      test,
      (_, response) => response.end(),
      new WebSocketServer({ noServer: true }).on('connection', (socket) => {
        socket.on('message', (text) => {
          starts.push(JSON.parse(String(text)).subscribe.since);
          if (starts.length < 3) socket.send('{"subscribed":{"cursor":"e-7"}}');
          asked.next(starts.length);
        });
      }),
    );
    const heard = new Subject<unknown>();
    let opened = 0;
    class Watched extends WebSocket {
      constructor(url: string) {
        super(url);
        opened++;
        this.on('message', (text) => heard.next(text));
      }
    }
    const stream = connect(service.url, { transport: 'ws', WebSocket: Watched }).events();
    const first = firstValueFrom(heard);
    const subscription = stream.subscribe();
    await first;
    const answer = firstValueFrom(heard);
    test.mock.timers.tick(30_000);
    await answer;
    const unanswered = firstValueFrom(asked);
    test.mock.timers.tick(30_000);
    await unanswered;
    assert.equal(opened, 1);
    const again = firstValueFrom(asked);
    test.mock.timers.tick(15_000);
    await again;
    subscription.unsubscribe();
    assert.deepEqual(starts, ['now', 'e-7', 'e-7', 'e-7']);
    assert.equal(opened, 2);
  });
});
