/** The rows of `crawl`: pages a second, against a bare loop and against another crawler. */
import { strict as assert } from 'node:assert';
import { startChild } from '../support/child.js';
import { startMeter } from '../support/meter.js';
import type { BenchOptions } from '../support/options.js';
import { type Extracted, expected } from '../support/quote-site.js';
import type { Reading, Row, Side } from '../support/row.js';
import type { Contender, CrawlReading, Target } from './contender.js';
import { crawlee, noCrawlee } from './crawlee.js';
import { crawlBare } from './limit.js';
import { crawlOurs } from './ours.js';

/** What a crawl may need, so that a contender that hangs is a failure and not a wait. */
const maxMs = 300_000;

/**
 * Before the clock runs. A cold process spends its first seconds on compiling its own code, and what it has compiled for the only crawl that it
 * has seen it compiles anew in the next ones. With fewer than 16 the bare loop, which has the least code, is done with that and the others are not.
 */
const warmUp = { crawls: 16, pages: 1_250, peerPages: 60 } as const;

/** What was read for one size of a site. */
interface Results extends Pick<Target, 'pages' | 'warmUps' | 'warmUpPages'> {
  readonly ours: CrawlReading[];
  /** The same with other numbers of threads, by their number. */
  readonly others: ReadonlyMap<number, CrawlReading[]>;
  readonly limit: CrawlReading[];
}

/** Runs them. */
export async function benchCrawl(options: BenchOptions): Promise<Row[]> {
  const site = startChild(new URL('../support/site.js', import.meta.url));
  try {
    const at = { origin: await site.ask<string>('where'), sitePid: site.pid };
    const [threads, ...otherThreads] = options.workers;
    const warm = options.quick ? { crawls: 2, pages: 100, peerPages: 10 } : warmUp;
    const sizes = options.pages.map((pages) => results(pages, warm.crawls, warm.pages, otherThreads));
    const cold = results(options.pages[0] ?? 0, 0, 0, []);
    const peer: CrawlReading[] = [];
    for (let round = 0; round < options.rounds; round++) {
      for (const { ours, others, limit, ...size } of [cold, ...sizes]) {
        const target = { ...at, ...size };
        ours.push(await run('ours', crawlOurs(threads), target));
        limit.push(await run('bare loop', crawlBare, target));
        for (const [count, readings] of others) readings.push(await run(oursWith(count), crawlOurs(count), target));
      }
      const target = { ...at, pages: options.peerPages, warmUps: warm.crawls, warmUpPages: warm.peerPages };
      if (noCrawlee === undefined) peer.push(await run('Crawlee', crawlee, target));
    }
    return [...rowsOf(sizes, peer), coldRow(cold)];
  } finally {
    await site.end();
  }
}

function results(pages: number, warmUps: number, warmUpPages: number, others: readonly number[]): Results {
  const readings = others.map((threads): [number, CrawlReading[]] => [threads, []]);
  return { pages, warmUps, warmUpPages, ours: [], others: new Map(readings), limit: [] };
}

function oursWith(threads: number): string {
  return `ours, ${threads} threads`;
}

async function run(name: string, contender: Contender, target: Target): Promise<CrawlReading> {
  const beside = startMeter([target.sitePid]);
  const reading = await withinTime(name, contender(target));
  const site = beside.stop().cpuSeconds;
  const { pages, items, checksum, seconds, cpuSeconds, subscriberSeconds = 0 } = reading;
  const found: Extracted = { pages, items, checksum };
  assert.deepEqual(found, expected(target.pages), `${name} has extracted something else than is on the pages`);
  const [own, subscriber] = [cpuSeconds, subscriberSeconds].map((each) => Math.round((each / pages) * 1e6));
  const allPages = pages + target.warmUps * target.warmUpPages;
  const state = target.warmUps > 0 ? '' : ' cold';
  console.error(
    `crawl: ${name}${state}, ${pages} pages: ${Math.round(pages / seconds)} pages/s; CPU µs a page: ${own}, site ${Math.round((site / allPages) * 1e6)}, subscriber ${subscriber}`,
  );
  return reading;
}

