/** Two processes on one log, of which anything may be killed at any moment, the server of the log too. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { assertWhole, startLongSite } from '../support/long-site.js';
import { hasNats, startNats } from '../support/nats.js';
import { type Running, run, temporaryFolder } from '../support/process.js';
import { createRandom } from '../support/random.js';
import { readSse, readUntil, type SeenEvent } from '../support/readers.js';

const blowsPerRound = 10;

function countsOf(events: readonly SeenEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of events) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

describe('a log that processes share', { skip: !hasNats && 'there is no nats-server here' }, () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    it(`loses nothing and has nothing twice, whatever is killed (${seed})`, async (t) => {
      const random = createRandom(seed);
      const nats = await startNats();
      t.after(() => nats.end());
      const site = await startLongSite(t, { pages: 600, hangs: true });
      const folders = [temporaryFolder(t), temporaryFolder(t)];
      const start = (data: string): Promise<Running> => {
        const own = ['--port', '0', '--workers', '1', '--start-url', site.url];
        return run(t, ['serve', ...own, '--data', data, '--store', nats.url]);
      };
      const processes = await Promise.all(folders.map(start));
      await fetch(`${processes[0]?.url}/crawl`);
      for (let blow = 0; blow < blowsPerRound; blow += 1) {
        await pause(random.below(1_500));
        const victim = random.pick<'server' | 0 | 1>(['server', 0, 1]);
        if (victim === 'server') {
          await nats.signal('SIGKILL');
          await pause(random.below(1_000));
          await nats.start();
        } else {
          await processes[victim]?.end('SIGKILL');
          processes[victim] = await start(folders[victim] ?? '');
        }
      }
      site.letGo();
      const logs = await Promise.all(
        processes.map(async ({ url }) => readUntil(await readSse(url, '?since=0'), 'crawl.finished', 'crawl.failed')),
      );
      const [events = []] = logs;
      assert.equal(events.at(-1)?.type, 'crawl.finished');
      assertWhole(events);
      // The last event of a crawl has them, as the contract says.
      const data = events.at(-1)?.data as { counts: unknown } | undefined;
      assert.deepEqual(countsOf(events), data?.counts);
      assert.deepEqual(logs[0], logs[1]);
      for (const each of processes) assert.equal(await each.end(), 0);
    });
  }
});
