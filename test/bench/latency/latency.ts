/** The rows of `latency`: from the closing tag of an item leaving the site to its bytes at the subscribers. */
import { strict as assert } from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { warmUp } from '../crawl/ours.js';
import { spiderOf } from '../crawl/spider.js';
import type { BareOrder } from '../support/bare-server.js';
import { type Child, startChild } from '../support/child.js';
import { type Spent, startMeter } from '../support/meter.js';
import type { BenchOptions } from '../support/options.js';
import type { Goal, Reading, Row } from '../support/row.js';
import { startBare } from '../support/servers.js';
import { callJson, startService } from '../support/service.js';
import type { ReportOrder, Timed, TimedOrder } from '../support/timed-subscribers.js';

const perSecond = 50;

const bareName = 'bare uWS loop';
const durableName = 'bare page loop, durable first';

/**
 * Before the clock runs. What runs fifty times a second is not compiled for a long while, and a service has been running for weeks: at a faster
 * pace, and in several crawls, as in the benchmark of crawls.
 */
const warmUps = { count: 3, items: 1_000, perSecond: 500 } as const;

/** The first items are not counted: code that has not run yet is slow, whose ever it is. */
const skip = 25;

interface Source {
  readonly origin: string;
  readonly subscribers: number;
  /** Items that are counted. */
  readonly items: number;
}

interface LatencyReading extends Timed, Spent {}

type Contender = (source: Source) => Promise<LatencyReading>;

/** Runs them. */
export async function benchLatency(options: BenchOptions): Promise<Row[]> {
  const site = startChild(new URL('./drip-site.js', import.meta.url));
  try {
    const origin = await site.ask<string>('where');
    const items = perSecond * (options.quick ? 1 : 6);
    const ours = relayOurs(options.workers[0]);
    const sizes = (options.quick ? [1, 20] : [1, 100, 1_000]).map((subscribers) => ({
      subscribers,
      ours: [] as LatencyReading[],
      limit: [] as LatencyReading[],
      durableLimit: [] as LatencyReading[],
    }));
    for (let round = 0; round < options.rounds; round++) {
      for (const { subscribers, ...readings } of sizes) {
        const source = { origin, subscribers, items };
        readings.ours.push(await run('ours', ours, source));
        readings.limit.push(await run(bareName, relayBare, source));
        readings.durableLimit.push(await run(durableName, relayDurably, source));
      }
    }
    return sizes.flatMap(({ subscribers, ours: own, limit, durableLimit }) => [
      { ...row('p50', subscribers, own, bareName, limit), goal: goalOf(subscribers, 2) },
      { ...row('p99', subscribers, own, bareName, limit), goal: goalOf(subscribers, 10) },
      row('p50', subscribers, own, durableName, durableLimit),
      row('p99', subscribers, own, durableName, durableLimit),
    ]);
  } finally {
    await site.end();
  }
}

/** With very many subscribers the time is that of sending, and is held against the bare loop's. */
function goalOf(subscribers: number, maxMs: number): Goal {
  return subscribers <= 100 ? { of: 'ours', atMost: maxMs } : { of: 'ratio', atMost: 1.5 };
}

async function run(name: string, contender: Contender, source: Source): Promise<LatencyReading> {
  const reading = await contender(source);
  assert.equal(reading.count, source.items * source.subscribers, `${name}: every item to every subscriber`);
  const { p50, p99 } = reading;
  console.error(`latency: ${name}, ${source.subscribers}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`);
  return reading;
}

/** The whole service: the page is crawled, its items are durable before anybody sees them. */
function relayOurs(workers: number): Contender {
  return async ({ origin, subscribers, items }) => {
    const service = await startService(workers);
    try {
      for (let done = 0; done < warmUps.count; done++) await warmUp(service, warmUpPage(origin));
      return await measure(service, { subscribers, items }, async () => {
        await callJson(`${service.url}/crawls`, { spider: spiderOf(pageOf(origin, items)) });
      });
    } finally {
      await service.end();
    }
  };
}

/** The same page, whose items go on to the same subscribers as they come. */
async function relayBare({ origin, subscribers, items }: Source, file?: string): Promise<LatencyReading> {
  const { child, port } = await startBare();
  const relay = (page: string) => child.ask({ relay: page, ...(file !== undefined && { file }) } satisfies BareOrder);
  try {
    for (let done = 0; done < warmUps.count; done++) await relay(warmUpPage(origin));
    return await measure({ port, pid: child.pid }, { subscribers, items }, () => relay(pageOf(origin, items)));
  } finally {
    await child.end();
  }
}

/** The least that whoever extracts items and keeps them before they are seen has to do. */
async function relayDurably(source: Source): Promise<LatencyReading> {
  const folder = mkdtempSync(join(tmpdir(), 'crawlcast-bench-'));
  try {
    return await relayBare(source, join(folder, 'log'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function warmUpPage(origin: string): string {
  return `${origin}/${warmUps.items}/${warmUps.perSecond}/`;
}

function pageOf(origin: string, items: number): string {
  return `${origin}/${items + skip}/${perSecond}/`;
}

async function measure(
  { port, pid }: { port: number; pid: number },
  { subscribers, items }: Omit<Source, 'origin'>,
  start: () => Promise<unknown>,
): Promise<LatencyReading> {
  const readers: Child = startChild(new URL('../support/timed-subscribers.js', import.meta.url));
  try {
    await readers.ask({ port, protocol: 'sse', count: subscribers, skip } satisfies TimedOrder);
    const meter = startMeter([pid]);
    const [timed] = await Promise.all([
      readers.ask<Timed>({ report: items * subscribers } satisfies ReportOrder),
      start(),
    ]);
    return { ...timed, ...meter.stop() };
  } finally {
    await readers.end();
  }
}

function row(
  which: 'p50' | 'p99',
  subscribers: number,
  ours: readonly LatencyReading[],
  otherName: string,
  other: readonly LatencyReading[],
): Row {
  return {
    bench: 'latency',
    what: `${which}, ${subscribers === 1 ? '1 subscriber' : `${subscribers} subscribers`}`,
    unit: 'ms',
    ours: { name: 'ours', readings: readingsOf(ours, which) },
    other: { name: otherName, readings: readingsOf(other, which) },
  };
}

function readingsOf(of: readonly LatencyReading[], which: 'p50' | 'p99'): Reading[] {
  return of.map((reading) => ({
    value: reading[which],
    cpuMicros: (reading.cpuSeconds / reading.count) * 1e6,
    peakRssMb: reading.peakRssMb,
  }));
}
