/**
 * What is done beside the steps, a little with each transaction: the log is trimmed, and documents that need what has gone with it;
 * dropped frontiers are deleted.
 */
import type { Chunk } from './chunk.js';
import { after, droppedSpace, frontierPrefixes, keys } from './keys.js';
import type { TableLog } from './log.js';
import { neededOffset } from './state.js';
import type { Retention } from './store.js';
import type { Changes, Tables } from './tables.js';

const maxChunksAtOnce = 64;
const maxRowsAtOnce = 250;

/** While steps wait, one round in so many looks for dropped frontiers; a round that nobody waits for always does. */
const stepsPerSweep = 16;

/** What one round of chores changes. */
export interface Round {
  readonly changes: Changes;
  /** The offset at which the log begins afterwards. */
  readonly first: number;
  /** Whether there is more to do. */
  readonly more: boolean;
}

/** Plans rounds; who commits them is none of its business. */
export class Chores {
  #unswept = 0;
  /** False once a look has found nothing. */
  #mayHaveDropped = true;
  /** Where the walk through all documents goes on; `undefined` while there is none. */
  #place: string | undefined;
  /** Where the log began when the last walk did, and how many documents were on its way. */
  #walkedAt = 1;
  #documents = 1;

  constructor(
    private readonly tables: Tables,
    private readonly log: TableLog,
    private readonly retention: Retention,
  ) {}

  /** How often the age of the log has to be looked at, in milliseconds; `undefined` where age does not matter. */
  get intervalMs(): number | undefined {
    const { maxAgeMs } = this.retention;
    return maxAgeMs === undefined ? undefined : Math.min(Math.max(maxAgeMs / 10, 50), 60_000);
  }

  /** A frontier has been dropped, by whomever. */
  dropped(): void {
    this.#mayHaveDropped = true;
  }

  /**
   * What should be done next; no changes where nothing should.
   * @param isAlone whether no step waits for it
   */
  plan(isAlone: boolean): Round {
    const changes = new Map<string, Buffer | undefined>();
    const first = this.#trim(changes);
    const isTrimming = changes.size >= maxChunksAtOnce;
    const isWalking = this.#place !== undefined || first - this.#walkedAt >= this.#documents;
    const isTime = (this.#mayHaveDropped || isWalking) && this.#isTimeToSweep(isAlone);
    const isSweeping = isTime && this.#mayHaveDropped && this.#sweep(changes);
    const isForgetting = isTime && isWalking && this.#forget(changes, first);
    return { changes, first, more: isTrimming || isSweeping || isForgetting };
  }

  /** Deletes chunks from the oldest on; returns the new first offset. */
  #trim(changes: Map<string, Buffer | undefined>): number {
    const { maxEvents = Number.POSITIVE_INFINITY } = this.retention;
    let first = this.log.first;
    for (let count = 0; count < maxChunksAtOnce && first <= this.log.last; count += 1) {
      const wanted = Math.max(first, this.log.last - maxEvents + 1);
      if (wanted === first && !this.#limitsByChunk) break;
      const chunk = this.log.chunkAt(first);
      if (chunk === undefined) break;
      const next = chunk.offset + chunk.count;
      if (next > wanted && !this.#isOverdue(chunk)) {
        first = wanted;
        break;
      }
      changes.set(keys.chunk(chunk.offset), undefined);
      first = next;
    }
    if (first > this.log.first) changes.set(keys.first, Buffer.from(String(first)));
    return first;
  }

  get #limitsByChunk(): boolean {
    return this.retention.maxBytes !== undefined || this.retention.maxAgeMs !== undefined;
  }

  #isOverdue(chunk: Pick<Chunk, 'position' | 'time'>): boolean {
    const { maxBytes = Number.POSITIVE_INFINITY, maxAgeMs = Number.POSITIVE_INFINITY } = this.retention;
    return this.log.position - chunk.position > maxBytes || Date.now() - chunk.time > maxAgeMs;
  }

  /** Looking means reading from the disk, and a step that waits would wait for that as well. */
  #isTimeToSweep(isAlone: boolean): boolean {
    this.#unswept = isAlone || this.#unswept >= stepsPerSweep ? 0 : this.#unswept + 1;
    return this.#unswept === 0;
  }

  /**
   * Deletes documents that need events which are no longer kept. A walk looks at every document, so the next one begins only when as many
   * events have gone. True where it has not come to the end.
   */
  #forget(changes: Map<string, Buffer | undefined>, first: number): boolean {
    if (this.#place === undefined) {
      this.#place = keys.documents;
      this.#walkedAt = first;
      this.#documents = 1;
    }
    let room = maxRowsAtOnce;
    let place = this.#place;
    this.tables.visit(place, after(keys.documents), (key, lent) => {
      if ((neededOffset(lent) ?? first) < first) changes.set(key, undefined);
      else this.#documents += 1;
      place = `${key}\0`;
      room -= 1;
      return room > 0;
    });
    this.#place = room > 0 ? undefined : place;
    return room === 0;
  }

  /** Deletes some rows of a frontier that was dropped. True where there was something to do. */
  #sweep(changes: Map<string, Buffer | undefined>): boolean {
    const [[key] = []] = this.tables.range(keys.allDropped, after(keys.allDropped), 1);
    this.#mayHaveDropped = key !== undefined;
    if (key === undefined) return false;
    let room = maxRowsAtOnce;
    for (const prefix of frontierPrefixes(droppedSpace(key))) {
      const rows = this.tables.range(prefix, after(prefix), room);
      for (const [row] of rows) changes.set(row, undefined);
      room -= rows.length;
      if (room === 0) return true;
    }
    changes.set(key, undefined);
    return true;
  }
}
