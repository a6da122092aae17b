/** What a durable write costs by itself here: nothing that is durable before it is pushed can be faster. */
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Latencies } from '../support/latencies.js';

/** In milliseconds. */
export interface DiskReading {
  readonly p50: number;
  readonly p99: number;
}

/** Overwrites a page of a file again and again, and waits each time until it is on the disk. */
export async function measureDisk(writes: number, perSecond: number): Promise<DiskReading> {
  const folder = mkdtempSync(join(tmpdir(), 'crawlcast-bench-'));
  const file = await open(join(folder, 'page'), 'w');
  const latencies = new Latencies();
  try {
    const page = Buffer.alloc(4_096, 1);
    await file.write(page, 0, page.length, 0);
    await file.sync();
    for (let left = writes; left > 0; left--) {
      await delay(1_000 / perSecond);
      const startMs = performance.now();
      await file.write(page, 0, page.length, 0);
      await file.datasync();
      latencies.add(performance.now() - startMs);
    }
    return { p50: latencies.percentile(0.5), p99: latencies.percentile(0.99) };
  } finally {
    await file.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
