/** A service on one port and one data directory, through all its lives. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { cli } from '../support/process.js';
import type { Moment } from './moment.js';
import type { VictimOptions } from './victim.js';

const victim = fileURLToPath(new URL('./victim.js', import.meta.url));

/** How it is run, every time. */
export interface LifeOptions {
  readonly port: number;
  readonly data: string;
  readonly startUrl: readonly string[];
  readonly transport: 'uws' | 'ws';
}

/** One life of the service. */
export interface Life {
  /** Resolves with true once it listens, with false where it was killed before that; an error where it ended by itself. */
  readonly listens: Promise<boolean>;
  /** Resolves when nothing is left of it. */
  readonly ended: Promise<void>;
  /** Sends a signal, `SIGKILL` unless told; resolves when it has ended. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts it as a user does, or as one that dies at a chosen moment. */
export function startLife(options: LifeOptions, moment?: Moment): Life {
  const args = moment === undefined ? [cli, ...flags(options)] : [victim, victimJson(options, moment)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'exit').then(() => {});
  return {
    listens: listening(child, () => said),
    ended,
    async end(signal = 'SIGKILL') {
      child.kill(signal);
      await ended;
    },
  };
}

function listening(child: ChildProcess, said: () => string): Promise<boolean> {
  const listens = new Promise<boolean>((resolve, reject) => {
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (/^listening on /m.test(stdout)) resolve(true);
    });
    child.once('exit', (code, signal) => {
      if (signal === 'SIGKILL') resolve(false);
      else reject(new Error(`the service ended with ${code ?? signal}: ${said()}`));
    });
  });
  // Whoever does not ask has not missed anything.
  listens.catch(() => {});
  return listens;
}

function flags({ port, data, startUrl, transport }: LifeOptions): string[] {
  const urls = startUrl.flatMap((url) => ['--start-url', url]);
  return ['serve', '--port', `${port}`, '--data', data, '--transport', transport, '--workers', '1', ...urls];
}

function victimJson({ port, data, startUrl, transport }: LifeOptions, moment: Moment): string {
  const options: VictimOptions = {
    moment,
    config: {
      host: '127.0.0.1',
      port,
      data,
      spiders: `${data}/none`,
      startUrl,
      transport,
      workers: 1,
      corsOrigin: [],
      allowPrivateNetworks: false,
      retention: {},
    },
  };
  return JSON.stringify(options);
}
