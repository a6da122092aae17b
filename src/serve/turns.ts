/** Work in turns: a little of it, then everybody else's. */

/** How long one turn may take: an append on its way to a live reader stands behind up to three of them. */
const turnMs = 0.5;

/** Something that has a step of work to do. */
export interface Worker {
  /** Does a step; adds itself again where there is more. */
  pump(): void;
}

/** Who replays takes turns: appends and live readers are served between two of them. */
export class Turns {
  readonly #waiting = new Set<Worker>();
  #next: NodeJS.Immediate | undefined;

  /** Whoever is waiting already keeps its place. */
  add(worker: Worker): void {
    this.#waiting.add(worker);
    this.#next ??= setImmediate(() => this.#take());
  }

  #take(): void {
    this.#next = undefined;
    const endMs = performance.now() + turnMs;
    for (const worker of this.#waiting) {
      this.#waiting.delete(worker);
      // It comes back behind the others.
      worker.pump();
      if (performance.now() > endMs) break;
    }
    if (this.#waiting.size > 0) this.#next ??= setImmediate(() => this.#take());
  }
}
