/**
 * Ten thousand subscribers of one service, as far as the limit of open files allows; `CONNECTIONS` says how many others.
 * They are processes of their own, and so is the service.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startSite } from '#src/site/site.js';
import { systemLimit } from '#src/system-limits.js';
import { runService, transports } from '../support/process.js';
import type { CrowdNews, CrowdOrder } from './crowd.js';

const connections = Number(process.env.CONNECTIONS ?? 10_000);
// The service keeps some descriptors for itself, and a quarter of the others for pages and calls.
const size = Math.min(connections, Math.floor(((systemLimit('open_files') ?? connections * 2) - 100) * 0.7));

/** A crowd under way. */
interface Crowd {
  until<Kind extends CrowdNews['kind']>(kind: Kind): Promise<Extract<CrowdNews, { kind: Kind }>>;
  leave(): Promise<unknown>;
}

function gather(t: TestContext, order: CrowdOrder): Crowd {
  const child = fork(fileURLToPath(new URL('./crowd.js', import.meta.url)));
  const exited = once(child, 'exit');
  t.after(() => child.kill('SIGKILL'));
  child.send(order);
  const news: CrowdNews[] = [];
  child.on('message', (said: CrowdNews) => news.push(said));
  return {
    async until(kind) {
      for (;;) {
        const closed = news.find((one) => one.kind === 'closed');
        assert.equal(closed, undefined, 'a connection was closed');
        const found = news.find((one) => one.kind === kind);
        // Only what is of this kind was found.
        if (found !== undefined) return found as Extract<CrowdNews, { kind: typeof kind }>;
        await once(child, 'message');
      }
    },
    leave() {
      child.kill('SIGKILL');
      return exited;
    },
  };
}

function residentMb(pid: number | undefined): number {
  const [, kb] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kb) / 1_024);
}

async function subscribers(url: string): Promise<number> {
  const figures = await (await fetch(`${url}/metrics`)).text();
  const counts = figures.matchAll(/^crawlcast_subscribers\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

for (const { transport, skip } of transports) {
  describe(`${size} subscribers (${transport})`, { skip }, () => {
    for (const protocol of ['sse', 'ws'] as const) {
      it(`each get every quote in order over ${protocol}, and leave nothing behind`, async (t) => {
        const site = await startSite({ pages: 1, perPage: 3 });
        t.after(() => site.close());
        const service = await runService(t, transport, ['--start-url', `${site.url}/`]);
        const { url } = service;
        const before = residentMb(service.process.pid);
        const epoch = (await fetch(`${url}/crawls`)).headers.get('crawlcast-cursor')?.split('-')[0];
        // After its start a crawl of one page has three quotes, the page, and its end.
        const wanted = [2, 3, 4, 6].map((offset) => `"id":"${epoch}-${offset}"`);
        const order = { port: Number(new URL(url).port), protocol, query: 'type=quote,crawl.finished', wanted };
        const half = Math.floor(size / 2);
        const crowds = [gather(t, { ...order, size: half }), gather(t, { ...order, size: size - half })];
        const opened = await Promise.all(crowds.map((crowd) => crowd.until('open')));
        assert.equal(await subscribers(url), size);
        const beganMs = performance.now();
        const withAll = residentMb(service.process.pid);
        assert.equal(await (await fetch(`${url}/crawl`)).text(), 'SCRAPING');
        const served = await Promise.all(crowds.map((crowd) => crowd.until('served')));
        const ms = Math.round(performance.now() - beganMs);
        assert.deepEqual(
          served.map(({ lostOrder }) => lostOrder),
          [0, 0],
        );
        const openMs = Math.round(Math.max(...opened.map((one) => one.ms)));
        t.diagnostic(`opened in ${openMs} ms, served in ${ms} ms; ${before} MB before, ${withAll} MB with all of them`);
        assert.ok(withAll - before < size * 0.05, `${withAll - before} MB`);
        await Promise.all(crowds.map((crowd) => crowd.leave()));
        while ((await subscribers(url)) > 0);
        assert.doesNotMatch(service.stderr(), /"level":[45]0/);
      });
    }
  });
}
