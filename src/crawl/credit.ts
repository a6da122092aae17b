/** How much may be sent before somebody has taken care of what was sent earlier. */
export interface Credit {
  /** Uses one up. */
  take(): void;
  /** One more may be sent. */
  give(): void;
  /** Resolves at once, or as soon as there is credit again. */
  available(): Promise<void> | undefined;
}

/** Makes a credit of `size`. */
export function createCredit(size: number): Credit {
  let left = size;
  let wake: (() => void) | undefined;
  return {
    take() {
      left--;
    },
    give() {
      left++;
      if (left > 0) wake?.();
    },
    available: () =>
      left > 0
        ? undefined
        : new Promise((resolve) => {
            wake = resolve;
          }),
  };
}
