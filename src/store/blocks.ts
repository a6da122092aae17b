/**
 * Blocks of old events, the most recently read ones kept, so that many who replay share them. Their bytes lie in memory that is used again:
 * hundreds of megabytes a second would otherwise be given to the collector, which stops everybody else for them.
 */
import { Recent } from '../recent.js';
import { type Layout, numberOf, rowLength, StoredBatch } from './batch.js';
import { chunkLimits } from './chunk.js';

/** No block goes beyond a multiple of so many offsets, so that readers that began at different places soon share blocks. */
const blockSpan = chunkLimits.events;

/** A block is full when it has as many bytes. */
const fullBytes = chunkLimits.bytes;

const maxBlocks = 32;

/** Where blocks come from. */
export interface ChunkSource {
  /**
   * Shows the chunks that begin between two offsets, up to the first gap, for as long as the visitor returns true. Each is good until
   * it returns.
   */
  visit(from: number, to: number, visitor: (chunk: StoredBatch) => boolean): void;
  /** Where the chunk begins in which an offset is, if it is in one. */
  beginOf(offset: number): number | undefined;
}

interface Block {
  readonly events: StoredBatch;
  readonly room: Room;
}

/** Each block is read and checked once, as long as it is kept. */
export class RecentBlocks {
  readonly #blocks = new Recent<Block>(maxBlocks);
  /** Those in which there is no block. */
  readonly #rooms: Room[] = [];

  constructor(private readonly source: ChunkSource) {}

  /** The block that holds an offset, if one does; good until the next one is asked for. */
  at(offset: number): StoredBatch | undefined {
    const kept = this.#blocks.find(({ events }) => events.holds(offset));
    if (kept !== undefined) return kept.events;
    const block = this.#load(offset) ?? this.#load(this.source.beginOf(offset));
    return block?.holds(offset) === true ? block : undefined;
  }

  #load(from: number | undefined): StoredBatch | undefined {
    if (from === undefined) return undefined;
    const room = this.#rooms.pop() ?? new Room();
    const end = (Math.floor((from - 1) / blockSpan) + 1) * blockSpan + 1;
    room.clear();
    try {
      this.source.visit(from, end, (chunk) => room.add(chunk) < fullBytes);
    } finally {
      if (room.count === 0) this.#rooms.push(room);
    }
    if (room.count === 0) return undefined;
    const events = new StoredBatch(from, room, 0, room.count);
    const oldest = this.#blocks.add({ events, room });
    if (oldest !== undefined) this.#rooms.push(oldest.room);
    return events;
  }
}

/** Bytes for one block: its last chunk may begin just before it is full, and has heads besides what its limit counts. */
const roomBytes = 3 * chunkLimits.bytes;

/** Events of one block: its last chunk may begin with the last of its offsets. */
const roomEvents = blockSpan + chunkLimits.events;

/** Memory for one block after the other: the chunks that are put in lie behind each other. */
class Room implements Layout {
  readonly isLent = true;
  readonly begin = 0;
  readonly rows = new Int32Array(roomEvents * rowLength);
  bytes = Buffer.allocUnsafeSlow(roomBytes);
  names: string[] = [];
  count = 0;
  #end = 0;

  clear(): void {
    // What a huge event has taken is given back.
    if (this.bytes.length > roomBytes) this.bytes = Buffer.allocUnsafeSlow(roomBytes);
    this.names = [];
    this.count = 0;
    this.#end = 0;
  }

  /** Copies a chunk, and gives the bytes that there are now. */
  add(chunk: StoredBatch): number {
    const frames = chunk.frames(0, chunk.length);
    const end = this.#end + frames.length;
    if (end > this.bytes.length) this.bytes = Buffer.concat([this.bytes.subarray(0, this.#end)], end);
    this.bytes.set(frames, this.#end);
    const numbers = chunk.names.map((name) => numberOf(this.names, name));
    const [from, to] = [this.count * rowLength, (this.count + chunk.length) * rowLength];
    chunk.copyRows(this.rows, from, this.#end);
    for (let row = from; row < to; row += rowLength) {
      this.rows[row] = numbers[this.rows[row] ?? 0] ?? 0;
      this.rows[row + 1] = numbers[this.rows[row + 1] ?? 0] ?? 0;
    }
    this.count += chunk.length;
    this.#end = end;
    return end;
  }
}
