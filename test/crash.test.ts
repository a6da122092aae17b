import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Blow } from './crash/blows.js';
import { type FicklePages, startFickleSite } from './crash/fickle-site.js';
import { type OrdealOptions, suffer } from './crash/ordeal.js';
import { innocent } from './crash/verdict.js';
import { runService, temporaryFolder } from './support/process.js';
import { readSse, readUntil, type SeenEvent } from './support/readers.js';
import { serveHere } from './support/service.js';

async function assertSurvives(options: OrdealOptions): Promise<void> {
  const report = await suffer(options);
  assert.deepEqual(report.verdict, innocent());
  assert.equal(report.items, options.items);
}

const moments: readonly Blow[] = [
  ...(['batch', 'end'] as const).flatMap((kind) =>
    (['before', 'durable', 'told'] as const).map(
      (side, i): Blow => ({ kind: 'moment', moment: { at: 'commit', kind, side, nth: 1 + i } }),
    ),
  ),
  ...(['opening', 'opened', 'listening'] as const).map(
    (stage): Blow => ({ kind: 'moment', moment: { at: 'start-up', stage } }),
  ),
  { kind: 'paused', afterMs: 0, pause: 'durable', resume: 'before' },
];

describe('kill -9', { concurrency: true }, () => {
  it('at any exact moment loses nothing and repeats nothing', () =>
    assertSurvives({ transport: 'uws', kills: 0, items: 60, seed: 1, blows: moments }));

  it('at any other moment neither', () => assertSurvives({ transport: 'ws', kills: 5, items: 120, seed: 2 }));
});

async function crawlAll(t: TestContext, pages: FicklePages): Promise<SeenEvent[]> {
  const { url } = await serveHere(t, { startUrl: [`${await startFickleSite(t, pages)}/`] });
  await fetch(`${url}/crawl`);
  return readUntil(await readSse(url, '?since=0'), 'crawl.finished');
}

/** Kills it as soon as a reader has so many quotes, and lets the next life finish. */
async function crawlKilledAfter(t: TestContext, quotes: number, pages: FicklePages): Promise<SeenEvent[]> {
  const site = ['--start-url', `${await startFickleSite(t, pages)}/`, '--data', temporaryFolder(t)];
  const first = await runService(t, 'auto', site);
  await fetch(`${first.url}/crawl`);
  let seen = 0;
  for await (const _ of await readSse(first.url, '?since=0&type=quote')) if (++seen === quotes) break;
  await first.end('SIGKILL');
  const { url } = await runService(t, 'auto', site);
  return readUntil(await readSse(url, '?since=0'), 'crawl.finished');
}

const quotesIn = (events: readonly SeenEvent[]) =>
  events.filter(({ type }) => type === 'quote').map(({ data }) => Object(data).quote);
const pathsIn = (events: readonly SeenEvent[], type: string) =>
  events.filter((event) => event.type === type).map(({ subject = '' }) => new URL(subject).pathname);

describe('an item', { concurrency: true }, () => {
  it('comes once from a page that breaks off twice', async (t) => {
    const events = await crawlAll(t, {
      '/': [
        { quotes: ['a', 'b', 'c'], next: ['/2'], body: 'breaks' },
        { quotes: ['a', 'b', 'c', 'd'], next: ['/2'], body: 'breaks' },
        { quotes: ['a', 'b', 'c', 'd', 'e'], next: ['/2'] },
      ],
      '/2': [{ quotes: ['f'] }],
    });
    assert.deepEqual(quotesIn(events).sort(), ['a', 'b', 'c', 'd', 'e', 'f']);
    assert.deepEqual(pathsIn(events, 'page').sort(), ['/', '/2']);
    assert.equal(Object(events.at(-1)?.data).stats.duplicates, 0);
  });

  it('comes once from a page to which two links and a redirect lead', async (t) => {
    const events = await crawlAll(t, {
      '/': [{ quotes: ['a'], next: ['/b', '/c', '/moved'] }],
      '/b': [{ quotes: ['b'], next: ['/c', '/'] }],
      '/c': [{ quotes: ['c'], next: ['/b', '/c#here'] }],
      '/moved': [{ location: '/c' }],
    });
    assert.deepEqual(quotesIn(events).sort(), ['a', 'b', 'c']);
    assert.deepEqual(pathsIn(events, 'page').sort(), ['/', '/b', '/c']);
  });

  it('comes as often as it stands on its page, also when that breaks off', async (t) => {
    const events = await crawlAll(t, {
      '/': [{ quotes: ['a', 'a', 'b'], body: 'breaks' }, { quotes: ['a', 'a', 'b', 'a'] }],
    });
    assert.deepEqual(quotesIn(events), ['a', 'a', 'b', 'a']);
  });

  it('comes as often as it stands on its page, also after kill -9', async (t) => {
    const events = await crawlKilledAfter(t, 3, {
      '/': [{ quotes: ['a', 'a', 'b'], body: 'hangs' }, { quotes: ['a', 'a', 'b', 'a'] }],
    });
    assert.deepEqual(quotesIn(events), ['a', 'a', 'b', 'a']);
    assert.equal(Object(events.at(-1)?.data).counts.quote, 4);
  });

  it('comes once from a page that has changed between two attempts, and so does what is new', async (t) => {
    const changed = { quotes: ['c', 'b', 'd', 'a'] };
    const before = { quotes: ['a', 'b'] };
    const [retried, killed] = await Promise.all([
      crawlAll(t, { '/': [{ ...before, body: 'breaks' }, changed] }),
      crawlKilledAfter(t, 2, { '/': [{ ...before, body: 'hangs' }, changed] }),
    ]);
    assert.deepEqual(quotesIn(retried), ['a', 'b', 'c', 'd']);
    assert.deepEqual(quotesIn(killed), ['a', 'b', 'c', 'd']);
  });
});
