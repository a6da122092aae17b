import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Running, runService, runToEnd, transports } from '../support/process.js';
import { readSse, readUntil, tryWs } from '../support/readers.js';
import { serveHere } from '../support/service.js';
import { serveSite } from '../support/sites.js';

const friend = 'https://friend.example';
const foe = 'https://foe.example';
const guarded = ['--token', 'write-it', '--read-token', 'read-it'];

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

async function statusOf(service: Running, path: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(service.url + path, init);
  await response.body?.cancel();
  return response.status;
}

for (const { transport, skip } of transports) {
  describe(`access over ${transport}`, { skip }, () => {
    test('a service with tokens answers only those who have the right one', async (t) => {
      const service = await runService(t, transport, [...guarded, '--start-url', 'http://127.0.0.1:1/']);
      const table: [path: string, headers: Record<string, string>, status: number][] = [
        ['/healthz', {}, 200],
        ['/results', {}, 401],
        ['/results', bearer('wrong'), 401],
        ['/results', bearer('read-it'), 200],
        ['/results', bearer('write-it'), 200],
        ['/results?access_token=read-it', {}, 200],
        ['/events', {}, 401],
        ['/events?access_token=wrong', {}, 401],
        ['/events?access_token=read-it', {}, 200],
        ['/events', bearer('read-it'), 200],
        ['/crawl', {}, 401],
        ['/crawl', bearer('read-it'), 403],
        ['/crawl?access_token=write-it', {}, 401],
        ['/crawl', bearer('write-it'), 200],
      ];
      for (const [path, headers, status] of table) {
        assert.equal(await statusOf(service, path, { headers }), status, `${path} ${JSON.stringify(headers)}`);
      }
      const refused = await fetch(`${service.url}/results`);
      assert.match(refused.headers.get('www-authenticate') ?? '', /^Bearer/);
      assert.equal(await statusOf(service, '/crawls/any/pause', { method: 'POST' }), 401);
      assert.equal(await statusOf(service, '/crawls/any/pause', { method: 'POST', headers: bearer('write-it') }), 404);

      assert.equal(await tryWs(`${service.url}/ws`), 401);
      assert.equal(await tryWs(`${service.url}/ws?access_token=wrong`), 401);
      assert.equal(await tryWs(`${service.url}/ws?access_token=read-it`), 101);
      assert.equal(await tryWs(`${service.url}/ws`, { headers: bearer('read-it') }), 101);
      assert.ok(!service.stderr().includes('-it'), 'no token is in the log');
    });

    test('tail says how to give the token', async (t) => {
      const service = await runService(t, transport, ['--read-token', 'read-it']);
      const tail = await runToEnd(['tail', service.url]);
      const refused = `crawlcast: ${service.url} answers 401: give its token with --token, or in CRAWLCAST_TOKEN\n`;
      assert.deepEqual([tail.code, tail.stderr], [2, refused]);
      const wrong = await runToEnd(['tail', service.url, '--token', 'wrong']);
      assert.match(wrong.stderr, /answers 401: this is no token of this service\n$/);
    });

    test('that a crawl failed is said to whoever may start the next one', async (t) => {
      const site = await serveSite(t, (_path, response) => response.writeHead(404).end());
      const service = await serveHere(t, { transport, token: 'write-it', startUrl: [`${site.url}/`] });
      const crawl = (headers: Record<string, string>) => fetch(`${service.url}/crawl`, { headers });
      const reader = await readSse(service.url, '?since=0');
      assert.equal(await (await crawl(bearer('write-it'))).text(), 'SCRAPING');
      await readUntil(reader, 'crawl.failed');
      reader.close();
      assert.equal((await crawl({})).status, 401);
      const answers = await Promise.all(
        Array.from({ length: 5 }, async () => (await crawl(bearer('write-it'))).text()),
      );
      const count = (text: string) => answers.filter((answer) => answer === text).length;
      assert.deepEqual([count('SCRAPE FAILED'), count('SCRAPING'), count('SCRAPE IN PROGRESS')], [1, 1, 3]);
    });

    test('only origins that are allowed, and its own, get in from a browser', async (t) => {
      const service = await serveHere(t, { transport, readToken: 'read-it', corsOrigin: [friend] });
      const asked = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'last-event-id' };
      const preflight = (origin: string) =>
        fetch(`${service.url}/events`, { method: 'OPTIONS', headers: { origin, ...asked } });
      const welcome = await preflight(friend);
      assert.equal(welcome.status, 204);
      assert.equal(welcome.headers.get('access-control-allow-origin'), friend);
      assert.match(welcome.headers.get('access-control-allow-headers') ?? '', /last-event-id/i);
      assert.equal(welcome.headers.get('allow'), 'GET, HEAD, OPTIONS');
      assert.match(welcome.headers.get('vary') ?? '', /origin/i);
      assert.equal((await preflight(foe)).headers.get('access-control-allow-origin'), null);

      for (const [origin, allowed] of [
        [friend, friend],
        [foe, null],
        ['null', null],
      ]) {
        const headers = { origin: origin ?? '', ...bearer('read-it') };
        const snapshot = await fetch(`${service.url}/results`, { headers });
        const stream = await readSse(service.url, '', headers);
        const refusal = await fetch(`${service.url}/nothing`, { headers });
        for (const { headers: answered } of [snapshot, stream.response, refusal]) {
          assert.equal(answered.get('access-control-allow-origin'), allowed, `${origin}`);
        }
        stream.close();
      }
      const url = `${service.url}/ws?access_token=read-it`;
      assert.equal(await tryWs(url, { origin: friend }), 101);
      assert.equal(await tryWs(url, { origin: service.url }), 101);
      assert.equal(await tryWs(url, { origin: foe }), 403);
      assert.equal(await tryWs(url, { origin: 'null' }), 403);
    });

    test('with --cors-origin * every origin may, and none is reflected', async (t) => {
      const service = await runService(t, transport, ['--cors-origin', '*']);
      const answer = await fetch(`${service.url}/results`, { headers: { origin: foe } });
      assert.equal(answer.headers.get('access-control-allow-origin'), '*');
      assert.equal(answer.headers.get('access-control-allow-credentials'), null);
      assert.equal(await tryWs(`${service.url}/ws`, { origin: foe }), 101);
    });
  });
}
