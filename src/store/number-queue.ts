/** Queues of numbers that grow: each number is written as its distance from the one before, mostly in one byte. */
import { ChunkPool } from './chunk-pool.js';

/** Short, because many queues are. */
const chunkBytes = 16;

/** What many queues share: a chunk that one has read through is another's. */
export function newQueuePool(): ChunkPool {
  return new ChunkPool(chunkBytes);
}

/** First come, first served. Numbers are whole and not negative, and each is at least the one before. */
export class NumberQueue {
  /** Where the next byte is written, and where the next one is read. */
  #end: number;
  #begin: number;
  #lastAdded = 0;
  #lastTaken = 0;

  constructor(private readonly pool: ChunkPool) {
    this.#end = pool.take();
    this.#begin = this.#end;
  }

  get isEmpty(): boolean {
    return this.#begin === this.#end;
  }

  add(number: number): void {
    let distance = number - this.#lastAdded;
    this.#lastAdded = number;
    // Seven bits a byte, the lowest first; the eighth says that there are more.
    for (; distance > 0x7f; distance = Math.floor(distance / 0x80)) this.#write((distance % 0x80) + 0x80);
    this.#write(distance);
  }

  take(): number | undefined {
    if (this.isEmpty) return undefined;
    for (let unit = 1; ; unit *= 0x80) {
      const byte = this.#read();
      this.#lastTaken += (byte % 0x80) * unit;
      if (byte < 0x80) return this.#lastTaken;
    }
  }

  /** Gives back the chunk that a queue has even when it is empty; it is not used any more. */
  close(): void {
    this.pool.free(this.pool.chunkOf(this.#end));
  }

  #write(byte: number): void {
    const { pool } = this;
    const at = this.#end;
    pool.blockOf(at)[pool.offsetOf(at)] = byte;
    this.#end = at + 1;
    if (!pool.isLast(at)) return;
    this.#end = pool.take();
    pool.link(pool.chunkOf(at), this.#end);
  }

  #read(): number {
    const { pool } = this;
    const at = this.#begin;
    const byte = pool.blockOf(at)[pool.offsetOf(at)] ?? 0;
    this.#begin = at + 1;
    if (!pool.isLast(at)) return byte;
    const chunk = pool.chunkOf(at);
    // The writer took the next one as soon as this one was full.
    this.#begin = pool.next(chunk) ?? this.#end;
    pool.free(chunk);
    return byte;
  }
}
