/** What the commands write on a terminal. */
import type { Writable } from 'node:stream';
import pc from 'picocolors';
import type { CloudEvent, CrawlStats } from '../events.js';

/** One item on one line: a quote as people write it, anything else as JSON. */
export function itemLine(data: unknown): string {
  const { quote, author, tags }: Record<string, unknown> = typeof data === 'object' && data !== null ? { ...data } : {};
  if (typeof quote !== 'string') return JSON.stringify(data);
  const labels = Array.isArray(tags) ? tags.map((tag) => `#${tag}`).join(' ') : '';
  return `${quote} ${pc.cyan(`— ${author ?? 'unknown'}`)}  ${pc.dim(labels)}`;
}

/** One event on one line. */
export function eventLine({ id, type, time, data }: CloudEvent): string {
  const clock = pc.dim(`${time.slice(11, 23)} ${id.padEnd(14)}`);
  if (type === 'page.failed') return `${clock} ${pc.red(type)} ${JSON.stringify(data)}`;
  if (type === 'log.gap') return `${clock} ${pc.yellow(type)} ${JSON.stringify(data)}`;
  if (type.startsWith('page') || type.startsWith('crawl.'))
    return `${clock} ${pc.dim(`${type} ${JSON.stringify(data)}`)}`;
  return `${clock} ${itemLine(data)}`;
}

/** A line that is written over and over, on a terminal only. */
export interface Progress {
  /** Writes a line of the command's own; the progress stays below it. */
  print(line: string): void;
  /** Takes the progress line away. */
  stop(): void;
}

const drawMs = 100;

/**
 * Shows how a crawl goes.
 * @param stats asked for ten times a second
 * @param out where `print` goes
 */
export function showProgress(stats: () => CrawlStats | undefined, out: Writable = process.stdout): Progress {
  const terminal = process.stderr;
  if (!terminal.isTTY) return { print: (line) => void out.write(`${line}\n`), stop: () => {} };
  const startedMs = performance.now();
  const clear = () => terminal.write('\r\x1b[K');
  const draw = () => {
    const now = stats();
    if (now === undefined) return;
    const seconds = Math.max(0.001, (performance.now() - startedMs) / 1_000);
    const perSecond = (now.items / seconds).toFixed(1);
    const line = `${now.pages} pages  ${now.items} items  ${perSecond}/s  ${now.queued + now.inFlight} to go`;
    terminal.write(`\r\x1b[K${pc.dim(line.slice(0, (terminal.columns ?? 80) - 1))}`);
  };
  const timer = setInterval(draw, drawMs);
  return {
    print(line) {
      clear();
      out.write(`${line}\n`);
      draw();
    },
    stop() {
      clearInterval(timer);
      clear();
    },
  };
}

/** Resolves on the first SIGINT or SIGTERM; the second ends the process at once. */
export function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    const interrupt = () => {
      process.once('SIGINT', () => process.exit(130));
      resolve();
    };
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
  });
}
