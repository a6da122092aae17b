/** Counts what a stream of server-sent events brings, at little cost: nothing is decoded or copied. */

const lineFeed = 10;
const carriageReturn = 13;

/** Takes a chunked HTTP answer apart and hands over its payload, in pieces as they come. */
export class ChunkReader {
  #left = 0;
  #state: 'head' | 'size' | 'data' | 'end' = 'head';
  #head = '';
  #size = 0;
  readonly #onData: (bytes: Buffer) => void;

  constructor(onData: (bytes: Buffer) => void) {
    this.#onData = onData;
  }

  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) at = this.#step(bytes, at);
  }

  #step(bytes: Buffer, at: number): number {
    if (this.#state === 'data') {
      const end = Math.min(bytes.length, at + this.#left);
      this.#onData(bytes.subarray(at, end));
      this.#left -= end - at;
      if (this.#left === 0) this.#state = 'end';
      return end;
    }
    if (this.#state === 'head') return this.#readHead(bytes, at);
    const byte = bytes[at] ?? 0;
    if (this.#state === 'end') {
      if (byte === lineFeed) this.#state = 'size';
    } else if (byte === lineFeed) {
      this.#left = this.#size;
      this.#size = 0;
      this.#state = this.#left === 0 ? 'end' : 'data';
    } else if (byte !== carriageReturn) this.#size = this.#size * 16 + Number.parseInt(String.fromCharCode(byte), 16);
    return at + 1;
  }

  #readHead(bytes: Buffer, at: number): number {
    const before = this.#head.length;
    this.#head += bytes.toString('latin1', at);
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return bytes.length;
    if (!this.#head.startsWith('HTTP/1.1 200')) throw new Error(this.#head.slice(0, end));
    this.#state = 'size';
    return at + end + 4 - before;
  }
}

/** Counts the places where something stands in a stream of bytes, whatever pieces it comes in. */
export class Occurrences {
  count = 0;
  readonly #needle: Buffer;
  #tail: Buffer = Buffer.alloc(0);

  constructor(needle: string) {
    this.#needle = Buffer.from(needle);
  }

  push(bytes: Buffer): void {
    const overlap = this.#needle.length - 1;
    if (this.#tail.length > 0) this.#search(Buffer.concat([this.#tail, bytes.subarray(0, overlap)]));
    this.#search(bytes);
    const rest = bytes.length >= overlap ? bytes : Buffer.concat([this.#tail, bytes]);
    this.#tail = Buffer.from(rest.subarray(Math.max(0, rest.length - overlap)));
  }

  #search(bytes: Buffer): void {
    for (let at = bytes.indexOf(this.#needle); at >= 0; at = bytes.indexOf(this.#needle, at + this.#needle.length))
      this.count++;
  }
}
