import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { quotesOfPage, startSite } from '#src/site/site.js';
import { openEmbeddedStore } from '#src/store/embedded.js';
import { launch, type Running, run, runService, runToEnd, temporaryFolder, transports } from '../support/process.js';
import { readAll, readSse, readUntil, readWs, type SeenEvent } from '../support/readers.js';

async function practiceSite(test: TestContext, options: Parameters<typeof startSite>[0] = {}): Promise<string> {
  const site = await startSite(options);
  test.after(() => site.close());
  return `${site.url}/`;
}

async function textOf(service: Running, path: string): Promise<string> {
  return await (await fetch(service.url + path)).text();
}

/** What comes until the service is killed, or the crawl is over; `onQuote` counts the quotes. */
async function readOn(
  service: Running,
  since: string,
  onQuote: (count: number) => void,
): Promise<{ seen: SeenEvent[]; since: string }> {
  const reader = await readSse(service.url, `?since=${since}`);
  const seen: SeenEvent[] = [];
  let quotes = 0;
  try {
    for await (const event of reader) {
      seen.push(event);
      if (event.type === 'quote') onQuote(++quotes);
      if (event.type === 'crawl.finished') break;
    }
  } catch {
    // it was killed
  }
  reader.close();
  return { seen, since: seen.at(-1)?.id ?? since };
}

for (const { transport, skip } of transports) {
  describe(`service over ${transport}`, { skip, concurrency: 2 }, () => {
    test('a restart keeps /crawl, /results and the log', async (t) => {
      const data = temporaryFolder(t);
      const args = ['--data', data, '--start-url', await practiceSite(t)];
      const before = await runService(t, transport, args);
      const reader = await readSse(before.url);
      await textOf(before, '/crawl');
      const events = await readUntil(reader, 'crawl.finished');
      const results = await textOf(before, '/results');
      assert.equal(await before.end(), 0);

      const after = await runService(t, transport, args);
      assert.equal(await textOf(after, '/crawl'), 'SCRAPE COMPLETE');
      assert.equal(await textOf(after, '/results'), results);
      const again = await readUntil(await readSse(after.url, '?since=0'), 'crawl.finished');
      assert.deepEqual(again, events);
      assert.equal(await after.end('SIGINT'), 0);
      assert.doesNotMatch(before.stderr() + after.stderr(), /\n\s+at /);
    });

    test('SIGTERM ends open streams cleanly, and the process soon', async (t) => {
      const site = await practiceSite(t, { dripMs: 200 });
      const service = await runService(t, transport, ['--start-url', site]);
      const sse = await readSse(service.url);
      const ws = await readWs(service.url);
      await textOf(service, '/crawl');
      await readUntil(ws, 'quote');
      const closed = once(ws.socket, 'close');
      const startedMs = performance.now();
      const [code, events, [closeCode]] = await Promise.all([service.end(), readAll(sse), closed]);
      assert.equal(code, 0);
      assert.ok(performance.now() - startedMs < 10_000);
      assert.equal(events[0]?.type, 'crawl.started');
      assert.equal(closeCode, 1001);
    });

    test('a crawl goes on after SIGKILL and SIGTERM, with no item lost and none twice', async (t) => {
      const pages = 5;
      const site = await practiceSite(t, { pages, perPage: 6, dripMs: 10 });
      const args = ['--data', temporaryFolder(t), '--start-url', site];
      const seen: SeenEvent[] = [];
      let since = '0';
      for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGKILL', undefined] as const) {
        const service = await runService(t, transport, args);
        if (since === '0') await textOf(service, '/crawl');
        const part = await readOn(service, since, (count) => {
          if (count === 4 && signal !== undefined) service.process.kill(signal);
        });
        seen.push(...part.seen);
        since = part.since;
        if (signal === undefined) assert.equal(await textOf(service, '/crawl'), 'SCRAPE COMPLETE');
      }
      const quotes = seen.filter(({ type }) => type === 'quote').map(({ data }) => data);
      const expected = Array.from({ length: pages }, (_, index) =>
        quotesOfPage({ pages, perPage: 6 }, index + 1),
      ).flat();
      assert.deepEqual(quotes, expected);
      assert.deepEqual(
        seen.map(({ id }) => Number(id.split('-')[1])),
        seen.map((_, index) => index + 1),
      );
      assert.equal(seen.filter(({ type }) => type === 'crawl.finished').length, 1);
    });

    test('a second process is refused the data directory, and the port, in one line', async (t) => {
      const data = temporaryFolder(t);
      const { url } = await runService(t, transport, ['--data', data]);
      const { port } = new URL(url);
      const own = ['serve', '--transport', transport];
      const onData = await runToEnd([...own, '--port', '0', '--data', data]);
      assert.equal(onData.code, 1);
      assert.match(onData.stderr, /^crawlcast: .*data directory.*\n$/i);
      const onPort = await runToEnd([...own, '--port', port, '--data', temporaryFolder(t)]);
      assert.equal(onPort.code, 1);
      assert.match(onPort.stderr, new RegExp(`^crawlcast: .*${port}.*in use.*\n$`));
      assert.equal(onData.stdout + onPort.stdout, '');
    });

    test('tail survives a restart of the service', async (t) => {
      const args = ['--data', temporaryFolder(t), '--start-url', await practiceSite(t, { pages: 2 })];
      const before = await runService(t, transport, args);
      const tail = launch(t, ['tail', before.url, '--type', 'quote', '--since', '0', '--json']);
      await textOf(before, '/crawl');
      const countOf = (lines: number) => new RegExp(`^(?:.*\n){${lines}}`);
      await tail.until(countOf(20));
      // Killed earlier, the crawl would go on afterwards, and no other could begin.
      await readUntil(await readSse(before.url, '?type=crawl.finished&since=0'), 'crawl.finished');
      await before.end('SIGKILL');
      await tail.until(/again/, 'stderr');
      const after = await runService(t, transport, [...args, '--port', new URL(before.url).port]);
      await textOf(after, '/crawl?restart=true');
      await tail.until(countOf(40));
      assert.equal(await tail.end('SIGINT'), 0);
      const ids = tail
        .stdout()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).id);
      assert.equal(new Set(ids).size, 40);
      assert.equal(ids.length, 40);
    });
  });
}

