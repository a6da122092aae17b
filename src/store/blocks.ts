/** Blocks of old events, the most recently read ones kept, so that many who replay share them. */
import { CrawlcastError } from '../errors.js';
import type { Batch } from './store.js';

const blockSize = 256;
const maxBlocks = 32;

/** Blocks begin at offsets 1, 257, 513 and so on. */
export class RecentBlocks {
  /** By number; the least recently used first. */
  readonly #blocks = new Map<number, Batch>();

  constructor(private readonly load: (from: number, to: number) => Batch) {}

  /** The block that holds an offset, or what is kept of it. */
  at(offset: number): Batch {
    const number = Math.floor((offset - 1) / blockSize);
    const known = this.#blocks.get(number);
    // The newest block may have been read when it was not full yet.
    const isUsable = known !== undefined && (known.at(-1)?.offset ?? 0) >= offset;
    const block = isUsable ? known : this.load(number * blockSize + 1, (number + 1) * blockSize);
    if (block[0] === undefined || block[0].offset > offset || block.length <= offset - block[0].offset) {
      throw new CrawlcastError('data.corrupt', `The log has no event at offset ${offset}, and should.`);
    }
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= maxBlocks) break;
      this.#blocks.delete(oldest);
    }
    return block;
  }
}
