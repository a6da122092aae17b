/** The limits in time of one fetch, and everything else that may end it early. */
import type { CrawlcastError } from '../errors.js';
import { Cancellation } from './cancellation.js';
import { type Phase, timeoutError, totalTimeoutError } from './fetch-errors.js';
import type { FetchOptions } from './messages.js';

/** Watches one fetch. It ends, with the reason, when a limit has passed or its caller gives up. */
export class Deadlines extends Cancellation {
  readonly #total: NodeJS.Timeout;
  #silence: NodeJS.Timeout | undefined;
  #phase: Phase = 'waiting';
  #paused = false;
  #steps = 0;

  constructor(
    readonly host: string,
    readonly options: FetchOptions,
    readonly caller: Cancellation,
    /** Told when nothing is watched any more. */
    private readonly onStop: () => void,
  ) {
    super();
    const { totalTimeoutMs } = options;
    this.#total = setTimeout(() => this.end(totalTimeoutError(host, totalTimeoutMs)), totalTimeoutMs);
    caller.onEnd(this.#leave);
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
    this.caller.offEnd(this.#leave);
    this.onStop();
  }

  readonly #leave = () => this.end(this.caller.ended?.reason);

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
