/** Lets a reader hold up its connection: shut, nothing more is read from it. */

/** What a connection has to respect. */
export interface Gate {
  /** Resolves when it is open. */
  whenOpen(): Promise<void>;
  /** Calls back when it is shut. Returns the function that ends it. */
  onShut(listener: () => void): () => void;
}

/** For readers that take everything at once. */
export const alwaysOpen: Gate = { whenOpen: () => Promise.resolve(), onShut: () => () => {} };

/** A gate that its maker opens and shuts. */
export class Lock implements Gate {
  #isOpen = true;
  #waiting: (() => void)[] = [];
  readonly #listeners = new Set<() => void>();

  get isOpen(): boolean {
    return this.#isOpen;
  }

  whenOpen(): Promise<void> {
    return this.#isOpen ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  onShut(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  shut(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const listener of this.#listeners) listener();
  }

  open(): void {
    this.#isOpen = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
