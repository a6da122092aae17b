/** Messages that have come from the stream, in order, until somebody looks at them. */
import type { Message } from './tail.js';

const maxBytes = 16 * 1024 * 1024;

/** A bounded queue whose end can be waited for. */
export class Arrivals {
  /** The newest sequence that ever came. */
  newest = 0;
  readonly #messages: Message[] = [];
  readonly #listeners = new Set<() => void>();
  #bytes = 0;
  #closed = false;

  add(message: Message): void {
    this.#messages.push(message);
    this.#bytes += message.data.length;
    this.newest = message.sequence;
    this.#tell();
  }

  shift(): Message | undefined {
    const message = this.#messages.shift();
    if (message === undefined) return undefined;
    this.#bytes -= message.data.length;
    this.#tell();
    return message;
  }

  at(sequence: number): Message | undefined {
    return this.#messages.find((message) => message.sequence === sequence);
  }

  /** Lets go of what is known already. */
  dropUpTo(sequence: number): void {
    while ((this.#messages[0]?.sequence ?? Number.POSITIVE_INFINITY) <= sequence) this.shift();
  }

  /** Waits until there is room for more. */
  async room(): Promise<void> {
    while (this.#bytes > maxBytes && !this.#closed) await this.#next();
  }

  /** Waits until a sequence, or a later one, has come; false where it has not by a time of `performance.now()`. */
  async has(sequence: number, deadlineMs: number): Promise<boolean> {
    while (this.newest < sequence && !this.#closed) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) break;
      await this.#next(leftMs);
    }
    return this.newest >= sequence;
  }

  close(): void {
    this.#closed = true;
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #next(withinMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#listeners.delete(done);
        resolve();
      };
      const timer = withinMs === undefined ? undefined : setTimeout(done, withinMs);
      this.#listeners.add(done);
    });
  }
}
