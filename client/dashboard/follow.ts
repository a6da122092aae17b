/** Follows the log: from a place on, through lost connections and restarts of the service, each event once. */
import type { CloudEvent } from '#src/events.js';
import { ask, type Crawl, isRefusal, read } from './api.js';
import { type Batch, readEvents, within } from './event-stream.js';
import { isLast } from './event-types.js';
import { isSeen, pause, untilSeen, type View, whileSeen } from './frames.js';

/** How it goes with a stream. */
export type StreamState =
  | { readonly is: 'connecting' | 'live' | 'ended' }
  | { readonly is: 'replaying'; readonly done: number; readonly of: number }
  /** After a lost connection: everything that was missed is here. */
  | { readonly is: 'caught up'; readonly replayed: number }
  | { readonly is: 'lost' }
  | { readonly is: 'refused'; readonly why: string };

/** What is followed. */
export interface Followed {
  /** What shows it. */
  readonly view: View;
  /** The id of a crawl. */
  readonly crawl: string;
  /** An id or an offset. */
  readonly since: string;
  readonly onEvents: (events: readonly CloudEvent[], isReplay: boolean) => void | Promise<void>;
  readonly onState: (state: StreamState) => void;
}

/**
 * A page that nobody looks at gives its connection back after this, and one view gives it to the other at once: browsers
 * have six for each service, all tabs together. It misses nothing: it goes on where it was.
 */
const hiddenMs = 10_000;

/** A service that is there answers at once; what never answers would hold on to one of those connections. */
const headMs = 15_000;

/** An event's place in the log. */
export function offsetOf(id: string): number {
  return Number(id.slice(id.indexOf('-') + 1));
}

/** Follows until the crawl is over, the service refuses, or it is called off. */
export async function follow(followed: Followed, signal: AbortSignal): Promise<void> {
  const cursor = new Cursor(followed.since);
  followed.onState({ is: 'connecting' });
  let isReturn = false;
  for (let attempt = 0; !signal.aborted; attempt++) {
    // What is not tried is not lost.
    if (!isSeen(followed.view)) followed.onState({ is: 'connecting' });
    await untilSeen(followed.view, signal);
    const seen = whileSeen(followed.view, hiddenMs, signal);
    try {
      const isOver = await connect(followed, cursor, seen.signal, () => {
        attempt = 0;
        const back = isReturn;
        isReturn = true;
        return back;
      });
      if (isOver) return followed.onState({ is: 'ended' });
    } catch (error) {
      if (isRefusal(error)) return followed.onState({ is: 'refused', why: error.message });
    } finally {
      seen.release();
    }
    if (signal.aborted) return;
    if (seen.signal.aborted) continue;
    const retryMs = Math.min(5_000, 250 * 2 ** attempt) * (0.75 + Math.random() / 2);
    followed.onState({ is: 'lost' });
    await pause(retryMs, signal);
  }
}

/** One connection; true where the crawl is over. */
async function connect(
  { crawl, onEvents, onState }: Followed,
  cursor: Cursor,
  signal: AbortSignal,
  opened: () => boolean,
): Promise<boolean> {
  const silent = new AbortController();
  const either = AbortSignal.any([signal, silent.signal]);
  const open = async () => {
    const id = encodeURIComponent(crawl);
    // What is behind the end is new rather than replayed.
    const { lastOffset: end } = await read<Crawl>(`/crawls/${id}`, { signal: either });
    return { end, response: await ask(`/events?crawl=${id}&since=${cursor.since}`, { signal: either }) };
  };
  const { end, response } = await within(headMs, open(), () => silent.abort());
  const isReturn = opened();
  if (response.status === 204 || response.body === null) return true;
  const replay = new Replay(cursor.offset, end, isReturn, onState);
  for await (const batch of readEvents(response.body)) {
    const news = cursor.take(batch);
    if (news.length > 0) await onEvents(news, !replay.isOver);
    replay.advance(cursor.offset, news.length);
    if (news.some(({ type }) => isLast(type))) return true;
  }
  return false;
}

/** Where the reader stands. */
class Cursor {
  offset = 0;

  constructor(public since: string) {
    this.offset = offsetOf(since);
  }

  /** What of a batch has not been seen before. */
  take({ events, id }: Batch): readonly CloudEvent[] {
    // After a gap the numbers may begin anew.
    if (events.some(({ type }) => type === 'log.gap')) this.offset = 0;
    const news = events.filter((event) => event.type === 'log.gap' || offsetOf(event.id) > this.offset);
    const last = id ?? news.at(-1)?.id;
    if (last !== undefined) {
      this.since = last;
      this.offset = Math.max(this.offset, offsetOf(last));
    }
    return news;
  }
}

/** Tells how far a replay has come, and when it has caught up. */
class Replay {
  isOver: boolean;
  #done = 0;

  constructor(
    readonly from: number,
    readonly end: number,
    readonly isReturn: boolean,
    readonly tell: (state: StreamState) => void,
  ) {
    this.isOver = from >= end;
    if (this.isOver) this.#tellEnd();
    else tell({ is: 'replaying', done: 0, of: end - from });
  }

  advance(offset: number, count: number): void {
    if (this.isOver) return;
    this.#done += count;
    this.isOver = offset >= this.end;
    if (this.isOver) this.#tellEnd();
    else this.tell({ is: 'replaying', done: offset - this.from, of: this.end - this.from });
  }

  #tellEnd(): void {
    this.tell(this.isReturn ? { is: 'caught up', replayed: this.#done } : { is: 'live' });
  }
}
