/** A service that has no file descriptors left: it says so, serves who is connected, loses no page, and recovers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Site, startSite } from '#src/site/site.js';
import { type Running, run, temporaryFolder, transports } from './support/process.js';
import { readAll, readSse, readWs } from './support/readers.js';

const openFiles = 128;

/** A service whose threads have begun: what they load takes many for a moment. */
async function start(t: TestContext, transport: string, site: Site): Promise<Running> {
  const own = ['--transport', transport, '--port', '0', '--workers', '1', '--data', temporaryFolder(t)];
  const args = ['serve', ...own, '--start-url', `${site.url}/`, '--allow-private-networks'];
  const service = await run(t, args, {}, openFiles);
  await fetch(`${service.url}/crawl`);
  await readAll(await readSse(service.url, '?crawl=latest&since=0'));
  return service;
}

/** Connects again and again, without ever saying a word, until it is told to stop. */
function flood(port: number): { stop(): void } {
  const sockets = new Set<Socket>();
  let flooding = true;
  const open = () => {
    if (!flooding) return;
    const socket = connect(port, '127.0.0.1');
    sockets.add(socket);
    socket
      .on('error', () => {})
      .on('close', () => {
        sockets.delete(socket);
        setTimeout(open, 20);
      });
  };
  for (let i = 0; i < 2 * openFiles; i++) open();
  return {
    stop() {
      flooding = false;
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Calls over one connection that is kept. */
async function call(agent: Agent, url: string, method: string, body?: unknown): Promise<number | undefined> {
  const headers = { 'content-type': 'application/json' };
  const text = body === undefined ? '' : JSON.stringify(body);
  const sent = request(url, { agent, method, headers: { ...headers, 'content-length': Buffer.byteLength(text) } });
  sent.end(text);
  const [response] = await once(sent, 'response');
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}

describe('without file descriptors', { concurrency: true }, () => {
  for (const { transport, skip } of transports) {
    it(`the service says so, serves who is connected, loses no page and recovers (${transport})`, {
      skip,
    }, async (t) => {
      const site = await startSite({ pages: 8, perPage: 5 });
      t.after(() => site.close());
      const service = await start(t, transport, site);
      const { url } = service;
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      t.after(() => agent.destroy());
      const readers = [
        ...(await Promise.all([1, 2, 3, 4].map(() => readSse(url)))),
        await readWs(url),
        await readWs(url),
      ];
      assert.equal(await call(agent, `${url}/crawls`, 'GET'), 200);

      const crowd = flood(Number(new URL(url).port));
      t.after(() => crowd.stop());
      const [line] = await service.until(/^.*"limit\.files".*$/m, 'stderr');
      assert.match(line, /"level":50.*"limit":128.*all file descriptors are in use/);
      // Where nothing can be opened, the system says of a name that it does not exist.
      const starts = [`${site.url.replace('127.0.0.1', 'localhost')}/`];
      const crawl = { spider: 'quotes', start: starts, settings: { robots: false } };
      assert.equal(await call(agent, `${url}/crawls`, 'POST', crawl), 201);
      const firsts = await Promise.all(readers.map((reader) => reader[Symbol.asyncIterator]().next()));
      assert.deepEqual(new Set(firsts.map(({ value }) => value?.type)), new Set(['crawl.started']));
      // Time for the pages to be given up, which must not happen.
      await delay(1_500);
      assert.equal(service.stderr().match(/limit\.files/g)?.length, 1, 'it is said once');

      crowd.stop();
      await service.until(/there are file descriptors again/, 'stderr');
      const events = await readAll(await readSse(url, '?crawl=latest&since=0'));
      const types = (type: string) => events.filter((event) => event.type === type).length;
      assert.deepEqual([types('quote'), types('page'), types('page.failed')], [40, 8, 0]);
      for (const reader of readers) reader.close();
      assert.equal(await service.end(), 0);
    });

    it(`streams leave some for pages and calls: one too many is refused, and its connection closed (${transport})`, {
      skip,
    }, async (t) => {
      const site = await startSite({ pages: 1 });
      t.after(() => site.close());
      const service = await start(t, transport, site);
      const { url } = service;
      await service.until(/"maxConnections":48/, 'stderr');
      const open = await Promise.all(Array.from({ length: 48 }, () => readSse(url)));
      assert.deepEqual(new Set(open.map(({ response }) => response.status)), new Set([200]));
      for (let i = 0; i < 100; i++) {
        const refused = await fetch(`${url}/events`);
        const { status, headers } = refused;
        await refused.text();
        assert.deepEqual([status, headers.get('connection')], [503, 'close']);
      }
      await service.until(/there is no room for more streams/, 'stderr');
      assert.equal((await fetch(`${url}/crawls`)).status, 200);
      assert.ok(service.stderr().split('\n').length < 10, 'a crowd does not fill the log');
      for (const reader of open) reader.close();
    });
  }
});
