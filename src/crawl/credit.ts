/** How much may be sent before somebody has taken care of what was sent earlier. */
export class Credit {
  #left: number;
  #wake: (() => void) | undefined;

  constructor(size: number) {
    this.#left = size;
  }

  /** Uses one up. */
  take(): void {
    this.#left--;
  }

  /** One more may be sent. */
  give(): void {
    this.#left++;
    if (this.#left > 0) this.#wake?.();
  }

  /** Nobody waits any more. */
  end(): void {
    this.#left = Number.POSITIVE_INFINITY;
    this.#wake?.();
  }

  /** Resolves at once, or as soon as there is credit again. */
  available(): Promise<void> | undefined {
    if (this.#left > 0) return undefined;
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
