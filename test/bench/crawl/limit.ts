/** The contender that is the limit: a bare loop on all cores. */
import { startChild } from '../support/child.js';
import { startMeter } from '../support/meter.js';
import type { Extracted } from '../support/quote-site.js';
import type { CrawlReading, Target } from './contender.js';

/** Crawls with the bare loop. The clock runs from when all its processes are ready. */
export async function crawlBare(target: Target): Promise<CrawlReading> {
  const child = startChild(new URL('./limit-coordinator.js', import.meta.url));
  try {
    const pids = await child.ask<number[]>(target);
    const meter = startMeter([child.pid, ...pids]);
    const startMs = performance.now();
    const extracted = await child.ask<Extracted>('go');
    const seconds = (performance.now() - startMs) / 1_000;
    return { ...extracted, seconds, ...meter.stop() };
  } finally {
    await child.end();
  }
}
