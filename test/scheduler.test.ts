import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, it } from 'node:test';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { defer, finalize, lastValueFrom, timer } from 'rxjs';
import { createPoliteness, type Manners, type Politeness } from '#src/crawl/politeness.js';
import { pull } from '#src/crawl/pull.js';
import { createScheduler, type Scheduler } from '#src/crawl/scheduler.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { Lease, Offer } from '#src/store/store.js';
import { createTestFrontier, type TestFrontier } from './support/frontier.js';

const plain: Manners = { concurrencyPerHost: 8, delayMs: 0, autothrottle: false };

/** Nothing holds a page back but politeness. */
const free = { pagesLeft: () => Number.POSITIVE_INFINITY, isRefused: () => false, heldMs: () => 0 };

function schedule(
  frontier: TestFrontier,
  options: {
    manners?: Partial<Manners>;
    politeness?: Politeness;
    pagesLeft?: () => number;
    crawl?: string;
    isRefused?: (lease: Lease) => boolean;
    heldMs?: (host: string) => number;
  } = {},
): Scheduler {
  const { manners, politeness = createPoliteness(), crawl = 'test', ...rest } = options;
  return createScheduler({
    crawl,
    frontier,
    politeness,
    manners: () => ({ ...plain, ...manners }),
    ...free,
    ...rest,
  });
}

async function next(scheduler: Scheduler): Promise<Lease> {
  const lease = await scheduler.lease();
  assert.ok(lease);
  return lease;
}

function inFlight(politeness: Politeness): Record<string, number> {
  return Object.fromEntries(politeness.snapshot().map(({ host, inFlight }) => [host, inFlight]));
}

/** Leases and ends pages one after the other until there are no more. */
async function drain(scheduler: Scheduler, frontier: TestFrontier): Promise<string[]> {
  const urls: string[] = [];
  for (let lease = await scheduler.lease(); lease !== undefined; lease = await scheduler.lease()) {
    urls.push(lease.url);
    frontier.release(lease);
    scheduler.done(lease);
  }
  return urls;
}

