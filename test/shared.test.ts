/** Several processes of the product on one NATS JetStream cluster. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { assertWhole, type LongSite, startLongSite } from './support/long-site.js';
import { hasNats, type NatsServer, startNats, startNatsCluster } from './support/nats.js';
import { freePort } from './support/ports.js';
import { type Running, run, runToEnd, temporaryFolder } from './support/process.js';
import { readSse, readUntil, type SeenEvent, take } from './support/readers.js';

const skip = !hasNats && 'there is no nats-server here';
let nats: NatsServer;
let streams = 0;

/** A log of the test's own on the server that all tests share. */
function newStore(server: NatsServer = nats): string {
  streams += 1;
  return `${server.url}?stream=shared-${streams}`;
}

function startProcess(t: TestContext, store: string, site: LongSite, data = temporaryFolder(t)): Promise<Running> {
  const own = ['--port', '0', '--workers', '1', '--data', data, '--start-url', site.url];
  return run(t, ['serve', ...own, '--store', store]);
}

async function crawlsOf({ url }: Running): Promise<{ id: string; state: string; stats: { pages: number } }[]> {
  return JSON.parse(await (await fetch(`${url}/crawls`)).text());
}

async function control({ url }: Running, id: string, action: string): Promise<[number, string]> {
  const response = await fetch(`${url}/crawls/${id}/${action}`, { method: 'POST' });
  return [response.status, JSON.parse(await response.text()).state];
}

const json = { 'content-type': 'application/json' };
const lasts = ['crawl.finished', 'crawl.failed', 'crawl.cancelled'] as const;

/** What a reader from the beginning gets, to the end of the first crawl. */
async function wholeLog({ url }: Running): Promise<SeenEvent[]> {
  return readUntil(await readSse(url, '?since=0'), ...lasts);
}

/** A crawl that finished has every page of its site once, and counts what is in the log. */
function assertFinished(events: readonly SeenEvent[]): void {
  const last = events.at(-1);
  assert.equal(last?.type, 'crawl.finished', JSON.stringify(last));
  assertWhole(events);
  assertCounted(events);
}

/** The last event tells how many there are of each type. */
function assertCounted(events: readonly SeenEvent[]): void {
  const found: Record<string, number> = {};
  for (const { type } of events) found[type] = (found[type] ?? 0) + 1;
  // The last event of a crawl has them, as the contract says.
  const data = events.at(-1)?.data as { counts: unknown } | undefined;
  assert.deepEqual(found, data?.counts);
}

const idsOf = (events: readonly SeenEvent[]) => events.map(({ id }) => id);

