import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openEmbeddedStore } from '#src/store/embedded.js';
import { LongFrontier, type Pace } from '../support/frontier-load.js';
import { collectGarbage } from '../support/garbage.js';
import { recordOf } from '../support/log-service.js';
import { temporaryFolder } from '../support/process.js';

const sizes = [10_000, 100_000, 1_000_000];
const megabyte = 1_048_576;

/** Offered, and as many ended: more than twice what the frontier keeps in memory before it goes to its place. */
const turnedOver = 40_000;

function tell(what: string, { perSecond, cpuMicros }: Pace): string {
  return `${Math.round(perSecond)} ${what}/s of ${cpuMicros.toFixed(1)} µs`;
}

/** Memory of this process alone: what is mapped from the file is not counted. */
function memory(): { heap: number; anonymous: number } {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  const kilobytes = /RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0;
  return { heap: (heapUsed + external) / megabyte, anonymous: Number(kilobytes) / 1_024 };
}

test('a frontier of a million URLs is as fast as a short one, flat in memory, and open again at once', async (t) => {
  const folder = temporaryFolder(t);
  const store = await openEmbeddedStore(folder);
  await store.commit({ crawl: 'a', record: recordOf('a') });
  const frontier = new LongFrontier(store);
  // Code that is not compiled yet is slow at any length.
  await frontier.growTo(sizes[0] ?? 0);
  await frontier.turnOver(turnedOver);
  const seen: { offers: Pace; leases: Pace; heap: number; anonymous: number }[] = [];
  for (const size of sizes) {
    await frontier.growTo(size);
    const { offers, leases } = await frontier.turnOver(turnedOver);
    const { heap, anonymous } = memory();
    seen.push({ offers, leases, heap, anonymous });
    t.diagnostic(
      `${size}: ${tell('offers', offers)}, ${tell('leases', leases)}, heap ${Math.round(heap)} MB, RssAnon ${Math.round(anonymous)} MB`,
    );
  }
  t.diagnostic(`on disk ${Math.round(statSync(join(folder, 'data.mdb')).size / megabyte)} MB`);
  const { queued } = frontier;
  await store.close();
  const startMs = performance.now();
  const again = await openEmbeddedStore(folder);
  const reopened = again.openFrontier('a');
  const [host = ''] = reopened.hosts();
  assert.ok(reopened.take(host));
  const ms = performance.now() - startMs;
  t.diagnostic(`open again after ${Math.round(ms)} ms`);
  assert.equal(reopened.queued + 1, queued);
  await again.close();
  assert.ok(ms < 500, `open again only after ${ms} ms`);
  const [first, , million] = seen;
  assert.ok(first && million);
  // Of CPU time, which hardly depends on what else the machine does; half as much again is more than it ever wavers.
  assert.ok(million.offers.cpuMicros < 1.5 * first.offers.cpuMicros, 'an offer costs the same');
  assert.ok(million.leases.cpuMicros < 1.5 * first.leases.cpuMicros, 'a lease costs the same');
  assert.ok(million.heap - first.heap < 40, 'memory is bounded by hosts, and a few bytes a URL');
});
