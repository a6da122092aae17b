/** The rows of `frontier`: whether it gets slower, or takes more memory, when it is long. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pace, TurnOver } from '../../support/frontier-load.js';
import { startChild } from '../support/child.js';
import { anonymousOf } from '../support/meter.js';
import type { BenchOptions } from '../support/options.js';
import type { Goal, Reading, Row, Side } from '../support/row.js';

interface FrontierReading extends TurnOver {
  /** With nothing going on. */
  readonly restMb: number;
}

/** Runs them. */
export async function benchFrontier(options: BenchOptions): Promise<Row[]> {
  const sizes = options.quick ? [5_000, 20_000] : [10_000, 100_000, 1_000_000];
  const readings = sizes.map((size) => ({ size, readings: [] as FrontierReading[] }));
  for (let round = 0; round < options.rounds; round++) {
    const data = mkdtempSync(join(tmpdir(), 'crawlcast-bench-'));
    const child = startChild(new URL('./store.js', import.meta.url), [data]);
    try {
      // A first time that does not count: the code is compiled then.
      await child.ask(sizes[0]);
      for (const one of readings) one.readings.push(await measure(child, one.size));
    } finally {
      await child.end();
      rmSync(data, { recursive: true, force: true, maxRetries: 5 });
    }
  }
  return readings.flatMap((one) => rowsOf(one, readings[0]));
}

async function measure(child: ReturnType<typeof startChild>, size: number): Promise<FrontierReading> {
  const { offers, leases } = await child.ask<TurnOver>(size);
  const restMb = anonymousOf(child.pid);
  const tell = (what: string, { perSecond, cpuMicros }: Pace) =>
    `${Math.round(perSecond)} ${what}/s of ${cpuMicros.toFixed(1)} µs`;
  console.error(`frontier: ${size}: ${tell('offers', offers)}, ${tell('leases', leases)}, ${Math.round(restMb)} MB`);
  return { offers, leases, restMb };
}

interface Sized {
  readonly size: number;
  readonly readings: readonly FrontierReading[];
}

/** Against the shortest, in the same process and run. */
function rowsOf(own: Sized, first: Sized | undefined): Row[] {
  const other = own === first ? undefined : first;
  const row = (what: string, unit: string, value: (reading: FrontierReading) => Reading, goal: Goal): Row => ({
    bench: 'frontier',
    what: `${what}, ${own.size} URLs`,
    unit,
    ours: side('ours', own, value),
    ...(other && { other: side(`ours, ${other.size} URLs`, other, value), goal }),
  });
  return [
    row('offers', '/s', ({ offers }) => readingOf(offers), { of: 'ratio', atLeast: 0.85 }),
    row('leases', '/s', ({ leases }) => readingOf(leases), { of: 'ratio', atLeast: 0.85 }),
    row('memory', 'MB', ({ restMb }) => ({ value: restMb }), { of: 'ratio', atMost: 1.15 }),
  ];
}

function readingOf({ perSecond, cpuMicros }: Pace): Reading {
  return { value: perSecond, cpuMicros };
}

function side(name: string, { readings }: Sized, value: (reading: FrontierReading) => Reading): Side {
  return { name, readings: readings.map(value) };
}
