/** Byte lists in chunks of one size, for many small things: none of them needs an object, and nothing is moved when one grows. */

/** Bytes at the end of a chunk, which say what the next one is. */
const nextBytes = 4;

/** Chunks that are taken from the system at once. */
const blockChunks = 1024;

/** In place of a next chunk. */
const none = 0xffffffff;

/** An address counts bytes; that of a chunk is where it begins. */
export class ChunkPool {
  readonly contentBytes: number;
  readonly #blockBytes: number;
  readonly #blocks: Buffer[] = [];
  /** The first of those that were given back, each of which says what the next is. */
  #free: number | undefined;
  #end = 0;

  constructor(private readonly chunkBytes: number) {
    this.contentBytes = chunkBytes - nextBytes;
    this.#blockBytes = blockChunks * chunkBytes;
  }

  /** A chunk of zeros, without a next one. */
  take(): number {
    const chunk = this.#free ?? this.#extend();
    if (chunk === this.#free) this.#free = this.next(chunk);
    const at = this.offsetOf(chunk);
    this.blockOf(chunk).fill(0, at, at + this.contentBytes);
    this.link(chunk, undefined);
    return chunk;
  }

  free(chunk: number): void {
    this.link(chunk, this.#free);
    this.#free = chunk;
  }

  /** Frees all of them. */
  clear(): void {
    this.#blocks.length = 0;
    this.#free = undefined;
    this.#end = 0;
  }

  next(chunk: number): number | undefined {
    const next = this.blockOf(chunk).readUInt32LE(this.offsetOf(chunk) + this.contentBytes);
    return next === none ? undefined : next * this.chunkBytes;
  }

  link(chunk: number, next: number | undefined): void {
    const value = next === undefined ? none : next / this.chunkBytes;
    this.blockOf(chunk).writeUInt32LE(value, this.offsetOf(chunk) + this.contentBytes);
  }

  /** The bytes among which those at an address are. */
  blockOf(address: number): Buffer {
    const block = this.#blocks[Math.floor(address / this.#blockBytes)];
    if (block === undefined) throw new RangeError(`There is no byte ${address}`);
    return block;
  }

  /** Where among them. */
  offsetOf(address: number): number {
    return address % this.#blockBytes;
  }

  /** The chunk that an address lies in. */
  chunkOf(address: number): number {
    return address - (address % this.chunkBytes);
  }

  /** Whether an address is that of the last byte of a chunk's content. */
  isLast(address: number): boolean {
    return (address + 1) % this.chunkBytes === this.contentBytes;
  }

  #extend(): number {
    if (this.#end === this.#blocks.length * this.#blockBytes) this.#blocks.push(Buffer.alloc(this.#blockBytes));
    this.#end += this.chunkBytes;
    return this.#end - this.chunkBytes;
  }
}
