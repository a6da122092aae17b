/** Work in turns: a little of it, then everybody else's. */
import type { Store } from '../store/store.js';

/** How long one turn may take: an append on its way to a live reader stands behind up to three of them. */
const turnMs = 0.5;

/**
 * The same while somebody follows live, and how long a rest is then: who replays has a fifth of the time. A rest goes on while something is
 * on its way to the disk, but not for longer than the last number: in a crawl at full speed there always is.
 */
const live = { turnMs: 0.2, restMs: 1, longRestMs: 3 } as const;

/** How long somebody counts as following live after an append that reached them. */
const liveForMs = 1_000;

/** Something that has a step of work to do. */
export interface Worker {
  /** Does a step; adds itself again where there is more. */
  pump(): void;
}

/**
 * Who replays takes turns: appends and live readers are served between two of them. While there is somebody who follows live, they rest as
 * well, so that the disk's thread and those who read find a core.
 */
export class Turns {
  readonly #waiting = new Set<Worker>();
  #isPlanned = false;
  /** When the last turn was over. */
  #endMs = Number.NEGATIVE_INFINITY;
  #liveUntilMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly store: Pick<Store, 'isCommitting'>) {}

  /** Whoever is waiting already keeps its place. */
  add(worker: Worker): void {
    this.#waiting.add(worker);
    this.#plan();
  }

  /** Somebody has been reached by an append. */
  liveReached(): void {
    this.#liveUntilMs = performance.now() + liveForMs;
  }

  #plan(): void {
    if (this.#isPlanned || this.#waiting.size === 0) return;
    this.#isPlanned = true;
    if (this.#rests(live.restMs)) this.#takeLater();
    else setImmediate(() => this.#take());
  }

  #takeLater(): void {
    setTimeout(() => {
      if (this.store.isCommitting && this.#rests(live.longRestMs)) this.#takeLater();
      else this.#take();
    }, live.restMs);
  }

  #rests(restMs: number): boolean {
    const nowMs = performance.now();
    return nowMs < this.#liveUntilMs && nowMs < this.#endMs + restMs;
  }

  #take(): void {
    this.#isPlanned = false;
    const beginMs = performance.now();
    const endMs = beginMs + (beginMs < this.#liveUntilMs ? live.turnMs : turnMs);
    for (const worker of this.#waiting) {
      this.#waiting.delete(worker);
      // It comes back behind the others.
      worker.pump();
      if (performance.now() > endMs) break;
    }
    this.#endMs = performance.now();
    this.#plan();
  }
}
