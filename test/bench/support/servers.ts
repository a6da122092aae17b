/** Starting the bare loop, and our service beside it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Child, startChild } from './child.js';

/** A server to stream from. */
export interface StreamServer {
  readonly child: Child;
  readonly port: number;
  end(): Promise<void>;
}

/** Starts the bare loop. */
export async function startBare(): Promise<StreamServer> {
  const child = startChild(new URL('./bare-server.js', import.meta.url));
  return { child, port: await child.ask<number>('where'), end: () => child.end() };
}

/** Starts our service, whose log is written as it is told. */
export async function startLog(): Promise<StreamServer> {
  const data = mkdtempSync(join(tmpdir(), 'crawlcast-bench-'));
  const child = startChild(new URL('./log-server.js', import.meta.url), [data]);
  return {
    child,
    port: await child.ask<number>('where'),
    async end() {
      await child.end();
      rmSync(data, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
