/** The built product as a user runs it: a process of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadUws } from '#src/serve/uws.js';

export const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** A command that runs until it is told to end. */
export interface Launched {
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  /** All that it wrote so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Waits until standard output, or standard error, holds what is looked for. */
  until(pattern: RegExp, stream?: 'stdout' | 'stderr'): Promise<RegExpExecArray>;
  /** Sends a signal; resolves with the exit code, `null` where the signal ended it. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

/** A command that says `listening on URL`. */
export interface Running extends Launched {
  readonly url: string;
}

/** A command line under a limit that a shell sets: `-n` file descriptors, `-v` KB of address space, `-f` blocks of a file. */
export function limited(
  line: readonly string[],
  flag: '-n' | '-v' | '-f',
  limit: number | undefined,
): readonly string[] {
  return limit === undefined ? line : ['sh', '-c', `ulimit ${flag} ${limit} && exec "$@"`, 'sh', ...line];
}

/**
 * Starts a command of the product. It is killed with the test that it was started for.
 * @param openFiles how many file descriptors it may have
 */
export function launch(
  test: TestContext,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  openFiles?: number,
): Launched {
  const line = [process.execPath, cli, ...args];
  const [program = '', ...rest] = limited(line, '-n', openFiles);
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
      child.emit('written');
    });
  }
  const exited = once(child, 'exit');
  test.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  return {
    process: child,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    async until(pattern, stream = 'stdout') {
      for (;;) {
        const found = pattern.exec(written[stream]);
        if (found !== null) return found;
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`it ended with ${child.exitCode ?? child.signalCode} before ${pattern}: ${written.stderr}`);
        }
        await Promise.race([once(child, 'written'), exited]);
      }
    },
    async end(signal = 'SIGTERM') {
      child.kill(signal);
      const [code]: unknown[] = await exited;
      return typeof code === 'number' ? code : null;
    },
  };
}

/** Starts a command that serves, and waits until it listens. */
export async function run(
  test: TestContext,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  openFiles?: number,
): Promise<Running> {
  const launched = launch(test, args, env, openFiles);
  const [, url = ''] = await launched.until(/^listening on (\S+)$/m);
  return { ...launched, url };
}

/** Starts the service with one thread, on a free port and in a folder of the test's own. */
export function runService(test: TestContext, transport: string, args: readonly string[] = []): Promise<Running> {
  const own = ['--transport', transport, '--port', '0', '--workers', '1'];
  const data = args.includes('--data') ? [] : ['--data', temporaryFolder(test)];
  return run(test, ['serve', ...own, ...data, ...args]);
}

/** Both transports, each with the reason to leave it out here. */
export const transports: readonly { readonly transport: 'uws' | 'ws'; readonly skip: string | false }[] = [
  { transport: 'uws', skip: (await loadUws()) === undefined && 'uWebSockets.js does not load on this machine' },
  { transport: 'ws', skip: false },
];

/** What a command came to. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the product to its end. */
export async function runToEnd(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  const env = { ...process.env, ...options.env };
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env, cwd: options.cwd });
  const read = async (stream: Readable) => Buffer.concat(await stream.toArray()).toString('utf8');
  const [stdout, stderr, [code]] = await Promise.all([read(child.stdout), read(child.stderr), once(child, 'exit')]);
  return { code, stdout, stderr };
}

/** A folder that goes with the test. */
export function temporaryFolder(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'crawlcast-test-'));
  test.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
