/** The rows of `frontier`: whether it gets slower, or takes more memory, when it is long. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from '../support/child.js';
import { anonymousOf, type Spent, startMeter } from '../support/meter.js';
import type { BenchOptions } from '../support/options.js';
import type { Reading, Row, Side } from '../support/row.js';
import type { FrontierRates } from './store.js';

interface FrontierReading extends FrontierRates, Spent {
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
      await child.ask(0);
      for (const one of readings) one.readings.push(await grow(child, one.size));
    } finally {
      await child.end();
      rmSync(data, { recursive: true, force: true, maxRetries: 5 });
    }
  }
  return readings.flatMap((one) => rowsOf(one, readings[0]));
}

async function grow(child: ReturnType<typeof startChild>, size: number): Promise<FrontierReading> {
  const meter = startMeter([child.pid]);
  const rates = await child.ask<FrontierRates>(size);
  const reading = { ...rates, ...meter.stop(), restMb: anonymousOf(child.pid) };
  const { offers, leases, restMb } = reading;
  console.error(
    `frontier: ${size}: ${Math.round(offers)} offers/s, ${Math.round(leases)} leases/s, ${Math.round(restMb)} MB`,
  );
  return reading;
}

interface Sized {
  readonly size: number;
  readonly readings: readonly FrontierReading[];
}

/** Against the shortest, in the same process and run. */
function rowsOf(own: Sized, first: Sized | undefined): Row[] {
  const other = own === first ? undefined : first;
  const row = (what: string, unit: string, value: (reading: FrontierReading) => number): Row => ({
    bench: 'frontier',
    what: `${what}, ${own.size} URLs`,
    unit,
    ours: side('ours', own, value),
    ...(other && { other: side(`ours, ${other.size} URLs`, other, value) }),
  });
  return [
    row('offers', '/s', ({ offers }) => offers),
    row('leases', '/s', ({ leases }) => leases),
    row('memory', 'MB', ({ restMb }) => restMb),
  ];
}

function side(name: string, { readings }: Sized, value: (reading: FrontierReading) => number): Side {
  return {
    name,
    readings: readings.map((reading): Reading => ({ value: value(reading), peakRssMb: reading.peakRssMb })),
  };
}
