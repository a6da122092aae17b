/**
 * In which blocks of a list a mark may be: a hash table that grows part by part (linear hashing), of some six bytes an
 * entry, which the collector of garbage need not look at.
 */
import { ChunkPool } from './chunk-pool.js';

/** An entry: two bytes of a hash, three of one more than a block's number; zeros where there is none. */
const tagBytes = 2;
const blockBytes = 3;
const entryBytes = tagBytes + blockBytes;

const chunkBytes = 64;

/** The lower bits of a hash choose a part. The tag has those above the ones that choose among as many parts as there are at first. */
const firstBits = 10;

/** Entries of a part, as a mean: few, because each chunk that a look-up passes over lies somewhere else. */
const perPart = 32;

/** A tag, and the block that it leads to. */
type Entry = readonly [tag: number, block: number];

/**
 * Numbers of blocks by hashes of 32 bits, of which 26 are looked at: there may be several under one, and some that were
 * added under another.
 */
export class SeenIndex {
  readonly #pool = new ChunkPool(chunkBytes);
  /** Of each part the chunk that has room; those that are full follow it. */
  readonly #parts: (number | undefined)[] = new Array(1 << firstBits).fill(undefined);
  /** So many bits choose a part; one more does where that leads to one that is there already. */
  #bits = firstBits;
  #size = 0;

  /** What was added under a hash, the greatest number first. */
  find(hash: number): readonly number[] {
    const tag = tagOf(hash);
    const found: number[] = [];
    for (let chunk = this.#parts[this.#partOf(hash)]; chunk !== undefined; chunk = this.#pool.next(chunk)) {
      const bytes = this.#pool.blockOf(chunk);
      const begin = this.#pool.offsetOf(chunk);
      for (let at = begin; at < begin + this.#pool.contentBytes; at += entryBytes) {
        if (bytes[at] !== (tag & 0xff) || bytes[at + 1] !== tag >> 8) continue;
        const block = blockIn(bytes, at);
        if (block >= 0) found.push(block);
      }
    }
    return found.sort((one, other) => other - one);
  }

  /** @param block at most 16 million */
  add(hash: number, block: number): void {
    if (this.#size === this.#parts.length * perPart) this.#split();
    this.#put(this.#partOf(hash), [tagOf(hash), block]);
    this.#size += 1;
  }

  #partOf(hash: number): number {
    const part = hash & ((2 << this.#bits) - 1);
    return part < this.#parts.length ? part : hash & ((1 << this.#bits) - 1);
  }

  #put(part: number, [tag, block]: Entry): void {
    const address = this.#roomIn(part) ?? this.#extend(part);
    const bytes = this.#pool.blockOf(address);
    const at = this.#pool.offsetOf(address);
    bytes.writeUInt16LE(tag, at);
    bytes.writeUIntLE(block + 1, at + tagBytes, blockBytes);
  }

  /** The address at which a part has no entry yet; `undefined` where its chunks are full. */
  #roomIn(part: number): number | undefined {
    const chunk = this.#parts[part];
    if (chunk === undefined) return undefined;
    const bytes = this.#pool.blockOf(chunk);
    const begin = this.#pool.offsetOf(chunk);
    for (let at = 0; at < this.#pool.contentBytes; at += entryBytes)
      if (blockIn(bytes, begin + at) < 0) return chunk + at;
    return undefined;
  }

  /** Puts a chunk before those of a part. */
  #extend(part: number): number {
    const chunk = this.#pool.take();
    this.#pool.link(chunk, this.#parts[part]);
    this.#parts[part] = chunk;
    return chunk;
  }

  /** Shares out the entries of the next part whose turn it is between itself and a new one. */
  #split(): void {
    const part = this.#parts.length - (1 << this.#bits);
    const bit = 1 << (this.#bits - firstBits);
    const entries = this.#takeAll(part);
    const added = this.#parts.push(undefined) - 1;
    if (this.#parts.length === 2 << this.#bits) this.#bits += 1;
    for (const entry of entries) this.#put((entry[0] & bit) === 0 ? part : added, entry);
  }

  #takeAll(part: number): Entry[] {
    const entries: Entry[] = [];
    for (let chunk = this.#parts[part]; chunk !== undefined; ) {
      const bytes = this.#pool.blockOf(chunk);
      const begin = this.#pool.offsetOf(chunk);
      for (let at = begin; at < begin + this.#pool.contentBytes; at += entryBytes) {
        const block = blockIn(bytes, at);
        if (block >= 0) entries.push([bytes.readUInt16LE(at), block]);
      }
      const next = this.#pool.next(chunk);
      this.#pool.free(chunk);
      chunk = next;
    }
    this.#parts[part] = undefined;
    return entries;
  }
}

function tagOf(hash: number): number {
  return (hash >>> firstBits) & 0xffff;
}

/** -1 where there is no entry. */
function blockIn(bytes: Buffer, entryAt: number): number {
  return bytes.readUIntLE(entryAt + tagBytes, blockBytes) - 1;
}
