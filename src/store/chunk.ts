/**
 * Events in a row as one value of the table: a checksum, a header, and the events one behind the other, each as the
 * server-sent event that it will be: what is read most is sent as it lies there.
 */
import { crc32 } from 'node:zlib';
import { CrawlcastError } from '../errors.js';
import { eventHead, frameEnd, frameHead } from '../events-json.js';
import { layOut, numberOf, rowLength, StoredBatch } from './batch.js';

/** A chunk is full when it has reached one of these. */
export const chunkLimits = { events: 256, bytes: 65_536 } as const;

/** What is known of a chunk without its events. */
export interface ChunkHeader {
  /** Of its first event. */
  readonly offset: number;
  readonly count: number;
  /** When it was appended, never before the chunk ahead of it; milliseconds since 1970. */
  readonly time: number;
  /** How many bytes of events the log had been given before it. */
  readonly position: number;
  readonly bytes: number;
}

/** A chunk and its events. */
export interface Chunk extends ChunkHeader {
  readonly events: StoredBatch;
}

/** An event without its offset. */
export interface PendingEvent {
  readonly type: string;
  readonly crawl: string;
  readonly tail: Uint8Array;
}

/** As it is written: names once, and for each event the places of its type and crawl among them, where its JSON begins, and its length. */
interface WrittenHeader {
  readonly time: number;
  readonly position: number;
  readonly bytes: number;
  readonly names: readonly string[];
  readonly rows: number[];
}

const headerAt = 8;

/** Where the next chunk begins. */
export type ChunkPlace = Pick<ChunkHeader, 'offset' | 'time' | 'position'>;

/** A chunk, and the bytes to be written. */
export interface EncodedChunk {
  readonly chunk: Chunk;
  readonly value: Buffer;
}

/** Gives events their offsets and ids, and lays them out as one value. */
export function encodeChunk(epoch: string, place: ChunkPlace, pending: readonly PendingEvent[]): EncodedChunk {
  const names: string[] = [];
  const rows: number[] = [];
  const stencils: Stencil[] = [];
  let bytes = 0;
  for (const [index, { type, crawl, tail }] of pending.entries()) {
    const head = stencilOf(stencils, epoch, place.offset + index, type);
    const length = head.bytes.length + tail.length + frameEnd.length;
    rows.push(numberOf(names, type), numberOf(names, crawl), head.jsonAt, length);
    bytes += length;
  }
  const { time, position } = place;
  const header: WrittenHeader = { time, position, bytes, names, rows };
  const headerText = Buffer.from(JSON.stringify(header));
  const value = Buffer.allocUnsafeSlow(headerAt + headerText.length + bytes);
  value.writeUInt32LE(headerText.length, 4);
  value.set(headerText, headerAt);
  let at = headerAt + headerText.length;
  for (const [index, { type, tail }] of pending.entries()) {
    const offset = place.offset + index;
    at = writeHead(value, at, stencilOf(stencils, epoch, offset, type), offset);
    value.set(tail, at);
    at += tail.length;
    value.set(endBytes, at);
    at += endBytes.length;
  }
  value.writeUInt32LE(crc32(value.subarray(4)), 0);
  const events = eventsIn(place.offset, value, header);
  return { chunk: { offset: place.offset, time, position, bytes, count: events.length, events }, value };
}

const endBytes = Buffer.from(frameEnd);

/** The head of an event: that of the next one of its type differs from it only in the digits of its offset, which stand in it twice. */
interface Stencil {
  readonly type: string;
  readonly bytes: Buffer;
  /** Where its JSON begins. */
  readonly jsonAt: number;
  readonly digits: number;
  /** The first offset that has one more. */
  readonly limit: number;
  /** Behind the digits, in either place. */
  readonly ends: readonly [number, number];
}

/** A chunk has few types, so that looking through them is quick. Offsets rise: the first one that is within its limit has as many digits. */
function stencilOf(stencils: Stencil[], epoch: string, offset: number, type: string): Stencil {
  for (const stencil of stencils) if (stencil.type === type && offset < stencil.limit) return stencil;
  const digits = String(offset).length;
  const id = `${epoch}-${offset}`;
  const frame = frameHead(id, type);
  const bytes = Buffer.from(frame + eventHead(id));
  const ends = [bytes.indexOf(id) + id.length, bytes.lastIndexOf(id) + id.length] as const;
  const stencil = { type, bytes, jsonAt: frame.length, digits, limit: 10 ** digits, ends };
  stencils.push(stencil);
  return stencil;
}

/** Writes a head with an offset, and gives the place behind it. */
function writeHead(value: Buffer, at: number, { bytes, digits, ends }: Stencil, offset: number): number {
  value.set(bytes, at);
  const [first, second] = [at + ends[0], at + ends[1]];
  for (let place = 1, rest = offset; place <= digits; place++, rest = Math.floor(rest / 10)) {
    const digit = 0x30 + (rest % 10);
    value[first - place] = digit;
    value[second - place] = digit;
  }
  return at + bytes.length;
}

/** Cuts events into chunks, and encodes them one behind the other. */
export function cutChunks(epoch: string, place: ChunkPlace, pending: readonly PendingEvent[]): EncodedChunk[] {
  const chunks: EncodedChunk[] = [];
  let { offset, position } = place;
  for (let from = 0; from < pending.length; ) {
    const to = endOfChunk(pending, from);
    const encoded = encodeChunk(epoch, { offset, position, time: place.time }, pending.slice(from, to));
    chunks.push(encoded);
    offset += to - from;
    position += encoded.chunk.bytes;
    from = to;
  }
  return chunks;
}

function endOfChunk(pending: readonly PendingEvent[], from: number): number {
  let bytes = 0;
  let to = from;
  while (to < pending.length && to - from < chunkLimits.events && bytes < chunkLimits.bytes) {
    bytes += pending[to]?.tail.length ?? 0;
    to += 1;
  }
  return to;
}

/** Reads the header alone; the events stay unread and unchecked. */
export function peekChunk(offset: number, value: Buffer): ChunkHeader {
  const { time, position, bytes, rows } = headerOf(offset, value);
  return { offset, time, position, bytes, count: rows.length / rowLength };
}

/**
 * Reads a chunk whole; its events stay in the bytes.
 * @throws CrawlcastError `data.corrupt`
 */
export function decodeChunk(offset: number, value: Buffer): Chunk {
  if (value.length < headerAt || crc32(value.subarray(4)) !== value.readUInt32LE(0)) throw damaged(offset);
  const header = headerOf(offset, value);
  const { time, position, bytes } = header;
  const events = eventsIn(offset, value, header);
  return { offset, time, position, bytes, count: events.length, events };
}

function framesIn(value: Buffer): number {
  return headerAt + value.readUInt32LE(4);
}

/** Takes over the header's rows: what is written as lengths becomes places. */
function eventsIn(offset: number, value: Buffer, { names, rows }: WrittenHeader): StoredBatch {
  const begin = framesIn(value);
  layOut(rows, begin);
  return new StoredBatch(offset, { bytes: value, begin, names, rows });
}

function headerOf(offset: number, value: Buffer): WrittenHeader {
  try {
    return JSON.parse(value.toString('utf8', headerAt, framesIn(value)));
  } catch (cause) {
    throw damaged(offset, cause);
  }
}

function damaged(offset: number, cause?: unknown): CrawlcastError {
  const message = `The log is damaged at offset ${offset}: restore the data directory from a copy, or start with a new one.`;
  return new CrawlcastError('data.corrupt', message, { cause });
}
