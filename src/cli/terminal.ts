/** What the commands write on a terminal. */
import type { Writable } from 'node:stream';
import pc from 'picocolors';
import type { CloudEvent, CrawlStats } from '../events.js';

/** Colours where this stream is a terminal that shows them; `NO_COLOR` turns them off, `FORCE_COLOR` on. */
export function coloursOf(stream: NodeJS.WriteStream): ReturnType<typeof pc.createColors> {
  // picocolors by itself asks about standard output alone, and colours pipes as well where `CI` is set.
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  // Of a pipe `isTTY` is undefined, and then picocolors would guess for itself.
  const isTerminal = Boolean(stream.isTTY) && TERM !== 'dumb';
  return pc.createColors(!NO_COLOR && (Boolean(FORCE_COLOR) || isTerminal));
}

const colours = coloursOf(process.stdout);

/** `1 page`, `2 pages`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** One item on one line: a quote as people write it, anything else as JSON. */
export function itemLine(data: unknown): string {
  const { quote, author, tags }: Record<string, unknown> = typeof data === 'object' && data !== null ? { ...data } : {};
  if (typeof quote !== 'string') return JSON.stringify(data);
  const labels =
    Array.isArray(tags) && tags.length > 0 ? `  ${colours.dim(tags.map((tag) => `#${tag}`).join(' '))}` : '';
  return `${quote} ${colours.cyan(`— ${author ?? 'unknown'}`)}${labels}`;
}

/** One event on one line. */
export function eventLine({ id, type, time, data }: CloudEvent): string {
  const clock = colours.dim(`${time.slice(11, 23)} ${id.padEnd(14)}`);
  if (type === 'page.failed') return `${clock} ${colours.red(type)} ${JSON.stringify(data)}`;
  if (type === 'log.gap') return `${clock} ${colours.yellow(type)} ${JSON.stringify(data)}`;
  if (type.startsWith('page') || type.startsWith('crawl.'))
    return `${clock} ${colours.dim(`${type} ${JSON.stringify(data)}`)}`;
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
  const { dim } = coloursOf(terminal);
  const clear = () => terminal.write('\r\x1b[K');
  const draw = () => {
    const now = stats();
    if (now === undefined) return;
    const seconds = Math.max(0.001, (performance.now() - startedMs) / 1_000);
    const perSecond = (now.items / seconds).toFixed(1);
    const soFar = `${counted(now.pages, 'page')}  ${counted(now.items, 'item')}`;
    const line = `${soFar}  ${perSecond}/s  ${now.queued + now.inFlight} to go`;
    // A terminal that does not know its width says 0.
    terminal.write(`\r\x1b[K${dim(line.slice(0, (terminal.columns || 80) - 1))}`);
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

/**
 * Resolves on the first SIGINT, SIGTERM or SIGHUP (the terminal has gone); a SIGINT after it ends the process at once. Node takes a SIGHUP
 * that `nohup` has had ignored for one that is not.
 */
export function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    let isInterrupted = false;
    const interrupt = () => {
      if (!isInterrupted) process.once('SIGINT', () => process.exit(130));
      isInterrupted = true;
      resolve();
    };
    process.once('SIGINT', interrupt);
    // A supervisor sends one to the process and one to its group, the shell a SIGHUP and then the system: the second one must not end the
    // process halfway.
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  });
}
