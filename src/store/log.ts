/** The log: the newest events in memory as they were appended, older ones in blocks from the table. */

import { CrawlcastError } from '../errors.js';
import { blockSpan, RecentBlocks } from './blocks.js';
import { type Chunk, type ChunkHeader, decodeChunk, peekChunk } from './chunk.js';
import { isChunk, keys, offsetOf } from './keys.js';
import type { Batch, EventLog, LogEvent } from './store.js';
import type { Changes, Tables } from './tables.js';

/** Its events are objects that the collector has to carry along: what is older is read again where somebody is so far behind. */
const maxRecentBytes = 512 * 1024;

/** Every key of a chunk lies below. */
const endOfLog = 'z~';

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
  #latest: { readonly from: number; readonly batch: Batch } | undefined;
  #recentBytes = 0;
  readonly #blocks: RecentBlocks;
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly tables: Tables,
    readonly epoch: string,
  ) {
    this.#blocks = new RecentBlocks((first) => this.#load(first));
    this.first = Number(tables.get(keys.first)?.toString() ?? 1);
    const newest = tables.last(keys.chunk(0), endOfLog);
    this.last = this.first - 1;
    if (newest === undefined) return;
    const header = peekChunk(offsetOf(newest[0]), newest[1]);
    this.last = header.offset + header.count - 1;
    this.position = header.position + header.bytes;
    this.time = header.time;
  }

  read(after: number, limit = Number.POSITIVE_INFINITY): Batch {
    const from = Math.max(after + 1, this.first);
    if (this.#latest?.from === from && this.#latest.batch.length <= limit) return this.#latest.batch;
    if (from > this.last) return [];
    const batch = this.#recentFrom(from) ?? this.#blocks.at(from);
    if (batch === undefined) {
      if (this.#wasTaken(from)) return this.read(after, limit);
      throw new CrawlcastError('data.corrupt', `The log has no event at offset ${from}, and should.`);
    }
    const start = from - (batch[0]?.offset ?? from);
    if (start > 0 || batch.length > limit) return batch.slice(start, start + limit);
    this.#latest = { from, batch };
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
    return Math.max(low, this.first - 1);
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

  #recentFrom(offset: number): Batch | undefined {
    let low = 0;
    let high = this.#recent.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#recent[middle]?.offset ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return this.#recent[low - 1]?.events;
  }

  /** The events of the chunks that begin at an offset or within a block's span behind it. */
  #load(first: number): Batch {
    const events: LogEvent[] = [];
    for (const [key, value] of this.tables.range(keys.chunk(first), keys.chunk(first + blockSpan), blockSpan)) {
      const before = events.at(-1);
      // Where one is missing, nobody must go on behind it unawares.
      if (before !== undefined && offsetOf(key) !== before.offset + 1) break;
      for (const event of decodeChunk(offsetOf(key), value).events) events.push(event);
    }
    return events;
  }
}
