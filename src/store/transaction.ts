/** A transaction as messages of a stream: mostly one, several where it is larger than a message may be. */
import type { Changes } from './tables.js';

/** One message taken apart. */
export interface Part {
  /** Of the transaction; unlike every other. */
  readonly id: bigint;
  /** Id of the transaction ahead of it, so that a stream that lost some is told from a whole one; 0n for the first. */
  readonly previous: bigint;
  readonly number: number;
  readonly count: number;
  readonly body: Uint8Array;
}

/** A format of another version is not ours to guess. */
const version = 3;

/** Version, number, count, id, previous. */
const headBytes = 1 + 2 + 2 + 8 + 8;

/** Of a row: the lengths of its key and its value. */
const rowHeadBytes = 2 + 4;

/** In place of the length of a value: the row is deleted. */
const deleted = -1;

/** Cuts a transaction into messages of at most `maxBytes`. */
export function encodeTransaction(id: bigint, previous: bigint, changes: Changes, maxBytes: number): Buffer[] {
  const body = encodeRows(changes);
  const room = maxBytes - headBytes;
  const count = Math.max(1, Math.ceil(body.length / room));
  return Array.from({ length: count }, (_, number) => {
    const slice = body.subarray(number * room, (number + 1) * room);
    const message = Buffer.allocUnsafe(headBytes + slice.length);
    message.writeUInt8(version, 0);
    message.writeUInt16BE(number, 1);
    message.writeUInt16BE(count, 3);
    message.writeBigUInt64BE(id, 5);
    message.writeBigUInt64BE(previous, 13);
    message.set(slice, headBytes);
    return message;
  });
}

/** Each row as its lengths, its key and its value, one row behind the other. */
function encodeRows(changes: Changes): Buffer {
  let size = 0;
  for (const [key, value] of changes) size += rowHeadBytes + Buffer.byteLength(key) + (value?.length ?? 0);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const [key, value] of changes) {
    const length = bytes.write(key, at + rowHeadBytes);
    bytes.writeUInt16LE(length, at);
    bytes.writeInt32LE(value?.length ?? deleted, at + 2);
    at += rowHeadBytes + length;
    if (value !== undefined) at += value.copy(bytes, at);
  }
  return bytes;
}

/** Takes a message apart; `undefined` where it is none of ours. */
export function readPart(message: Uint8Array): Part | undefined {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  if (bytes.length < headBytes || bytes.readUInt8(0) !== version) return undefined;
  return {
    number: bytes.readUInt16BE(1),
    count: bytes.readUInt16BE(3),
    id: bytes.readBigUInt64BE(5),
    previous: bytes.readBigUInt64BE(13),
    body: bytes.subarray(headBytes),
  };
}

/** Reads rows into changes; later ones replace earlier ones. */
export function readRows(body: Uint8Array, into: Map<string, Buffer | undefined>): void {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const keyEnd = at + rowHeadBytes + bytes.readUInt16LE(at);
    const length = bytes.readInt32LE(at + 2);
    const key = bytes.toString('utf8', at + rowHeadBytes, keyEnd);
    at = keyEnd + Math.max(0, length);
    into.set(key, length === deleted ? undefined : bytes.subarray(keyEnd, at));
  }
}

/** Puts the messages of a stream together. Parts that are not followed at once by the next ones count for nothing. */
export class Assembler {
  #parts: Part[] = [];

  /** The body of the transaction that this part is the last of. */
  add(part: Part): Uint8Array | undefined {
    const before = this.#parts.at(-1);
    const goesOn = before !== undefined && before.id === part.id && before.number + 1 === part.number;
    if (!goesOn) this.#parts = [];
    if (!goesOn && part.number > 0) return undefined;
    this.#parts.push(part);
    if (part.number + 1 < part.count) return undefined;
    const bodies = this.#parts.map(({ body }) => body);
    this.#parts = [];
    return bodies.length === 1 ? bodies[0] : Buffer.concat(bodies);
  }

  /** Forgets what has begun. */
  reset(): void {
    this.#parts = [];
  }

  /** Whether a transaction has begun and not ended. */
  get isOpen(): boolean {
    return this.#parts.length > 0;
  }
}
