/** The built service as a user starts it, on a fresh data directory. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cli } from '../../support/process.js';

/** A running service. */
export interface Service {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Stops it and removes its data. */
  end(): Promise<void>;
}

/** Starts `crawlcast serve` over uWebSockets.js. */
export async function startService(workers: number, args: readonly string[] = []): Promise<Service> {
  const data = mkdtempSync(join(tmpdir(), 'crawlcast-bench-'));
  const own = ['--port', '0', '--data', data, '--spiders', join(data, 'none'), '--transport', 'uws'];
  const threads = ['--workers', `${workers}`];
  const all = [cli, 'serve', ...own, ...threads, '--allow-private-networks', ...args];
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const url = await new Promise<string>((resolve, reject) => {
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const [, found] = /^listening on (\S+)$/m.exec(stdout) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(`the service did not start: ${said}`)));
  });
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    async end() {
      child.kill('SIGTERM');
      await exited;
      process.off('exit', kill);
      rmSync(data, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Calls the service's interface. */
export async function callJson(url: string, body?: unknown): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} says ${response.status}: ${await response.text()}`);
  return response.json();
}
