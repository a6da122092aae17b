/** Blocks of old events, the most recently read ones kept, so that many who replay share them. */
import { Recent } from '../recent.js';
import { chunkLimits } from './chunk.js';
import type { Batch } from './store.js';

/** Offsets in which the chunks of one block begin; no chunk is longer, so that none goes on beyond the block behind it. */
export const blockSpan = chunkLimits.events;

/** A block is the chunks that begin at offsets 1 to 256, 257 to 512 and so on: each is read and checked whole, and once. */
export class RecentBlocks {
  /** The newest one comes again when it has grown. */
  readonly #blocks = new Recent<Batch>(32);

  /** @param load the events of the chunks that begin in a block's span; none where no chunk does */
  constructor(private readonly load: (first: number) => Batch) {}

  /** The block that holds an offset, if one does. */
  at(offset: number): Batch | undefined {
    return this.#blocks.find((kept) => holds(kept, offset)) ?? this.#loaded(offset);
  }

  #loaded(offset: number): Batch | undefined {
    const own = Math.floor((offset - 1) / blockSpan);
    for (const number of [own, own - 1]) {
      const block = this.load(number * blockSpan + 1);
      if (block.length > 0) this.#blocks.add(block);
      if (holds(block, offset)) return block;
    }
    return undefined;
  }
}

function holds(block: Batch, offset: number): boolean {
  return block[offset - (block[0]?.offset ?? offset)]?.offset === offset;
}
