import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSite } from '#src/site/site.js';
import { cli, run, runService, temporaryFolder } from '../support/process.js';
import { readAll, readSse, tryWs } from '../support/readers.js';

test('journal › has a line of JSON for the service and for what becomes of each crawl', async (t) => {
  const site = await startSite({ pages: 2, perPage: 3 });
  t.after(() => site.close());
  const args = ['serve', '--port', '0', '--workers', '1', '--data', temporaryFolder(t), '--start-url', `${site.url}/`];
  const { url, stderr, until, end } = await run(t, args, { CRAWLCAST_LOG: 'debug' });
  await fetch(`${url}/crawl`);
  await readAll(await readSse(url, '?crawl=latest&since=0'));
  const spider = { name: 'mine', start: [`${site.url}/`], items: {} };
  const headers = { 'content-type': 'application/json' };
  await fetch(`${url}/crawls`, { method: 'POST', headers, body: JSON.stringify({ spider }) });
  await readAll(await readSse(url, '?crawl=latest&since=0'));
  await until(/crawl failed/, 'stderr');
  await tryWs(`${url}/ws?since=x`);
  await end();
  const lines: Record<string, unknown>[] = stderr()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    [
      'serving',
      'crawl started',
      'crawl finished',
      'crawl started',
      'crawl failed',
      'WebSocket refused',
      'stopping',
      'stopped',
    ],
  );
  const { spider: name, pages, items, seconds } = lines[2] ?? {};
  assert.deepEqual({ name, pages, items }, { name: 'quotes', pages: 2, items: 6 });
  assert.ok(Number(seconds) > 0);
  assert.equal(lines[4]?.error, 'start.skipped');
});

test('journal › warns of a service that whoever reaches it may steer', async (t) => {
  const own = () => ['serve', '--port', '0', '--workers', '1', '--data', temporaryFolder(t)];
  const warning = /"level":40.*beyond this machine without --token/;
  const open = await run(t, [...own(), '--host', '0.0.0.0']);
  await open.until(warning, 'stderr');
  for (const careful of [
    ['--host', '0.0.0.0', '--token', 'secret'],
    ['--host', '127.0.0.1'],
  ]) {
    const service = await run(t, [...own(), ...careful]);
    await service.until(/"serving"/, 'stderr');
    assert.doesNotMatch(service.stderr(), warning);
  }
});

test('journal › warns of a folder of spiders that was named and is not there', async (t) => {
  const warning = /"level":40,.*"spiders":"(.*)","msg":"there is no such folder/;
  const missing = join(temporaryFolder(t), 'spider');
  const mistyped = await runService(t, 'auto', ['--spiders', missing]);
  await mistyped.until(/"serving"/, 'stderr');
  assert.equal(warning.exec(mistyped.stderr())?.[1], missing);
  const plain = await run(t, ['serve', '--port', '0', '--workers', '1', '--data', temporaryFolder(t)]);
  await plain.until(/"serving"/, 'stderr');
  assert.doesNotMatch(plain.stderr(), warning);
});

test('journal › says that a log is lost whose file has been emptied', async (t) => {
  const data = temporaryFolder(t);
  const warning = /"level":40.*the data file is empty/;
  const before = await runService(t, 'auto', ['--data', data]);
  assert.equal(await before.end('SIGTERM'), 0);
  truncateSync(join(data, 'data.mdb'));
  const after = await runService(t, 'auto', ['--data', data]);
  assert.doesNotMatch(before.stderr(), warning);
  assert.match(after.stderr(), warning);
});

const hasTerminal = spawnSync('script', ['--version']).status === 0 && process.platform === 'linux';

test('journal › is for people on a terminal', { skip: !hasTerminal && 'there is no script(1)' }, async (t) => {
  const line = `"${process.execPath}" "${cli}" serve --port 0 --workers 1 --data "${temporaryFolder(t)}"`;
  // A terminal of its own, in which the service is stopped as soon as it has said something.
  const { stdout } = spawnSync('script', ['-qec', `timeout -s INT 3 ${line}`, '/dev/null'], { encoding: 'utf8' });
  assert.match(stdout, /INFO.*serving/);
  assert.doesNotMatch(stdout, /\{"level"/);
});
