/** How something is given up before its time. */

/** May end before its time. An `AbortSignal` in what is needed of one, at a tenth of its cost: every page has two. */
export class Cancellation {
  /** Why it has ended; absent while it has not. */
  ended: { readonly reason: unknown } | undefined;
  /** There is hardly ever more than one. */
  #listeners: (() => void)[] = [];

  /** Calls back once when it ends. */
  onEnd(listener: () => void): void {
    this.#listeners.push(listener);
  }

  offEnd(listener: () => void): void {
    const at = this.#listeners.indexOf(listener);
    if (at >= 0) this.#listeners.splice(at, 1);
  }

  /** Throws the reason of what has ended. */
  throwIfEnded(): void {
    if (this.ended !== undefined) throw this.ended.reason;
  }

  /** Ends it at once; the first reason stays. */
  end(reason: unknown): void {
    if (this.ended !== undefined) return;
    this.ended = { reason };
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}

/** Ends with a signal, and with its reason. */
export function cancelledBy(signal: AbortSignal): Cancellation {
  const cancellation = new Cancellation();
  const end = () => cancellation.end(signal.reason);
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  return cancellation;
}
