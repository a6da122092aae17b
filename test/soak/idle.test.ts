import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { appendItems, eventOf, recordOf, startLogService, transports } from '../support/log-service.js';
import { RawClient } from '../support/raw-client.js';
import { openRawWebSocket } from '../support/raw-websocket.js';

for (const transport of transports) {
  describe(`a stream that was back-pressured (${transport})`, { concurrency: true }, () => {
    for (const protocol of ['sse', 'ws'] as const) {
      it(`and then idles for 20 s is still open and gets the next event (${protocol})`, async (t) => {
        const { store, transport: server } = await startLogService(t, { transport });
        await store.commit({ crawl: 'a', record: recordOf('a') });
        using client =
          protocol === 'ws' ? await openRawWebSocket(server.port, '/ws?since=0') : new RawClient(server.port);
        if (protocol === 'sse') client.send('GET /events?since=0 HTTP/1.1\r\nHost: test\r\n\r\n');
        await appendItems(store, 'a', 1, 1);
        await client.untilText(`${store.log.epoch}-1"`);
        client.socket.pause();
        const text = 'x'.repeat(10_000);
        for (let step = 0; step < 80; step++) {
          await store.commit({ crawl: 'a', events: Array.from({ length: 20 }, () => eventOf('a', 'quote', { text })) });
        }
        await delay(1_000);
        client.socket.resume();
        await client.untilText(`"id":"${store.log.epoch}-${store.log.last}"`);
        client.forget();
        await delay(20_000);
        await appendItems(store, 'a', 2, 1);
        await client.untilText(`"id":"${store.log.epoch}-${store.log.last}"`);
        assert.equal(client.socket.destroyed, false);
      });
    }
  });
}