async function withinTime<Value>(name: string, work: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} did not end within ${maxMs} ms`)), maxMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function rowsOf(sizes: readonly Results[], peer: readonly CrawlReading[]): Row[] {
  const other: Side = { ...side('Crawlee CheerioCrawler', peer, pagesPerSecond), ...noCrawlee };
  const [small, large] = [sizes[0], sizes.at(-1)];
  const rows = sizes.flatMap(({ pages, ours, others, limit }) => [
    limitRow(`${pages} pages`, ours, limit),
    ...Array.from(others, ([threads, more]) => limitRow(`${pages} pages, ${threads} threads`, more, limit)),
  ]);
  if (small === undefined || large === undefined) return rows;
  for (const { pages, ours } of sizes) {
    rows.push({
      bench: 'crawl',
      what: `${pages} pages`,
      unit: 'pages/s',
      ours: side('ours', ours, pagesPerSecond),
      other,
      goal: { of: 'ratio', atLeast: 10 },
    });
  }
  if (small !== large) rows.push(growth(small, large));
  rows.push(...memory(large));
  return rows;
}

function limitRow(what: string, ours: readonly CrawlReading[], limit: readonly CrawlReading[]): Row {
  return {
    bench: 'crawl',
    what,
    unit: 'pages/s',
    ours: side('ours', ours, pagesPerSecond),
    other: side('bare loop, all cores', limit, pagesPerSecond),
    goal: { of: 'ratio', atLeast: 0.8 },
  };
}

/** What a process does that has only just begun. */
function coldRow({ pages, ours, limit }: Results): Row {
  return {
    bench: 'crawl',
    what: `the first ${pages} pages of a process`,
    unit: 'pages/s',
    ours: side('ours', ours, pagesPerSecond),
    other: side('bare loop, all cores', limit, pagesPerSecond),
  };
}

/** Whether a page costs more when there are many. */
function growth(small: Results, large: Results): Row {
  return {
    bench: 'crawl',
    what: `cost of a page, ${large.pages} pages`,
    unit: 'CPU µs',
    ours: side('ours', large.ours, cpuMicros),
    other: side(`ours, ${small.pages} pages`, small.ours, cpuMicros),
    goal: { of: 'ratio', atMost: 1.1 },
  };
}

function memory({ pages, ours }: Results): Row[] {
  return [
    {
      bench: 'crawl',
      what: `peak memory, ${pages} pages`,
      unit: 'MB',
      ours: side('ours', ours, ({ peakRssMb }) => peakRssMb),
      goal: { of: 'ours', atMost: 250 },
    },
    {
      bench: 'crawl',
      what: 'of it not mapped from files',
      unit: 'MB',
      ours: side('ours', ours, ({ peakAnonymousMb }) => peakAnonymousMb),
    },
    {
      bench: 'crawl',
      what: 'memory in its last fifth',
      unit: 'MB',
      ours: side('ours', ours, ({ anonymousMb }) => highest(anonymousMb, 0.8, 1)),
      other: side('ours in its third fifth', ours, ({ anonymousMb }) => highest(anonymousMb, 0.4, 0.6)),
      goal: { of: 'ratio', atMost: 1.1 },
    },
  ];
}

function highest(samples: readonly number[], from: number, to: number): number {
  return Math.max(...samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to)));
}

function side(name: string, readings: readonly CrawlReading[], value: (reading: CrawlReading) => number): Side {
  return {
    name,
    readings: readings.map(
      (reading): Reading => ({ value: value(reading), cpuMicros: cpuMicros(reading), peakRssMb: reading.peakRssMb }),
    ),
  };
}

const pagesPerSecond = ({ pages, seconds }: CrawlReading) => pages / seconds;
const cpuMicros = ({ pages, cpuSeconds }: CrawlReading) => (cpuSeconds / pages) * 1e6;
