import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openEmbeddedStore } from '#src/store/embedded.js';
import type { Frontier, Lease, Offer, Store } from '#src/store/store.js';
import { fingerprint } from '#src/url.js';
import { recordOf } from '../support/log-service.js';
import { temporaryFolder } from '../support/process.js';

setFlagsFromString('--expose-gc');
// a context that is made now has the function
const collectGarbage = runInNewContext('gc') as () => void;

const hosts = 2_000;
const sizes = [10_000, 100_000, 1_000_000];
/** Links of a page, and pages whose steps wait together. */
const linksPerPage = 50;
const pagesAtOnce = 16;
const perCommit = linksPerPage * pagesAtOnce;
const megabyte = 1_048_576;

/** Links as pages have them: most lead to the page's own host. */
function offersOf(page: number): Offer[] {
  return Array.from({ length: linksPerPage }, (_, link) => {
    const n = page * linksPerPage + link;
    const host = `http://host-${link % 5 === 0 ? n % hosts : page % hosts}.test`;
    const url = `${host}/section/${n % 97}/article-${n}.html`;
    return { url, fingerprint: fingerprint(url), host, depth: 1 + (n % 4) };
  });
}

async function offerUpTo(store: Store, from: number, to: number): Promise<number> {
  const startMs = performance.now();
  for (let n = from; n < to; n += perCommit) {
    const pages = Array.from({ length: pagesAtOnce }, (_, i) => n / linksPerPage + i);
    await Promise.all(pages.map((page) => store.commit({ crawl: 'a', offers: offersOf(page) })));
  }
  return (to - from) / ((performance.now() - startMs) / 1_000);
}

/** Takes pages of one host after the other and ends them, some at a time. */
async function leaseAndEnd(store: Store, frontier: Frontier, count: number): Promise<number> {
  const startMs = performance.now();
  const names = [...frontier.hosts()];
  for (let taken = 0; taken < count; taken += pagesAtOnce) {
    const leases = Array.from({ length: pagesAtOnce }, (_, i) =>
      frontier.take(names[(taken + i) % names.length] ?? ''),
    );
    const ends = leases.filter((lease): lease is Lease => lease !== undefined);
    await Promise.all(ends.map((lease) => store.commit({ crawl: 'a', lease, release: true })));
  }
  return count / ((performance.now() - startMs) / 1_000);
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
  const frontier = store.openFrontier('a');
  const seen: { size: number; offers: number; leases: number; heap: number; anonymous: number }[] = [];
  let offered = 0;
  for (const size of sizes) {
    const aim = size - (size % perCommit);
    // The rate is that of the last part, when the frontier is nearly as long as that.
    const last = aim - Math.min(perCommit * 50, aim - offered - perCommit);
    await offerUpTo(store, offered, last - (last % perCommit));
    const offers = await offerUpTo(store, last - (last % perCommit), aim);
    offered = aim;
    const leases = await leaseAndEnd(store, frontier, 4_000);
    const { heap, anonymous } = memory();
    seen.push({ size, offers, leases, heap, anonymous });
    t.diagnostic(
      `${size}: ${Math.round(offers)} offers/s, ${Math.round(leases)} leases/s, heap ${Math.round(heap)} MB, RssAnon ${Math.round(anonymous)} MB`,
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
  assert.ok(ms < 1_000, `open again only after ${ms} ms`);
  const [first, , million] = seen;
  assert.ok(first && million);
  assert.ok(million.offers > first.offers / 4, 'offers stay within a factor');
  assert.ok(million.leases > first.leases / 4, 'leases stay within a factor');
  assert.ok(million.heap - first.heap < 40, 'memory is bounded by hosts, not by URLs');
});