test('a variable stands in for an option; the option goes before it', async (t) => {
  const free = await startSite();
  const { port } = free;
  await free.close();
  const env = { CRAWLCAST_PORT: String(port), CRAWLCAST_DATA: temporaryFolder(t), CRAWLCAST_TRANSPORT: 'ws' };
  const byVariable = await run(t, ['serve'], env);
  assert.equal(new URL(byVariable.url).port, String(port));
  await byVariable.end();
  const byOption = await run(t, ['serve', '--port', '0'], env);
  assert.notEqual(new URL(byOption.url).port, String(port));
  await byOption.end();
  // Also where what the variable says is nothing that can be meant.
  const nonsense = { CRAWLCAST_PORT: 'some', CRAWLCAST_ALLOW_PRIVATE_NETWORKS: 'maybe' };
  await run(t, ['serve', '--port', '0', '--allow-private-networks'], { ...env, ...nonsense });
});

test('demo --once shows the quotes and ends with 0', async () => {
  const { code, stdout, stderr } = await runToEnd(['demo', '--once', '--port', '0', '--pages', '3']);
  assert.equal(code, 0);
  assert.match(stdout, /30 quotes from 3 pages/);
  assert.equal(stderr, '');
});

test('demo that is interrupted ends, and does not say that it still runs', async (t) => {
  const demo = launch(t, ['demo', '--port', '0', '--drip', '200']);
  await demo.until(/ — /);
  assert.equal(await demo.end('SIGINT'), 0);
  assert.match(demo.stdout(), /^\d+ quotes? from \d+ pages?\.$/m);
  assert.doesNotMatch(demo.stdout(), /still running/);
});

test('demo leaves nothing behind, also where its reader hangs up', async (t) => {
  const tmp = temporaryFolder(t);
  const demo = launch(t, ['demo', '--port', '0', '--drip', '50'], { TMPDIR: tmp });
  const exited = once(demo.process, 'exit');
  await demo.until(/ — /);
  assert.equal(readdirSync(tmp).length, 1);
  demo.process.stdout.destroy();
  assert.deepEqual(await exited, [0, null]);
  assert.deepEqual(readdirSync(tmp), []);
});

test('serve ends where a crawl of its log cannot be taken up', { timeout: 30_000 }, async (t) => {
  const data = temporaryFolder(t);
  const store = await openEmbeddedStore(data);
  const known = { id: 'a', spider: 'a', definition: {}, origin: 'local', start: [], settings: {} } as const;
  await store.commit({ crawl: 'a', record: { ...known, state: 'running', startedAt: new Date().toISOString() } });
  await store.close();
  const { code, stdout } = await runToEnd(['serve', '--port', '0', '--data', data]);
  assert.deepEqual([code, stdout], [1, '']);
});
