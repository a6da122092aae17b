/** The limits in time of one fetch, and everything else that may end it early. */
import { setMaxListeners } from 'node:events';
import type { CrawlcastError } from '../errors.js';
import { type Phase, timeoutError, totalTimeoutError } from './fetch-errors.js';
import type { FetchOptions } from './messages.js';

/** What may end before its time. An `AbortSignal` in what is needed of one, at a tenth of its cost. */
export interface Ending {
  /** Why it has ended; absent while it has not. */
  readonly ended: { readonly reason: unknown } | undefined;
  /** Calls back once when it ends. */
  onEnd(listener: () => void): void;
  offEnd(listener: () => void): void;
}

/** Watches one fetch. It ends, with the reason, when a limit has passed or its caller gives up. */
export class Deadlines implements Ending {
  ended: { readonly reason: unknown } | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #total: NodeJS.Timeout;
  #silence: NodeJS.Timeout | undefined;
  #phase: Phase = 'waiting';
  #paused = false;
  #steps = 0;

  constructor(
    readonly host: string,
    readonly options: FetchOptions,
    readonly caller: AbortSignal,
    /** Told when nothing is watched any more. */
    private readonly onStop: () => void,
  ) {
    const { totalTimeoutMs } = options;
    this.#total = setTimeout(() => this.end(totalTimeoutError(host, totalTimeoutMs)), totalTimeoutMs);
    // one signal may stop any number of fetches; Node takes more than ten for a leak
    setMaxListeners(0, caller);
    caller.addEventListener('abort', this.#leave, { once: true });
  }

  onEnd(listener: () => void): void {
    this.#listeners.add(listener);
  }

  offEnd(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  /** Ends it at once; the first reason stays. */
  end(reason: unknown): void {
    if (this.ended !== undefined) return;
    this.ended = { reason };
    for (const listener of [...this.#listeners]) listener();
    this.#listeners.clear();
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** A new phase has the whole of `timeoutMs` again. */
  enter(phase: Phase): void {
    this.#phase = phase;
    this.#steps += 1;
    if (this.#silence === undefined) this.#silence = setTimeout(this.#silent, this.options.timeoutMs);
    else this.#silence.refresh();
  }

  /** Something came. */
  progress(): void {
    this.#steps += 1;
    this.#silence?.refresh();
  }

  /** While we are the ones who do not read, the site can't be late. */
  pause(paused: boolean): void {
    this.#paused = paused;
    this.progress();
  }

  stop(): void {
    this.#steps += 1;
    clearTimeout(this.#total);
    clearTimeout(this.#silence);
    this.caller.removeEventListener('abort', this.#leave);
    this.onStop();
  }

  readonly #leave = () => this.end(this.caller.reason);

  readonly #silent = () => {
    const steps = this.#steps;
    if (this.#paused) this.#silence?.refresh();
    // where our own thread was busy, what came meanwhile is still to be read: that happens before the immediate
    else setImmediate(() => this.#steps === steps && this.end(this.#silenceError()));
  };

  #silenceError(): CrawlcastError {
    return timeoutError(this.#phase, this.host, this.options.timeoutMs);
  }
}
