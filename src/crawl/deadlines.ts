/** The limits in time of one fetch, and everything else that may end it early. */
import { setMaxListeners } from 'node:events';
import type { CrawlcastError } from '../errors.js';
import { type Phase, timeoutError, totalTimeoutError } from './fetch-errors.js';
import type { FetchOptions } from './messages.js';

/** Watches one fetch. Its signal fires, with the reason, when a limit has passed or one of the callers gives up. */
export class Deadlines {
  readonly #abort = new AbortController();
  readonly #total: NodeJS.Timeout;
  #silence: NodeJS.Timeout | undefined;
  #phase: Phase = 'waiting';
  #paused = false;
  #steps = 0;

  constructor(
    readonly host: string,
    readonly options: FetchOptions,
    readonly callers: readonly AbortSignal[],
  ) {
    const { totalTimeoutMs } = options;
    this.#total = setTimeout(() => this.#abort.abort(totalTimeoutError(host, totalTimeoutMs)), totalTimeoutMs);
    for (const caller of callers) {
      // one signal may stop any number of fetches; Node takes more than ten for a leak
      setMaxListeners(0, caller);
      caller.addEventListener('abort', this.#leave, { once: true });
    }
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
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
    for (const caller of this.callers) caller.removeEventListener('abort', this.#leave);
  }

  readonly #leave = () => this.#abort.abort(this.callers.find((caller) => caller.aborted)?.reason);

  readonly #silent = () => {
    const steps = this.#steps;
    if (this.#paused) this.#silence?.refresh();
    // where our own thread was busy, what came meanwhile is still to be read: that happens before the immediate
    else setImmediate(() => this.#steps === steps && this.#abort.abort(this.#silenceError()));
  };

  #silenceError(): CrawlcastError {
    return timeoutError(this.#phase, this.host, this.options.timeoutMs);
  }
}
