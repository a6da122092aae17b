/** The log: the newest events in memory as they were appended, older ones in blocks from the table. */

import { CrawlcastError } from '../errors.js';
import { noEvents, type StoredBatch } from './batch.js';
import { RecentBlocks } from './blocks.js';
import { type Chunk, type ChunkHeader, decodeChunk, peekChunk } from './chunk.js';
import { after, isChunk, keys, offsetOf } from './keys.js';
import type { Batch, EventLog } from './store.js';
import type { Changes, Tables } from './tables.js';

/** So much of what was appended last stays in memory; a reader that is further behind reads from the table. */
const maxRecentBytes = 512 * 1024;

/** So many of the newest chunks are given as they are; older ones, which may be as short, are put together in blocks. */
const newestChunks = 8;

/** One log over a table. */
export class TableLog implements EventLog {
  first: number;
  last = 0;
  /** Bytes of JSON ever appended, as far as what is kept tells. */
  position = 0;
  /** When the newest event was appended; never goes back. */
  time = 0;
  readonly #recent: Chunk[] = [];
  /** What was read last: an append is read by every subscriber in a row. */
  #latest: { readonly from: number; readonly batch: StoredBatch } | undefined;
  #recentBytes = 0;
  readonly #blocks: RecentBlocks;
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly tables: Tables,
    readonly epoch: string,
  ) {
    this.#blocks = new RecentBlocks({
      visit: (from, to, visitor) => this.#visit(from, to, visitor),
      beginOf: (offset) => (this.#recent[this.#recentIndex(offset)] ?? this.chunkAt(offset))?.offset,
    });
    this.first = Number(tables.get(keys.first)?.toString() ?? 1);
    const newest = tables.last(keys.chunks, after(keys.chunks));
    this.last = this.first - 1;
    if (newest === undefined) return;
    const header = peekChunk(offsetOf(newest[0]), newest[1]);
    this.last = header.offset + header.count - 1;
    this.position = header.position + header.bytes;
    this.time = header.time;
  }

  read(after: number, limit?: number): Batch {
    return this.#batchBehind(after, limit).kept();
  }

  lend(after: number): Batch {
    return this.#batchBehind(after);
  }

  #batchBehind(after: number, limit = Number.POSITIVE_INFINITY): StoredBatch {
    const from = Math.max(after + 1, this.first);
    if (this.#latest?.from === from && this.#latest.batch.length <= limit) return this.#latest.batch;
    if (from > this.last) return noEvents;
    const recent = this.#newestFrom(from);
    const batch = recent ?? this.#blocks.at(from);
    if (batch === undefined) {
      if (this.#wasTaken(from)) return this.#batchBehind(after, limit);
      throw new CrawlcastError('data.corrupt', `The log has no event at offset ${from}, and should.`);
    }
    const start = from - batch.first;
    if (start > 0 || batch.length > limit) return batch.slice(start, start + limit);
    if (recent !== undefined) this.#latest = { from, batch };
    return batch;
  }

  offsetAt(timeMs: number): number {
    let low = this.first - 1;
    let high = this.last;
    while (low < high) {
      const chunk = this.chunkAt(Math.ceil((low + high) / 2));
      if (chunk === undefined) return low;
      if (chunk.time <= timeMs) low = chunk.offset + chunk.count - 1;
      else high = chunk.offset - 1;
    }
    return low;
  }

  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The header of the chunk that holds an offset. */
  chunkAt(offset: number): ChunkHeader | undefined {
    const row = this.tables.last(keys.chunk(0), keys.chunk(offset + 1));
    return row && peekChunk(offsetOf(row[0]), row[1]);
  }

  /** Takes over what another process has written. */
  learn(changes: Changes): void {
    const first = changes.get(keys.first);
    if (first !== undefined) this.first = Number(first.toString());
    // What was appended and trimmed since the last look is in no chunk.
    this.last = Math.max(this.last, this.first - 1);
    const chunks: Chunk[] = [];
    for (const [key, value] of changes) {
      if (value !== undefined && isChunk(key)) chunks.push(decodeChunk(offsetOf(key), Buffer.from(value)));
    }
    this.publish(chunks.sort((a, b) => a.offset - b.offset));
  }

  /** Shows readers what has become durable. */
  publish(chunks: readonly Chunk[]): void {
    for (const chunk of chunks) {
      this.#recent.push(chunk);
      this.#recentBytes += chunk.bytes;
      this.last = chunk.offset + chunk.count - 1;
      this.position = chunk.position + chunk.bytes;
      this.time = chunk.time;
    }
    while (this.#recentBytes > maxRecentBytes) this.#recentBytes -= this.#recent.shift()?.bytes ?? 0;
    if (chunks.length === 0) return;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Whether retention has taken an offset: from the disk it is gone a moment before we are told. */
  #wasTaken(offset: number): boolean {
    this.first = Math.max(this.first, Number(this.tables.get(keys.first)?.toString() ?? 1));
    return offset < this.first;
  }

  /** The chunk that an offset is in, if it is one of the newest. */
  #newestFrom(offset: number): StoredBatch | undefined {
    const index = this.#recentIndex(offset);
    return index >= this.#recent.length - newestChunks ? this.#recent[index]?.events : undefined;
  }

  /** Place of the chunk in memory that holds an offset; -1 where none does. */
  #recentIndex(offset: number): number {
    let low = 0;
    let high = this.#recent.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#recent[middle]?.offset ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #visit(from: number, to: number, visitor: (chunk: StoredBatch) => boolean): void {
    const index = this.#recentIndex(from);
    if (index < 0) this.#visitTable(from, to, visitor);
    else if (this.#recent[index]?.offset === from) this.#visitRecent(index, to, visitor);
  }

  #visitRecent(index: number, to: number, visitor: (chunk: StoredBatch) => boolean): void {
    for (let at = index; at < this.#recent.length; at++) {
      const chunk = this.#recent[at];
      if (chunk === undefined || chunk.offset >= to || !visitor(chunk.events)) return;
    }
  }

  #visitTable(from: number, to: number, visitor: (chunk: StoredBatch) => boolean): void {
    let next = from;
    // What is in the table may be durable and not published yet.
    const end = Math.min(to, this.last + 1);
    this.tables.visit(keys.chunk(from), keys.chunk(end), (key, lent) => {
      // Where one is missing, nobody must go on behind it unawares.
      if (offsetOf(key) !== next) return false;
      const events = next === from ? decodeChunk(next, lent).events : soundEvents(next, lent);
      if (events === undefined) return false;
      next = events.last + 1;
      return visitor(events);
    });
  }
}

/** What lies before a damaged chunk can be read; who goes on from there is told. */
function soundEvents(offset: number, value: Buffer): StoredBatch | undefined {
  try {
    return decodeChunk(offset, value).events;
  } catch {
    return undefined;
  }
}
