import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { assertWhole, startLongSite } from './support/long-site.js';
import { type Running, run, runToEnd, temporaryFolder } from './support/process.js';
import { readSse, readUntil, take } from './support/readers.js';

/** A disk of 8 MB; skips the test where mounting is not allowed. */
function smallDisk(test: TestContext): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'crawlcast-disk-'));
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', dir]).status === 0;
  test.after(() => {
    if (isMounted) execFileSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true, force: true });
  });
  if (isMounted) return dir;
  test.skip('mounting a small disk is not allowed here');
  return undefined;
}

async function untilSaid(service: Running, wanted: RegExp): Promise<void> {
  while (!wanted.test(service.stderr())) await once(service.process.stderr, 'data');
}

describe('a disk', () => {
  it('that is full stops the crawl, not the readers; nothing is lost when there is room again', async (t) => {
    const dir = smallDisk(t);
    if (dir === undefined) return;
    writeFileSync(join(dir, 'ballast'), Buffer.alloc(6_000_000));
    const site = await startLongSite(t, { pages: 100 });
    const service = await run(t, ['serve', '--port', '0', '--data', join(dir, 'data'), '--start-url', site.url]);
    const live = readUntil(await readSse(service.url, '?since=0'), 'crawl.finished', 'crawl.failed');
    await fetch(`${service.url}/crawl`);
    await untilSaid(service, /disk that holds .* is full/);

    const [crawl]: { id: string; state: string }[] = JSON.parse(await (await fetch(`${service.url}/crawls`)).text());
    assert.equal(crawl?.state, 'running');
    const replay = await readSse(service.url, '?since=0');
    assert.equal((await take(replay, 100)).length, 100);
    replay.close();
    assert.equal(await (await fetch(`${service.url}/crawl`)).text(), 'SCRAPE IN PROGRESS');
    const refused = await fetch(`${service.url}/crawls/${crawl?.id}/pause`, { method: 'POST' });
    if (refused.status !== 200) assert.match(await refused.text(), /"code":"store.full"/);
    else await fetch(`${service.url}/crawls/${crawl?.id}/resume`, { method: 'POST' });

    rmSync(join(dir, 'ballast'));
    const events = await live;
    assert.equal(events.at(-1)?.type, 'crawl.finished');
    assertWhole(events);
    assert.equal(await service.end(), 0);
  });

  it('that cannot be used, or holds something else, is said in one line', async (t) => {
    const dir = temporaryFolder(t);
    writeFileSync(join(dir, 'file'), '');
    mkdirSync(join(dir, 'other'));
    writeFileSync(join(dir, 'other', 'data.mdb'), 'x'.repeat(100_000));
    const cases: readonly [string, RegExp][] = [
      ['file', /cannot be used/],
      ['file/below', /cannot be used/],
      ['other', /data\.mdb is damaged/],
    ];
    for (const [name, words] of cases) {
      const { code, stdout, stderr } = await runToEnd(['serve', '--port', '0', '--data', join(dir, name)]);
      assert.deepEqual([code, stdout, stderr.trimEnd().split('\n').length], [1, '', 1], stderr);
      assert.match(stderr, words);
    }
  });
});