/** Whether a promise is still open after everything that is due now has run. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol('open');
  return (await Promise.race([promise, setImmediate(open)])) === open;
}

describe('scheduler', () => {
  it('tells who waits for a lease that the frontier cannot be read, also where a timer finds that out', async () => {
    const frontier = createTestFrontier('http://a/1', 'http://a/2', 'http://a/3');
    const take = frontier.take;
    // Long enough not to be over before both wait, however busy the machine.
    const scheduler = schedule(frontier, { manners: { delayMs: 300 } });
    await next(scheduler);
    const [second, third] = [scheduler.lease(), scheduler.lease()];
    frontier.take = () => {
      frontier.take = take;
      throw new Error('damaged');
    };
    await assert.rejects(second, /damaged/);
    assert.equal((await third)?.url, 'http://a/2');
    scheduler.close();
  });

  it('has a host wait for requests alone: what is refused without one takes none of its time', async () => {
    const frontier = createTestFrontier('http://a/1', 'http://a/2', 'http://a/3', 'http://a/4');
    const politeness = createPoliteness();
    const isRefused = ({ url }: Lease) => url !== 'http://a/4';
    const scheduler = schedule(frontier, { politeness, manners: { delayMs: 60_000 }, isRefused });
    const urls = [];
    for (let left = 4; left > 0; left--) urls.push((await next(scheduler)).url);
    assert.deepEqual(urls, ['http://a/1', 'http://a/2', 'http://a/3', 'http://a/4']);
    assert.deepEqual(inFlight(politeness), { 'http://a': 1 });
    scheduler.close();
    assert.deepEqual(inFlight(politeness), { 'http://a': 0 });
  });

  it('takes hosts in turn', async () => {
    const frontier = createTestFrontier(...['http://a/1', 'http://a/2', 'http://a/3', 'http://b/1', 'http://c/1']);
    frontier.offer('http://b/2');
    const urls = await drain(schedule(frontier), frontier);
    assert.deepEqual(urls, ['http://a/1', 'http://b/1', 'http://c/1', 'http://a/2', 'http://b/2', 'http://a/3']);
  });

  it('is over when nothing is queued, nothing out and no retry waits', async () => {
    const frontier = createTestFrontier('http://a/1');
    const scheduler = schedule(frontier);
    const lease = await next(scheduler);
    const second = scheduler.lease();
    assert.ok(await isPending(second));
    scheduler.retry(lease, 20);
    assert.ok(await isPending(second));
    assert.deepEqual([scheduler.queued, scheduler.leased], [1, 0]);
    const again = await second;
    assert.equal(again?.url, 'http://a/1');
    assert.deepEqual([scheduler.queued, scheduler.leased], [0, 1]);
    const last = scheduler.lease();
    if (again !== undefined) scheduler.done(again);
    assert.equal(await last, undefined);
    assert.equal(await scheduler.lease(), undefined);
  });

  it('asks a host again as soon as it has answered, but is not over before the page is done', async () => {
    const frontier = createTestFrontier('http://a/1', 'http://a/2');
    const politeness = createPoliteness();
    const scheduler = schedule(frontier, { politeness, manners: { concurrencyPerHost: 1 } });
    const first = await next(scheduler);
    const waiting = scheduler.lease();
    assert.ok(await isPending(waiting));
    scheduler.answered(first);
    const second = await waiting;
    assert.ok(second !== undefined);
    assert.equal(second.url, 'http://a/2');
    assert.deepEqual([scheduler.leased, inFlight(politeness)], [2, { 'http://a': 1 }]);
    // Said twice, or of a page that has ended, it frees nobody else's place.
    scheduler.answered(first);
    frontier.release(first);
    scheduler.done(first);
    scheduler.answered(first);
    assert.deepEqual([scheduler.leased, inFlight(politeness)], [1, { 'http://a': 1 }]);
    const last = scheduler.lease();
    scheduler.answered(second);
    assert.deepEqual(inFlight(politeness), { 'http://a': 0 });
    assert.ok(await isPending(last));
    frontier.release(second);
    scheduler.done(second);
    assert.equal(await last, undefined);
    assert.deepEqual(inFlight(politeness), { 'http://a': 0 });
  });

  it('is over at once where there was nothing', async () => {
    assert.equal(await schedule(createTestFrontier()).lease(), undefined);
  });

  it('wakes a waiting slot when a page brings new links', async () => {
    const frontier = createTestFrontier('http://a/1');
    const scheduler = schedule(frontier);
    await next(scheduler);
    const waiting = scheduler.lease();
    frontier.offer('http://b/1');
    assert.equal((await waiting)?.url, 'http://b/1');
  });

  it('gives no more leases of a host than may be in flight, and goes on when one ends', async () => {
    const frontier = createTestFrontier('http://a/1', 'http://a/2', 'http://a/3', 'http://b/1');
    const scheduler = schedule(frontier, { manners: { concurrencyPerHost: 2 } });
    const leases = [await next(scheduler), await next(scheduler), await next(scheduler)];
    assert.deepEqual(leases.map(({ url }) => url).toSorted(), ['http://a/1', 'http://a/2', 'http://b/1']);
    const waiting = scheduler.lease();
    assert.ok(await isPending(waiting));
    const first = leases.find(({ url }) => url === 'http://a/1');
    assert.ok(first);
    scheduler.done(first);
    assert.equal((await waiting)?.url, 'http://a/3');
  });

  it('offers no second URL of a host before its delay, though slots are free', async () => {
    const urls = Array.from({ length: 5 }, (_, i) => `http://a/${i}`);
    const scheduler = schedule(createTestFrontier(...urls), { manners: { delayMs: 30 } });
    const begin = performance.now();
    await Promise.all(
      urls.map(async (_, i) => {
        await next(scheduler);
        assert.ok(performance.now() - begin >= i * 30);
      }),
    );
  });

  it('asks a host one by one until its manners are known', async () => {
    let known = false;
    const frontier = createTestFrontier('http://a/1', 'http://a/2', 'http://a/3');
    const scheduler = createScheduler({
      ...free,
      crawl: 'test',
      frontier,
      politeness: createPoliteness(),
      manners: () => ({ ...plain, concurrencyPerHost: known ? 2 : 1 }),
    });
    const first = await next(scheduler);
    const rest = [scheduler.lease(), scheduler.lease()];
    assert.ok(await isPending(Promise.race(rest)));
    known = true;
    scheduler.done(first);
    const urls = (await Promise.all(rest)).map((lease) => lease?.url);
    assert.deepEqual(urls, ['http://a/2', 'http://a/3']);
    scheduler.close();
  });

  it('lets a held host wait and others go on', async () => {
    const politeness = createPoliteness();
    politeness.hold('http://a', 60_000);
    const frontier = createTestFrontier('http://a/1', 'http://b/1', 'http://a/2', 'http://b/2');
    const scheduler = schedule(frontier, { politeness });
    assert.equal((await next(scheduler)).url, 'http://b/1');
    assert.equal((await next(scheduler)).url, 'http://b/2');
    const waiting = scheduler.lease();
    assert.ok(await isPending(waiting));
    scheduler.close();
    assert.equal(await waiting, undefined);
  });

  it('keeps several crawls of one host to its limit, and lets each have its turns', async () => {
    const politeness = createPoliteness();
    let most = 0;
    let inFlight = 0;
    const order: number[] = [];
    const crawls = Array.from({ length: 10 }, async (_, crawl) => {
      const frontier = createTestFrontier(...Array.from({ length: 5 }, (_, page) => `http://a/${crawl}/${page}`));
      const scheduler = schedule(frontier, { politeness, crawl: `${crawl}`, manners: { concurrencyPerHost: 3 } });
      for (let lease = await scheduler.lease(); lease !== undefined; lease = await scheduler.lease()) {
        order.push(crawl);
        most = Math.max(most, ++inFlight);
        await setImmediate();
        inFlight--;
        scheduler.done(lease);
      }
    });
    await Promise.all(crawls);
    assert.equal(order.length, 50);
    assert.equal(most, 3);
    assert.equal(new Set(order.slice(0, 20)).size, 10, `crawls were served in the order ${order}`);
  });

  it('never lets more pages be done than the budget, and gives the place of a failed one to another', async () => {
    const frontier = createTestFrontier(...Array.from({ length: 100 }, (_, i) => `http://a/${i}`));
    let pages = 0;
    let failed = 0;
    const scheduler = schedule(frontier, { pagesLeft: () => 10 - pages });
    const slot = async () => {
      for (let lease = await scheduler.lease(); lease !== undefined; lease = await scheduler.lease()) {
        await setImmediate();
        if (Number(lease.url.slice('http://a/'.length)) % 3 === 0) failed++;
        else pages++;
        scheduler.done(lease);
      }
    };
    await Promise.all(Array.from({ length: 16 }, slot));
    assert.equal(pages, 10);
    assert.equal(failed, 5);
  });

  it('leaves what waits for a host that is held where it is', async () => {
    const frontier = createTestFrontier('http://a/1', 'http://a/2', 'http://b/1');
    const until = performance.now() + 50;
    const heldMs = (host: string) => (host === 'http://a' ? Math.max(0, until - performance.now()) : 0);
    const scheduler = schedule(frontier, { heldMs });
    assert.equal((await next(scheduler)).url, 'http://b/1');
    const waiting = scheduler.lease();
    assert.ok(await isPending(waiting));
    assert.deepEqual([frontier.queued, frontier.leased], [2, 1]);
    assert.equal((await waiting)?.url, 'http://a/1');
    assert.ok(performance.now() >= until);
    scheduler.close();
  });

  it('gives a parked lease back as the next of its host, and only once', async () => {
    const frontier = createTestFrontier('http://a/1', 'http://a/2');
    const politeness = createPoliteness();
    const scheduler = schedule(frontier, { politeness });
    const lease = await next(scheduler);
    scheduler.park(lease);
    scheduler.park(lease);
    scheduler.retry(lease, 60_000);
    scheduler.done(lease);
    assert.deepEqual([scheduler.queued, scheduler.leased], [2, 0]);
    assert.equal((await next(scheduler)).url, 'http://a/1');
    assert.equal(politeness.snapshot()[0]?.inFlight, 1);
  });

  it('answers everyone who waits when it is closed, and puts back what is out or waits for a retry', async () => {
    const frontier = createTestFrontier('http://a/1', 'http://a/2', 'http://b/1');
    const politeness = createPoliteness();
    const scheduler = schedule(frontier, { politeness, manners: { concurrencyPerHost: 1, delayMs: 60_000 } });
    const [a, b] = [await next(scheduler), await next(scheduler)];
    scheduler.retry(a, 60_000);
    const waiting = [scheduler.lease(), scheduler.lease()];
    scheduler.close();
    assert.deepEqual(await Promise.all(waiting), [undefined, undefined]);
    assert.equal(await scheduler.lease(), undefined);
    assert.deepEqual([frontier.queued, frontier.leased], [3, 0]);
    scheduler.done(b);
    assert.ok(politeness.snapshot().every(({ inFlight }) => inFlight === 0));
  });

  it('puts a page at once back that is to be tried again after it was stopped', async () => {
    const frontier = createTestFrontier('http://a/1');
    const scheduler = schedule(frontier);
    const lease = await next(scheduler);
    scheduler.close();
    scheduler.retry(lease, 60_000);
    assert.deepEqual([frontier.queued, frontier.leased, scheduler.queued], [1, 0, 1]);
  });

  it('holds nobody to the manners of a crawl that is over', async () => {
    const politeness = createPoliteness();
    const [slow, quick] = [createTestFrontier('http://a/1'), createTestFrontier('http://a/2')];
    const before = schedule(slow, { politeness, crawl: 'before', manners: { delayMs: 3_600_000 } });
    before.done(await next(before));
    const after = schedule(quick, { politeness, crawl: 'after' });
    const lease = after.lease();
    assert.ok(await isPending(lease));
    before.close();
    assert.equal((await lease)?.url, 'http://a/2');
    after.close();
  });

  it('keeps no host busy after it was closed in the middle of everything', async () => {
    const politeness = createPoliteness();
    const frontier = createTestFrontier(...Array.from({ length: 50 }, (_, i) => `http://h${i % 5}/${i}`));
    const scheduler = schedule(frontier, { politeness });
    const pages$ = pull(16, scheduler.lease, (lease) => timer(1).pipe(finalize(() => scheduler.park(lease)))).pipe(
      finalize(() => scheduler.close()),
    );
    const crawl = pages$.subscribe();
    // Leases are promised already, and not one of them has arrived.
    crawl.unsubscribe();
    await setImmediate();
    assert.deepEqual([scheduler.queued, scheduler.leased], [50, 0]);
    assert.ok(Object.values(inFlight(politeness)).every((count) => count === 0));
  });

  it('crawls a real server at the pace it is asked for', async () => {
    const arrivals: number[] = [];
    let most = 0;
    let open = 0;
    const server = createServer(async (_, response) => {
      arrivals.push(performance.now());
      most = Math.max(most, ++open);
      await setTimeout(30);
      open--;
      response.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const frontier = createTestFrontier();
    for (let i = 0; i < 12; i++) frontier.offer(`http://127.0.0.1:${address.port}/${i}`);
    const scheduler = schedule(frontier, { manners: { concurrencyPerHost: 3, delayMs: 15 } });
    const page = (lease: Lease) =>
      defer(async () => (await fetch(lease.url)).arrayBuffer()).pipe(finalize(() => scheduler.done(lease)));
    const begin = performance.now();
    await lastValueFrom(pull(8, scheduler.lease, page));
    scheduler.close();
    server.closeAllConnections();
    server.close();
    assert.equal(arrivals.length, 12);
    assert.ok(most <= 3, `${most} at once`);
    for (const [i, arrival] of arrivals.entries()) assert.ok(arrival - begin >= i * 15, `request ${i} comes too early`);
  });

  it('comes to the end of a growing tree in a real store, through pages that fail and are tried again', async () => {
    const store = await openMemoryStore();
    const offer = (path: string, depth: number): Offer => {
      const url = new URL(path, `http://h${path.length % 3}.test`);
      return { url: url.href, fingerprint: path, host: url.origin, depth };
    };
    await store.commit({ crawl: 'c', offers: [offer('/', 0)] });
    const frontier = store.openFrontier('c');
    const politeness = createPoliteness();
    const scheduler = createScheduler({ crawl: 'c', frontier, politeness, manners: () => plain, ...free });
    const tries = new Map<string, number>();
    const visit = async (lease: Lease) => {
      const { pathname } = new URL(lease.url);
      const attempt = (tries.get(pathname) ?? 0) + 1;
      tries.set(pathname, attempt);
      await setImmediate();
      if (pathname.endsWith('1') && attempt < 3) return scheduler.retry(lease, 2);
      const offers = lease.depth < 4 ? [0, 1, 2].map((n) => offer(`${pathname}${n}`, lease.depth + 1)) : [];
      await store.commit({ crawl: 'c', lease, release: true, offers });
      scheduler.done(lease);
    };
    await lastValueFrom(pull(16, scheduler.lease, visit));
    scheduler.close();
    assert.equal(tries.size, 1 + 3 + 9 + 27 + 81);
    for (const [path, count] of tries) assert.equal(count, path.endsWith('1') ? 3 : 1, path);
    assert.deepEqual([frontier.queued, frontier.leased], [0, 0]);
    await store.close();
  });

  it('finds the one free host among a hundred thousand that wait', { timeout: 20_000 }, async () => {
    const politeness = createPoliteness();
    const frontier = createTestFrontier();
    for (let i = 0; i < 100_000; i++) {
      politeness.hold(`http://h${i}`, 600_000);
      frontier.offer(`http://h${i}/`);
    }
    for (let i = 0; i < 2_000; i++) frontier.offer(`http://free/${i}`);
    const scheduler = schedule(frontier, { politeness });
    scheduler.done(await next(scheduler));
    const start = performance.now();
    for (let i = 1; i < 2_000; i++) scheduler.done(await next(scheduler));
    const ms = performance.now() - start;
    scheduler.close();
    assert.ok(ms < 3_000, `2,000 leases took ${ms} ms`);
  });

  it('lets the process end once it is closed', async () => {
    const frontier = createTestFrontier('http://a/1', 'http://a/2');
    const scheduler = schedule(frontier, { manners: { delayMs: 3_600_000 } });
    await next(scheduler);
    void scheduler.lease();
    await setTimeout(1);
    // Of a host that has to wait, and goes on waiting by the same timer.
    frontier.offer('http://a/3');
    scheduler.close();
    assert.ok(!process.getActiveResourcesInfo().includes('Timeout'));
  });
});
