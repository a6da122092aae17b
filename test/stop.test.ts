import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { transports } from './support/log-service.js';
import { assertWhole, startLongSite } from './support/long-site.js';
import { run, temporaryFolder } from './support/process.js';
import { RawClient } from './support/raw-client.js';
import { closeCode, handshakeRequest, readFrames } from './support/raw-websocket.js';
import { readSse, readUntil } from './support/readers.js';

for (const transport of transports) {
  describe(`SIGTERM (${transport})`, () => {
    it('under load, with readers that are stuck and a site that hangs, ends all cleanly; the next start goes on', async (t) => {
      const site = await startLongSite(t, { pages: 200, hangs: true });
      const args = ['serve', '--port', '0', '--data', temporaryFolder(t), '--transport', transport];
      const options = [...args, '--start-url', site.url];
      const service = await run(t, options);
      const port = Number(new URL(service.url).port);
      const stuck = Array.from({ length: 6 }, (_, i) => {
        const client = new RawClient(port);
        t.after(() => client.socket.destroy());
        client.socket.pause();
        const path = '?since=0';
        return client.send(
          i % 2 === 0 ? `GET /events${path} HTTP/1.1\r\nHost: test\r\n\r\n` : handshakeRequest(`/ws${path}`),
        );
      });
      using sse = new RawClient(port).send('GET /events?since=0 HTTP/1.1\r\nHost: test\r\n\r\n');
      using ws = new RawClient(port).send(handshakeRequest('/ws?since=0'));
      await Promise.all([sse.untilText('retry:'), ws.untilText('\r\n\r\n')]);
      await fetch(`${service.url}/crawl`);
      await ws.until((bytes) => bytes.length > 3_000_000);
      const startedMs = performance.now();
      const code = await service.end('SIGTERM');
      assert.equal(code, 0, service.stderr());
      const tookMs = performance.now() - startedMs;
      t.diagnostic(`it took ${Math.round(tookMs)} ms`);
      assert(tookMs < 10_000);
      await Promise.all([sse.closed, ws.closed]);
      assert(sse.text.endsWith('\n\n\r\n0\r\n\r\n'), sse.text.slice(-200));
      const afterHead = ws.bytes.subarray(ws.bytes.indexOf('\r\n\r\n') + 4);
      const last = readFrames(afterHead).at(-1);
      assert(last);
      assert.deepEqual([last.opcode, closeCode(last)], [8, 1001]);
      assert.equal(stuck.length, 6);
      assert.doesNotMatch(service.stderr(), /"level":(50|60)/);

      site.letGo();
      const next = await run(t, options);
      const events = await readUntil(
        await readSse(next.url, '?since=0&crawl=latest'),
        'crawl.finished',
        'crawl.failed',
      );
      const end = events.at(-1);
      assert.equal(end?.type, 'crawl.finished');
      assertWhole(events);
      assert.equal(await next.end(), 0);
    });

    it('that comes twice ends it no less cleanly', async (t) => {
      const service = await run(t, ['serve', '--port', '0', '--data', temporaryFolder(t), '--transport', transport]);
      using reader = new RawClient(Number(new URL(service.url).port)).send(
        'GET /events HTTP/1.1\r\nHost: test\r\n\r\n',
      );
      await reader.untilText('retry:');
      service.process.kill('SIGTERM');
      await service.until(/"stopping"/, 'stderr');
      assert.equal(await service.end('SIGTERM'), 0, service.stderr());
      assert.match(service.stderr(), /"stopped"/);
    });

    it('does not wait for the rest of a body that was answered before it came', async (t) => {
      const service = await run(t, ['serve', '--port', '0', '--data', temporaryFolder(t), '--transport', transport]);
      const head = 'POST /crawls HTTP/1.1\r\nHost: test\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n';
      using client = new RawClient(Number(new URL(service.url).port)).send(head);
      await client.untilText('body.type');
      const startedMs = performance.now();
      assert.equal(await service.end('SIGTERM'), 0, service.stderr());
      const tookMs = performance.now() - startedMs;
      assert(tookMs < 6_000, `it took ${Math.round(tookMs)} ms`);
    });
  });
}
