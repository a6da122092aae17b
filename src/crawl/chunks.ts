/** The chunks of a body between the socket that brings them and the loop that takes them. */

/** Told by a {@link ChunkQueue} what its reader does. */
export interface ChunkSource {
  /** There is room again after a push that answered false. */
  resume(): void;
  /** The reader left before the end. */
  cancel(): void;
}

/** How many bytes may wait before the source is told to stop. */
const highWaterBytes = 64 * 1024;

/** A queue of chunks with one reader, which waits for what is not there yet and sees an error after all that came before. */
export class ChunkQueue implements AsyncIterableIterator<Uint8Array> {
  readonly #source: ChunkSource;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #state: 'open' | 'ended' | 'failed' = 'open';
  #error: unknown;
  #wake: (() => void) | undefined;

  constructor(source: ChunkSource) {
    this.#source = source;
  }

  /** Adds a chunk; false when the source should pause. */
  push(chunk: Uint8Array): boolean {
    if (this.#state !== 'open') return true;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#notify();
    return this.#bytes < highWaterBytes;
  }

  end(): void {
    if (this.#state === 'open') this.#state = 'ended';
    this.#notify();
  }

  fail(error: unknown): void {
    if (this.#state === 'open') {
      this.#state = 'failed';
      this.#error = error;
    }
    this.#notify();
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const value = this.#take();
      if (value !== undefined) return { done: false, value };
      if (this.#state === 'ended') return { done: true, value: undefined };
      if (this.#state === 'failed') {
        // an error is thrown once; after it the iterator is at its end
        this.#state = 'ended';
        throw this.#error;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    const open = this.#state === 'open';
    this.#state = 'ended';
    this.#chunks.length = 0;
    this.#notify();
    if (open) this.#source.cancel();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return undefined;
    const wasFull = this.#bytes >= highWaterBytes;
    this.#bytes -= chunk.length;
    if (wasFull && this.#bytes < highWaterBytes && this.#state === 'open') this.#source.resume();
    return chunk;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
