/** Work in turns: each worker does a little of its own, then it is the others' turn. */
import type { Store } from '../store/store.js';

/** How long one turn may take: an append on its way to a live reader stands behind a few of them. */
const turnMs = 0.5;

/** How long readers that replay rest after a turn while somebody follows live. Timers count whole milliseconds, and may fire a little early. */
const restMs = 1;
const leastRestMs = 0.5;

/** The longest that they wait for an append that is under way. For the one after it they do not: in a crawl at full speed there always is one. */
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

/** The turns of readers that have more before them than is written at once. Appends and live readers are served between two turns. */
export class Turns {
  readonly #burst = new Round({ next: setImmediate, ended() {} });
  readonly #pace: ReplayPace;
  readonly #replay: Round;

  constructor(store: Pick<Store, 'isCommitting'>) {
    this.#pace = new ReplayPace(store);
    this.#replay = new Round(this.#pace);
  }

  /** Whoever is waiting already keeps its place. */
  add(worker: Worker): void {
    if (worker.replays) this.#replay.add(worker);
    else this.#burst.add(worker);
  }

  /**
   * The log has grown.
   * @param isFollowed whether somebody was reached who follows live
   */
  appended(isFollowed: boolean): void {
    this.#pace.appended(isFollowed);
  }
}

/** When turns come. */
interface Pace {
  /** Calls back when the next one may begin. */
  next(begin: () => void): void;
  ended(): void;
}

/** Workers one after the other, in each turn as many as it has time for. */
class Round {
  readonly #waiting = new Set<Worker>();
  /** Whether the next turn will come by itself. */
  #isPlanned = false;

  constructor(private readonly pace: Pace) {}

  add(worker: Worker): void {
    this.#waiting.add(worker);
    if (!this.#isPlanned) this.#plan();
  }

  #plan(): void {
    this.#isPlanned = true;
    this.pace.next(() => {
      try {
        this.#take();
      } finally {
        this.pace.ended();
        this.#isPlanned = false;
        if (this.#waiting.size > 0) this.#plan();
      }
    });
  }

  #take(): void {
    const endMs = performance.now() + turnMs;
    for (const worker of this.#waiting) {
      this.#waiting.delete(worker);
      // It comes back behind the others.
      worker.pump();
      if (performance.now() > endMs) return;
    }
  }
}

/** Of those who replay: while somebody follows live they rest, so that the disk's thread and those who read find a core. */
class ReplayPace implements Pace {
  #liveUntilMs = Number.NEGATIVE_INFINITY;
  #endedMs = Number.NEGATIVE_INFINITY;
  /** Whether the log has grown since. */
  #hasGrown = false;

  constructor(private readonly store: Pick<Store, 'isCommitting'>) {}

  appended(isFollowed: boolean): void {
    this.#hasGrown = true;
    if (isFollowed) this.#liveUntilMs = performance.now() + liveForMs;
  }

  next(begin: () => void): void {
    if (this.#rests(restMs)) this.#afterRest(begin);
    else setImmediate(begin);
  }

  #afterRest(begin: () => void): void {
    setTimeout(() => {
      const isAwaited = this.store.isCommitting && !this.#hasGrown;
      if (this.#rests(isAwaited ? longRestMs : leastRestMs)) this.#afterRest(begin);
      else begin();
    }, restMs);
  }

  ended(): void {
    this.#hasGrown = false;
    this.#endedMs = performance.now();
  }

  #rests(ms: number): boolean {
    const nowMs = performance.now();
    return nowMs < this.#liveUntilMs && nowMs < this.#endedMs + ms;
  }
}
