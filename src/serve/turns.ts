/** Work in turns: a little of it, then everybody else's. */
import type { Store } from '../store/store.js';

/** How long one turn may take: an append on its way to a live reader stands behind up to three of them. */
const turnMs = 0.4;

/** How long those who replay rest after a turn while somebody follows live: they have a quarter of the time. */
const restMs = 1;

/** The same while something is on its way to the disk: no longer than that, as in a crawl at full speed there always is. */
const longRestMs = 3;

/** How long somebody counts as following live after an append that reached them. */
const liveForMs = 1_000;

/** Something that has a step of work to do. */
export interface Worker {
  /** Whether it replays: then it can wait for those who follow live. */
  readonly replays: boolean;
  /** Does a step; adds itself again where there is more. */
  pump(): void;
}

/** Who has more to read than is written at once takes turns: appends and live readers are served between two of them. */
export class Turns {
  readonly #burst = new Round(setImmediate);
  readonly #pace: ReplayPace;
  readonly #replay: Round;

  constructor(store: Pick<Store, 'isCommitting'>) {
    this.#pace = new ReplayPace(store);
    this.#replay = new Round((take) => this.#pace.next(take));
  }

  /** Whoever is waiting already keeps its place. */
  add(worker: Worker): void {
    if (worker.replays) this.#replay.add(worker);
    else this.#burst.add(worker);
  }

  /** Somebody has been reached by an append. */
  liveReached(): void {
    this.#pace.liveReached();
  }
}

/** Workers one after the other, in each turn as many as it has time for. */
class Round {
  readonly #waiting = new Set<Worker>();
  #isPlanned = false;

  /** @param next calls back when the next turn may begin */
  constructor(private readonly next: (take: () => void) => void) {}

  add(worker: Worker): void {
    this.#waiting.add(worker);
    this.#plan();
  }

  #plan(): void {
    if (this.#isPlanned || this.#waiting.size === 0) return;
    this.#isPlanned = true;
    this.next(() => this.#take());
  }

  #take(): void {
    this.#isPlanned = false;
    const endMs = performance.now() + turnMs;
    for (const worker of this.#waiting) {
      this.#waiting.delete(worker);
      // It comes back behind the others.
      worker.pump();
      if (performance.now() > endMs) break;
    }
    this.#plan();
  }
}

/** Of those who replay: while somebody follows live they rest, so that the disk's thread and those who read find a core. */
class ReplayPace {
  #liveUntilMs = Number.NEGATIVE_INFINITY;
  #turnBeganMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly store: Pick<Store, 'isCommitting'>) {}

  liveReached(): void {
    this.#liveUntilMs = performance.now() + liveForMs;
  }

  next(take: () => void): void {
    const begin = () => {
      this.#turnBeganMs = performance.now();
      take();
    };
    if (this.#rests(restMs)) this.#afterRest(begin);
    else setImmediate(begin);
  }

  #afterRest(begin: () => void): void {
    setTimeout(() => {
      if (this.store.isCommitting && this.#rests(longRestMs)) this.#afterRest(begin);
      else begin();
    }, 1);
  }

  #rests(ms: number): boolean {
    const nowMs = performance.now();
    return nowMs < this.#liveUntilMs && nowMs < this.#turnBeganMs + turnMs + ms;
  }
}