describe('processes that share a store', { skip, concurrency: 2 }, () => {
  before(async () => {
    nats = await startNats();
  });
  after(() => nats.end());

  it('show the same log, wherever its crawls run', async (t) => {
    const [store, site] = [newStore(), await startLongSite(t, { pages: 60 })];
    const [one, two] = [await startProcess(t, store, site), await startProcess(t, store, site)];
    const live = readUntil(await readSse(two.url, '?since=0'), ...lasts);
    assert.equal(await (await fetch(`${one.url}/crawl`)).text(), 'SCRAPING');
    const events = await live;
    assertFinished(events);
    assert.deepEqual(idsOf(await wholeLog(one)), idsOf(events));
    assert.equal(await (await fetch(`${two.url}/crawl`)).text(), 'SCRAPE COMPLETE');
    const results = await Promise.all([one, two].map(async ({ url }) => (await fetch(`${url}/results`)).text()));
    assert.equal(results[0], results[1]);
    assert.equal(await one.end(), 0);
    assert.equal(await two.end(), 0);
  });

  it('run crawls at the same time, each event in one order for all', async (t) => {
    const store = newStore();
    const sites = await Promise.all([startLongSite(t, { pages: 80 }), startLongSite(t, { pages: 80 })]);
    const [one, two] = await Promise.all([startProcess(t, store, sites[0]), startProcess(t, store, sites[1])]);
    const readers = await Promise.all([one, two].map(({ url }) => readSse(url, '?since=0')));
    for (const { url } of [one, two]) {
      const body = JSON.stringify({ spider: 'quotes' });
      assert.equal((await fetch(`${url}/crawls`, { method: 'POST', headers: json, body })).status, 201);
    }
    const seen = await Promise.all(
      readers.map(async (reader) => [...(await readUntil(reader, ...lasts)), ...(await readUntil(reader, ...lasts))]),
    );
    assert.deepEqual(idsOf(seen[0] ?? []), idsOf(seen[1] ?? []));
    for (const { id } of await crawlsOf(one)) {
      assertFinished((seen[0] ?? []).filter(({ source }) => source === `/crawls/${id}`));
    }
  });

  it('start one crawl where two are asked for it at once', async (t) => {
    const [store, site] = [newStore(), await startLongSite(t, { pages: 20, hangs: true })];
    const processes = await Promise.all([1, 2, 3].map(() => startProcess(t, store, site)));
    const answers = await Promise.all(processes.map(async ({ url }) => (await fetch(`${url}/crawl`)).text()));
    assert.deepEqual(answers.sort(), ['SCRAPE IN PROGRESS', 'SCRAPE IN PROGRESS', 'SCRAPING']);
    for (const each of processes) assert.equal((await crawlsOf(each)).length, 1);
  });

  it('take up the crawl of one that was killed: nothing is lost, nothing comes twice', async (t) => {
    const [store, site] = [newStore(), await startLongSite(t, { pages: 200, hangs: true })];
    const [one, two] = await Promise.all([startProcess(t, store, site), startProcess(t, store, site)]);
    const live = await readSse(two.url, '?since=0');
    await fetch(`${one.url}/crawl`);
    const begun = await take(live, 200);
    await one.end('SIGKILL');
    site.letGo();
    const events = [...begun, ...(await readUntil(live, ...lasts))];
    assertFinished(events);
    assert.deepEqual(idsOf(await wholeLog(two)), idsOf(events));
  });

  it('fence off one that only seemed to be gone', { timeout: 60_000 }, async (t) => {
    const [store, site] = [newStore(), await startLongSite(t, { pages: 200, hangs: true })];
    const [one, two] = await Promise.all([startProcess(t, store, site), startProcess(t, store, site)]);
    const live = await readSse(two.url, '?since=0');
    await fetch(`${one.url}/crawl`);
    const begun = await take(live, 200);
    one.process.kill('SIGSTOP');
    site.letGo();
    const events = [...begun, ...(await readUntil(live, ...lasts))];
    one.process.kill('SIGCONT');
    assertFinished(events);
    assert.deepEqual(idsOf(await wholeLog(one)), idsOf(events));
    assert.equal((await crawlsOf(one))[0]?.state, 'finished');
  });

  it('pause, resume and cancel a crawl that another one runs', async (t) => {
    const [store, site] = [newStore(), await startLongSite(t, { pages: 200, hangs: true })];
    const [one, two] = await Promise.all([startProcess(t, store, site), startProcess(t, store, site)]);
    const live = await readSse(one.url, '?since=0');
    await fetch(`${one.url}/crawl`);
    const seen = await take(live, 100);
    const [{ id = '' } = {}] = await crawlsOf(two);
    assert.deepEqual(await control(two, id, 'pause'), [200, 'paused']);
    seen.push(...(await readUntil(live, 'crawl.paused')));
    assert.equal((await control(one, id, 'pause'))[0], 409);
    assert.deepEqual(await control(two, id, 'resume'), [200, 'running']);
    const after = await readUntil(live, 'crawl.resumed');
    assert.equal(after.length, 1, 'a paused crawl writes nothing');
    seen.push(...after, ...(await take(live, 50)));
    assert.deepEqual(await control(one, id, 'cancel'), [200, 'cancelled']);
    seen.push(...(await readUntil(live, ...lasts)));
    assertCounted(seen);
    assert.equal((await control(two, id, 'resume'))[0], 409);
  });

  it('start from the stream alone, and from the copy that they keep of it', async (t) => {
    const [store, site] = [newStore(), await startLongSite(t, { pages: 40 })];
    const data = temporaryFolder(t);
    const one = await startProcess(t, store, site, data);
    await fetch(`${one.url}/crawl`);
    const events = await wholeLog(one);
    assert.equal(await one.end(), 0);
    for (const folder of [data, temporaryFolder(t)]) {
      const again = await startProcess(t, store, site, folder);
      assert.deepEqual(idsOf(await wholeLog(again)), idsOf(events));
      assert.equal(await (await fetch(`${again.url}/crawl`)).text(), 'SCRAPE COMPLETE');
      await again.end();
    }
  });
});

describe('a store on three servers', { skip }, () => {
  it('goes on when any one of them is gone', { timeout: 90_000 }, async (t) => {
    const servers = await startNatsCluster();
    t.after(() => Promise.all(servers.map((server) => server.end())));
    const hosts = servers.map(({ port }) => `127.0.0.1:${port}`).join(',');
    const site = await startLongSite(t, { pages: 400, hangs: true });
    const service = await startProcess(t, `nats://${hosts}?stream=three&replicas=3`, site);
    const live = await readSse(service.url, '?since=0');
    await fetch(`${service.url}/crawl`);
    const seen = await take(live, 100);
    for (const server of servers) {
      await server.signal('SIGKILL');
      seen.push(...(await take(live, 100)));
      await server.start();
      await untilReady(service);
    }
    site.letGo();
    seen.push(...(await readUntil(live, ...lasts)));
    assertFinished(seen);
    assert.deepEqual(idsOf(await wholeLog(service)), idsOf(seen));
  });
});

