/** The body of a request, gathered as it comes. */
import { CrawlcastError } from '../errors.js';

/** The body is larger than it may be. */
export function bodyTooLarge(maxBytes: number): CrawlcastError {
  return new CrawlcastError('body.limit', `the request body is larger than ${maxBytes} bytes`);
}

/** The client went away, or took too long, before the body was whole. */
export function bodyCutShort(cause?: unknown): CrawlcastError {
  return new CrawlcastError('body.invalid', 'the request body ended before it was complete', { cause });
}

/** What is kept of a body, which comes before anybody has asked for it; a larger one is too large for every caller. */
const maxKeptBytes = 1 << 20;

/** Gathers a body for a library that hands it over whether or not somebody waits for it. */
export class BodyBuffer {
  readonly #length: number;
  readonly #chunks: Buffer[] = [];
  #state: 'coming' | 'whole' | 'cut' = 'coming';
  #onEnd: () => void = () => {};

  /** `length` is what the client said. */
  constructor(length: number) {
    this.#length = length;
    if (length === 0) this.#state = 'whole';
  }

  /** Takes a copy of the chunk. */
  push(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#length <= maxKeptBytes) this.#chunks.push(Buffer.from(new Uint8Array(chunk)));
    if (isLast) this.#finish('whole');
  }

  /** No more will come. */
  cut(): void {
    if (this.#state === 'coming') this.#finish('cut');
  }

  /** @throws CrawlcastError `body.limit`; `body.invalid` where it does not come whole */
  async read(maxBytes: number): Promise<Buffer> {
    if (this.#length > Math.min(maxBytes, maxKeptBytes)) throw bodyTooLarge(maxBytes);
    if (this.#state === 'coming')
      await new Promise<void>((resolve) => {
        this.#onEnd = resolve;
      });
    if (this.#state === 'cut') throw bodyCutShort();
    return Buffer.concat(this.#chunks);
  }

  #finish(state: 'whole' | 'cut'): void {
    this.#state = state;
    this.#onEnd();
  }
}
