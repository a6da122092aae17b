import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RunningService } from '#src/service.js';
import { openLogService, transports } from './support/log-service.js';

for (const transport of transports) {
  describe(`the dashboard's files over ${transport}`, () => {
    let service: RunningService;
    let page: string;

    before(async () => {
      service = await openLogService({ transport });
      page = await (await fetch(service.url)).text();
    });
    after(() => service.close());

    const assets = () => [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);

    it('are all of the service itself', () => {
      assert.ok(assets().length >= 2);
      for (const path of assets()) assert.match(path, /^\/assets\/[\w.-]+$/);
    });

    it('take less than 150 KB, gzipped, in all', async () => {
      let bytes = 0;
      for (const path of ['/', ...assets()]) {
        const answer = await fetch(service.url + path, { method: 'HEAD', headers: { 'accept-encoding': 'gzip' } });
        assert.equal(answer.headers.get('content-encoding'), 'gzip');
        bytes += Number(answer.headers.get('content-length'));
      }
      assert.ok(bytes > 10_000 && bytes < 150_000, `${bytes} bytes`);
    });

    it('say how long they are good for', async () => {
      const { headers } = await fetch(service.url);
      assert.equal(headers.get('cache-control'), 'no-cache');
      const script = await fetch(service.url + assets()[0]);
      assert.match(script.headers.get('cache-control') ?? '', /immutable/);
    });

    it('are not sent again to who has them', async () => {
      const first = await fetch(service.url);
      await first.arrayBuffer();
      const etag = first.headers.get('etag') ?? '';
      const again = await fetch(service.url, { headers: { 'if-none-match': `W/${etag}` } });
      assert.equal(again.status, 304);
      assert.equal((await again.arrayBuffer()).byteLength, 0);
      const other = await fetch(service.url, { headers: { 'if-none-match': '"another"' } });
      assert.equal(other.status, 200);
    });

    it('may load and ask nothing but the service', async () => {
      const { headers } = await fetch(service.url);
      const policy = headers.get('content-security-policy') ?? '';
      assert.match(policy, /default-src 'none'/);
      assert.doesNotMatch(policy, /unsafe|https?:|\*/);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.doesNotMatch(page, /<style|<script(?! type="module" crossorigin src=)| on\w+=| style=/);
    });

    it('are no way to other files', async () => {
      for (const path of ['/assets/..%2f..%2fcli.js', '/assets/%2e%2e/cli.js', '/assets/none.js', '/cli.js']) {
        assert.equal((await fetch(service.url + path)).status, 404, path);
      }
    });
  });
}
