/**
 * A subscriber: a cursor over the log, pumped while its socket takes bytes. It has no queue: when the socket is full
 * it stops, and comes back to its cursor on drain.
 */

import { CrawlcastError } from '../errors.js';
import type { GapReason } from '../events.js';
import { eventTail } from '../events-json.js';
import type { Store } from '../store/store.js';
import { endOf, lastOf } from './crawl-end.js';
import { createFilter, type Filter, type Piece } from './filter.js';
import { loosePiece } from './frames.js';
import type { Hub, Member } from './hub.js';
import { locate, locateLastEventId, type Position, type Subscription } from './subscription.js';
import type { Turns } from './turns.js';

/** The socket behind a subscriber, in its own protocol. */
export interface Outlet {
  /** False: full; deliver no more before `subscriber.drained()`. */
  deliver(piece: Piece): boolean;
  /** Says where the cursor is, where nothing else does. */
  heartbeat(id: string): boolean;
  /** The crawl that was asked for is over. */
  end(lastId: string): void;
  /** The log could not be read: breaks off, so that the reader comes back to where it was. */
  fail(error: unknown): void;
}

/** How far behind a reader may be and still be written to at once; whoever has more before it takes turns with the others. */
const liveEvents = 512;

/** How far a reader that has been at the end of the log may fall behind, in a burst, before it counts as one that replays. */
const burstEvents = 16_384;

/** Which log positions and events one stream gets. */
export interface Plan {
  readonly position: Position;
  readonly filter: Filter;
  /** The one crawl that was asked for, `latest` resolved. */
  readonly crawl?: string;
}

/** A stream that is about to be opened. */
export interface Opening {
  readonly store: Store;
  readonly hub: Hub;
  readonly plan: Plan;
  /** The peer's. */
  readonly address: string;
}

/** Takes an opened stream in, and hands over what is there for it. */
export function begin({ hub, plan: { position } }: Opening, stream: Member): void {
  hub.add(stream);
  stream.subscriber.tellGap(position);
  stream.subscriber.begin();
}

/**
 * Settles what a subscription means for this store, now.
 * @param lastEventId goes before `since`
 * @throws CrawlcastError `query.invalid`
 */
export function plan(subscription: Subscription, store: Store, lastEventId?: string): Plan {
  const { type, data } = subscription;
  const crawl = subscription.crawl === 'latest' ? store.crawls().at(-1)?.id : subscription.crawl;
  if (subscription.crawl !== undefined && (crawl === undefined || store.crawl(crawl) === undefined)) {
    const detail = crawl === undefined ? 'no crawl has been started yet' : `there is no crawl "${crawl.slice(0, 100)}"`;
    throw new CrawlcastError('query.invalid', `"crawl": ${detail}`);
  }
  const floor = crawl === undefined ? 0 : Math.max(0, (store.progress(crawl)?.firstOffset ?? 1) - 1);
  const end = lastOf(store, crawl);
  // Read also where the header goes before it: a bad value is refused, whatever else was sent.
  const asked = locate(subscription.since ?? 'now', store.log, floor, end);
  const position = lastEventId === undefined ? asked : locateLastEventId(lastEventId, store.log, floor, end);
  const filter = createFilter({ data, ...(type ? { types: type } : {}), ...(crawl ? { crawl } : {}) });
  return { position: inShared(store, position), filter, ...(crawl ? { crawl } : {}) };
}

/** What is ahead of one process's copy of a log may have been given out by another: it is on the way. */
function inShared({ peers }: Store, position: Position): Position {
  return peers === undefined || position.ahead === undefined ? position : { ...position, after: position.ahead };
}

/** How long a copy may be behind before it is said that an offset was never given out. */
const copyLagMs = 3_000;

/** One reader of the log. */
export class Subscriber {
  #cursor: number;
  #told: number;
  #filter: Filter;
  #crawl: string | undefined;
  #full = false;
  #open = true;
  /** Whether its turn is to come. */
  #inTurn = false;
  /** Whether it has been at the end of the log. */
  #caughtUp = false;
  /** Set while the log may still come to where the reader is. */
  #patience: NodeJS.Timeout | undefined;

  constructor(
    readonly store: Store,
    private readonly turns: Turns,
    { filter, crawl, position }: Plan,
    private readonly outlet: Outlet,
  ) {
    this.#filter = filter;
    this.#crawl = crawl;
    this.#cursor = position.after;
    this.#told = this.#cursor;
  }

  /** Id of the last event that was written or left out. */
  get cursor(): string {
    return `${this.store.log.epoch}-${this.#cursor}`;
  }

  /** Events between the cursor and the end of the log. */
  get lag(): number {
    return this.store.log.last - this.#cursor;
  }

  /** Whether all that a reader of one finished crawl can still get has been written. */
  get #isComplete(): boolean {
    // Who is ahead may have to be told of that first.
    if (this.#isAhead) return false;
    return this.#cursor >= (endOf(this.store, this.#crawl) ?? Number.POSITIVE_INFINITY);
  }

