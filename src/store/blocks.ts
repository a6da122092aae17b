/** Blocks of old events, the most recently read ones kept, so that many who replay share them. */
import { CrawlcastError } from '../errors.js';
import { chunkLimits } from './chunk.js';
import type { Batch } from './store.js';

/** Offsets in which the chunks of one block begin; no chunk is longer, so that none goes on beyond the block behind it. */
export const blockSpan = chunkLimits.events;
const maxBlocks = 32;

/** A block is the chunks that begin at offsets 1 to 256, 257 to 512 and so on: each is read and checked whole, and once. */
export class RecentBlocks {
  /** By number; the least recently used first. */
  readonly #blocks = new Map<number, Batch>();

  /** @param load the events of the chunks that begin in a block's span; none where no chunk does */
  constructor(private readonly load: (first: number) => Batch) {}

  /** The block that holds an offset. */
  at(offset: number): Batch {
    const block = this.#kept(offset) ?? this.#loaded(offset);
    if (block !== undefined) return block;
    throw new CrawlcastError('data.corrupt', `The log has no event at offset ${offset}, and should.`);
  }

  #kept(offset: number): Batch | undefined {
    for (const [number, block] of this.#blocks) {
      if (!holds(block, offset)) continue;
      this.#keep(number, block);
      return block;
    }
    return undefined;
  }

  /** Also in place of the newest one, which has grown since. */
  #loaded(offset: number): Batch | undefined {
    const own = Math.floor((offset - 1) / blockSpan);
    for (const number of [own, own - 1]) {
      const block = this.load(number * blockSpan + 1);
      if (block.length > 0) this.#keep(number, block);
      if (holds(block, offset)) return block;
    }
    return undefined;
  }

  #keep(number: number, block: Batch): void {
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= maxBlocks) break;
      this.#blocks.delete(oldest);
    }
  }
}

function holds(block: Batch, offset: number): boolean {
  return block[offset - (block[0]?.offset ?? offset)]?.offset === offset;
}
