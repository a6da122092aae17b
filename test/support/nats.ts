/** A real nats-server with JetStream, on a free port and in a directory of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './ports.js';

/** Whether this machine has a server; without one, tests that need it are skipped. */
export const hasNats = spawnSync('nats-server', ['--version']).status === 0;

/** One server, which may be killed and started again on what it had stored. */
export interface NatsServer {
  readonly url: string;
  readonly port: number;
  /** `SIGKILL`, `SIGSTOP` and the like. */
  signal(name: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  /** Ends it and forgets what it stored. */
  end(): Promise<void>;
}

/** Starts a server; resolves when it takes connections. */
export async function startNats(...options: readonly string[]): Promise<NatsServer> {
  const dir = mkdtempSync(join(tmpdir(), 'crawlcast-nats-'));
  const port = await freePort();
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const args = ['-js', '-sd', dir, '-a', '127.0.0.1', '-p', String(port), ...options];
    child = spawn('nats-server', args, { stdio: 'ignore' });
    while (!(await isOpen(port))) {
      if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}`);
      await pause(10);
    }
  }

  async function signal(name: NodeJS.Signals): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = name === 'SIGSTOP' || name === 'SIGCONT' ? undefined : once(child, 'exit');
    child.kill(name);
    await gone;
  }

  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    signal,
    start,
    async end() {
      await signal('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Starts three servers that are one cluster. */
export async function startNatsCluster(): Promise<NatsServer[]> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(',');
  const startOne = (port: number, index: number) =>
    startNats('-n', `n${index}`, '--cluster_name', 'c', '--cluster', `nats://127.0.0.1:${port}`, '--routes', routes);
  return Promise.all(ports.map(startOne));
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    // A server says who it is as soon as it is ready.
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