  /** Whether it reads what has long been there: a live reader has bursts before it at most. */
  get replays(): boolean {
    return this.lag > (this.#caughtUp ? burstEvents : liveEvents);
  }

  /** Goes on with another subscription. */
  replan({ filter, crawl, position }: Plan): void {
    clearTimeout(this.#patience);
    this.#filter = filter;
    this.#crawl = crawl;
    this.#cursor = position.after;
    this.#told = this.#cursor;
    this.#caughtUp = false;
  }

  /** Writes the gap that the reader has to be told of, if there is one; the first thing it gets. */
  tellGap({ gap }: Position): void {
    if (gap === undefined) return;
    if (this.#isAhead) void this.#giveUp(gap.requested);
    else this.#tell(gap.requested, gap.reason);
  }

  get #isAhead(): boolean {
    return this.#cursor > this.store.log.last;
  }

  /** Only a process that is current knows what was never given out: a copy that was cut off, or stopped, may lag for longer. */
  async #giveUp(requested: string, isLate = false): Promise<void> {
    const cursor = this.#cursor;
    const isKnown = isLate && (await (this.store.peers?.isCurrent().catch(() => false) ?? true));
    if (!this.#open || !this.#isAhead || this.#cursor !== cursor) return;
    if (!isKnown) {
      this.#patience = setTimeout(() => this.#giveUp(requested, true), copyLagMs).unref();
      return;
    }
    this.#cursor = this.store.log.last;
    this.#tell(requested, 'ahead');
    this.pump();
  }

  /**
   * The log has grown. A reader that is far behind goes on when its turn comes: live readers must not wait for it.
   * @returns whether it was live and something was written
   */
  appended(): boolean {
    if (this.#inTurn || this.#full) return false;
    const told = this.#told;
    this.pump();
    return this.#told > told;
  }

  /** Many may come at once: those that are far behind take turns from the beginning. */
  begin(): void {
    if (this.lag > liveEvents) this.#waitForTurn();
    else this.pump();
  }

  /** Writes what there is, as far as the socket takes it. */
  pump(): void {
    this.#inTurn = false;
    try {
      this.#pumpBatches();
    } catch (error) {
      // A damaged part of the log must harm its readers alone, not the append that wakes them.
      this.close();
      this.outlet.fail(error);
    }
  }

  /** The socket takes bytes again. Who was so far behind that it filled up waits for its turn. */
  drained(): void {
    this.#full = false;
    this.#waitForTurn();
  }

  /** Moves the reader's own cursor past what the filter left out; called where nothing was written for a while. */
  heartbeat(): void {
    if (!this.#open || this.#full) return;
    this.#full = !this.outlet.heartbeat(this.cursor);
    this.#told = this.#cursor;
  }

  /** Whether events were left out since the reader last learnt where it is. */
  get hasMovedSilently(): boolean {
    return this.#told < this.#cursor;
  }

  close(): void {
    clearTimeout(this.#patience);
    this.#open = false;
  }

  #pumpBatches(): void {
    const end = this.#cursor + liveEvents;
    while (this.#cursor < end) {
      if (!this.#open || this.#full) return;
      if (this.#isComplete) {
        this.#end();
        return;
      }
      if (!this.#pumpBatch()) {
        this.#caughtUp = true;
        return;
      }
    }
    this.#waitForTurn();
  }

  #waitForTurn(): void {
    this.#inTurn = true;
    this.turns.add(this);
  }

  #pumpBatch(): boolean {
    const { log } = this.store;
    const batch = log.lend(this.#cursor);
    // Retention went past a reader that was too slow, perhaps at this very moment: the batch begins behind it.
    if (this.#cursor < log.first - 1) {
      const requested = this.cursor;
      const isLoss = this.#cursor < lastOf(this.store, this.#crawl);
      this.#cursor = log.first - 1;
      if (isLoss) this.#tell(requested, 'truncated');
    }
    if (batch.length === 0) return false;
    for (const piece of this.#filter(batch)) {
      if (this.#full) return true;
      this.#deliver(piece);
    }
    // The stream of a crawl ends with it, whatever lies behind it in the batch.
    const end = endOf(this.store, this.#crawl);
    this.#cursor = end === undefined || end < this.#cursor ? batch.last : Math.min(batch.last, end);
    return true;
  }

  #deliver(piece: Piece): void {
    this.#full = !this.outlet.deliver(piece);
    this.#cursor = piece.last;
    this.#told = this.#cursor;
  }

  #tell(requested: string, reason: GapReason): void {
    const data = JSON.stringify({ requested, resumedAfter: this.cursor, reason });
    const tail = eventTail({ source: '/log', type: 'log.gap', time: new Date().toISOString(), data });
    this.#full = !this.outlet.deliver(loosePiece(this.cursor, this.#cursor, 'log.gap', tail));
    // Who was ahead has been set back.
    this.#told = this.#cursor;
  }

  #end(): void {
    this.close();
    this.outlet.end(this.cursor);
  }
}