describe('a store whose server is gone', { skip, concurrency: 2 }, () => {
  it('for a moment costs the crawl nothing but time', async (t) => {
    const server = await startNats();
    t.after(() => server.end());
    const site = await startLongSite(t, { pages: 300, hangs: true });
    const service = await startProcess(t, newStore(server), site);
    const live = await readSse(service.url, '?since=0');
    await fetch(`${service.url}/crawl`);
    const seen = await take(live, 100);
    for (let round = 0; round < 3; round += 1) {
      await server.signal('SIGKILL');
      await server.start();
      seen.push(...(await take(live, 100)));
    }
    site.letGo();
    seen.push(...(await readUntil(live, ...lasts)));
    assertFinished(seen);
    assert.doesNotMatch(service.stderr(), /cannot be written/);
  });

  it('for longer lets crawls rest and readers live on, says so, and all goes on when it is back', async (t) => {
    const server = await startNats();
    t.after(() => server.end());
    const site = await startLongSite(t, { pages: 200, hangs: true });
    const service = await startProcess(t, newStore(server), site);
    const live = await readSse(service.url, '?since=0');
    await fetch(`${service.url}/crawl`);
    const seen = await take(live, 100);
    await server.signal('SIGKILL');
    site.letGo();
    await service.until(/"code":"store.failed".*does not answer/, 'stderr');
    const asked = site.requests();
    await service.until(/("code":"store.failed".*\n.*){3}/, 'stderr');
    assert.equal(site.requests(), asked, 'no site is asked for what cannot be written');
    const ready = await fetch(`${service.url}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /NATS at 127\.0\.0\.1:\d+ does not answer/);
    const body = JSON.stringify({ spider: 'quotes' });
    const refused = await fetch(`${service.url}/crawls`, { method: 'POST', headers: json, body });
    assert.equal(refused.status, 503);
    assert.match(await refused.text(), /"code":"store.failed"/);
    const replay = await readSse(service.url, '?since=0');
    assert.deepEqual(idsOf(await take(replay, 100)), idsOf(seen));
    replay.close();
    await server.start();
    seen.push(...(await readUntil(live, ...lasts)));
    assertFinished(seen);
    await untilReady(service);
  });

  it('ends a service in time', async (t) => {
    const server = await startNats();
    t.after(() => server.end());
    const site = await startLongSite(t, { pages: 200 });
    const service = await startProcess(t, newStore(server), site);
    await fetch(`${service.url}/crawl`);
    await server.signal('SIGKILL');
    const startedMs = performance.now();
    assert.equal(await service.end(), 0);
    assert.ok(performance.now() - startedMs < 10_000);
  });

  it('or never was there is one line at the start', async (t) => {
    const port = await freePort();
    const data = temporaryFolder(t);
    const cases: readonly [store: string, code: number, line: RegExp][] = [
      [`nats://me:secret@127.0.0.1:${port}`, 1, /^crawlcast: NATS at 127\.0\.0\.1:\d+ cannot be reached: /],
      ['http://me:secret@127.0.0.1', 2, /--store/],
      ['nats://', 2, /--store/],
      ['nats://me:secret@127.0.0.1:99999', 2, /--store/],
      ['nats://127.0.0.1?replica=3', 2, /--store.*"replica"/],
      ['nats://127.0.0.1?replicas=9', 2, /--store.*replicas/],
      ['nats://127.0.0.1?stream=a.b', 2, /--store.*stream/],
    ];
    for (const [store, code, line] of cases) {
      const outcome = await runToEnd(['serve', '--port', '0', '--data', data, '--store', store]);
      assert.deepEqual([outcome.code, outcome.stdout, outcome.stderr.trimEnd().split('\n').length], [code, '', 1]);
      assert.match(outcome.stderr, line);
      assert.doesNotMatch(outcome.stderr, /secret/, store);
    }
  });

  it('or has no JetStream, or wants another password, is one line at the start, without the password', async (t) => {
    const server = await startNats('--user', 'me', '--pass', 'right');
    t.after(() => server.end());
    const data = temporaryFolder(t);
    const site = await startLongSite(t, { pages: 1 });
    const wrong = `nats://me:wrong-secret@127.0.0.1:${server.port}`;
    const refused = await runToEnd(['serve', '--port', '0', '--data', data, '--store', wrong]);
    assert.deepEqual([refused.code, refused.stderr.trimEnd().split('\n').length], [1, 1]);
    assert.doesNotMatch(refused.stderr, /secret/);
    const service = await startProcess(t, `nats://me:right@127.0.0.1:${server.port}`, site);
    await fetch(`${service.url}/crawl`);
    await wholeLog(service);
    assert.equal(await service.end(), 0);
    assert.doesNotMatch(service.stderr(), /right/);
  });
});

async function untilReady({ url }: Running): Promise<void> {
  while ((await fetch(`${url}/readyz`)).status !== 200) await pause(50);
}
