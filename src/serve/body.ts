/** The body of a request, gathered as it comes. */
import { setTimeout as pause } from 'node:timers/promises';
import { CrawlcastError } from '../errors.js';

/** What is kept of a body, which comes before anybody has asked for it; a larger one is too large for every caller. */
const maxKeptBytes = 1 << 20;

/**
 * What of a larger one is read all the same, and thrown away: many clients look for an answer only when they have sent everything, and never see
 * one that closes the connection before.
 */
const maxDrainedBytes = 64 << 20;

/** Who sends no more for so long waits for the answer. */
const quietMs = 500;

/** Gathers a body for a library that hands it over whether or not somebody waits for it. */
export class BodyBuffer {
  readonly #length: number;
  readonly #chunks: Buffer[] = [];
  #state: 'coming' | 'whole' | 'cut' = 'coming';
  #onEnd: () => void = () => {};
  #received = 0;

  /** `length` is what the client said. */
  constructor(length: number) {
    this.#length = length;
    if (length === 0) this.#state = 'whole';
  }

  /** Takes a copy of the chunk. */
  push(chunk: Uint8Array, isLast: boolean): void {
    this.#received += chunk.length;
    if (this.#length <= maxKeptBytes) this.#chunks.push(Buffer.from(chunk));
    if (isLast) this.#finish('whole');
  }

  /** No more will come. */
  cut(): void {
    if (this.#state === 'coming') this.#finish('cut');
  }

  /** @throws CrawlcastError `body.limit`; `body.invalid` where it does not come whole */
  async read(maxBytes: number): Promise<Buffer> {
    const end = new Promise<void>((resolve) => {
      this.#onEnd = resolve;
    });
    if (this.#length > Math.min(maxBytes, maxKeptBytes)) {
      if (this.#length <= maxDrainedBytes) await this.#drain(end);
      throw new CrawlcastError('body.limit', `the request body is larger than ${maxBytes} bytes`);
    }
    if (this.#state === 'coming') await end;
    if (this.#state === 'whole') return Buffer.concat(this.#chunks);
    throw new CrawlcastError('body.invalid', 'the request body ended before it was complete');
  }

  async #drain(end: Promise<void>): Promise<void> {
    let before = -1;
    while (this.#state === 'coming' && this.#received > before) {
      before = this.#received;
      await Promise.race([end, pause(quietMs, undefined, { ref: false })]);
    }
  }

  #finish(state: 'whole' | 'cut'): void {
    this.#state = state;
    this.#onEnd();
  }
}
