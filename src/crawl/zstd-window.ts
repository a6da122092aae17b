/** Looks at the headers of Zstandard frames before they are decoded: the decoder makes room for whatever window one asks for. */

/** What a browser lets a frame ask for (RFC 9659 §3); nobody who means a web page asks for more. */
const maxWindowBytes = 8 * 1024 * 1024;

const frameMagic = 0xfd2fb528;
const dictionaryBytes = [0, 1, 2, 4] as const;

/** Follows the frames of one stream, whatever pieces it comes in (RFC 8878 §3.1). */
export class ZstdWindow {
  /** The head that is being gathered: of a frame, or within one of a block. */
  #head: number[] = [];
  #skip = 0;
  #inFrame = false;
  #checksumBytes = 0;

  /** @throws Error where a frame asks for more than it may */
  check(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const skipped = Math.min(this.#skip, chunk.length - at);
      this.#skip -= skipped;
      at += skipped;
      if (at === chunk.length) return;
      this.#head.push(chunk[at++] ?? 0);
      const isWhole = this.#inFrame ? this.#block(this.#head) : this.#frame(Buffer.from(this.#head));
      if (isWhole) this.#head = [];
    }
  }

  /** Whether the head of the block is whole. */
  #block([a = 0, b = 0, c]: readonly number[]): boolean {
    if (c === undefined) return false;
    const isRepeated = ((a >> 1) & 3) === 1;
    this.#skip = isRepeated ? 1 : (a >> 3) | (b << 5) | (c << 13);
    this.#inFrame = (a & 1) === 0;
    if (!this.#inFrame) this.#skip += this.#checksumBytes;
    return true;
  }

  /** Whether the head of the frame is whole. */
  #frame(head: Buffer): boolean {
    if (head.length < 5) return false;
    if (head.readUInt32LE(0) !== frameMagic) return this.#other(head);
    const flags = head[4] ?? 0;
    const isSingle = (flags & 0x20) !== 0;
    const sizeAt = 5 + (isSingle ? 0 : 1) + (dictionaryBytes[flags & 3] ?? 0);
    const sizeBytes = flags >> 6 === 0 ? Number(isSingle) : 1 << (flags >> 6);
    if (head.length < sizeAt + sizeBytes) return false;
    if ((isSingle ? contentBytes(head.subarray(sizeAt)) : windowBytes(head[5] ?? 0)) > maxWindowBytes) {
      throw new Error(`a window of more than ${maxWindowBytes} bytes`);
    }
    this.#inFrame = true;
    this.#checksumBytes = (flags & 4) === 0 ? 0 : 4;
    return true;
  }

  /** A frame that is to be skipped. Whether it is anything else is left to the decoder. */
  #other(head: Buffer): boolean {
    if (head.length < 8) return false;
    const isSkippable = head.readUInt32LE(0) >>> 4 === 0x184d2a5;
    this.#skip = isSkippable ? head.readUInt32LE(4) : Number.POSITIVE_INFINITY;
    return true;
  }
}

/** Of a descriptor: an exponent, and eighths on top of it. */
function windowBytes(descriptor: number): number {
  return 2 ** (10 + (descriptor >> 3)) * (1 + (descriptor & 7) / 8);
}

/** A frame that is one segment needs all that it holds. A size in two bytes means 256 more, which is never too much. */
function contentBytes(size: Buffer): number {
  return size.length === 8 ? Number(size.readBigUInt64LE()) : size.readUIntLE(0, size.length);
}
