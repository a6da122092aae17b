/** A stream as its user has it: an Observable, and an async iterable. */
import { finalize, Observable } from 'rxjs';
import { alwaysOpen, type Gate } from './gate.js';
import { iterate } from './iterate.js';
import type { Standing, StreamState } from './state.js';

/** Events that wait for a slow `for await` before its connection is held up. */
const bufferSize = 1_024;

/**
 * Events, cold: subscribing opens a connection, unsubscribing closes it. It completes where a single crawl was asked
 * for, with the end of that; else it goes on for ever.
 *
 * Subscribed to, it gives events as they come. Iterated over (`for await`), it waits for its reader: about a thousand
 * events are held, then SSE stops reading, and WebSocket, which cannot, closes and comes back later.
 */
export class EventStream<Event extends object> extends Observable<Event> implements AsyncIterable<Event> {
  /** Where the stream stands; of two subscriptions of one stream, whichever changed last. */
  readonly state$: Observable<StreamState>;
  readonly #open: (gate: Gate) => Observable<Event>;
  readonly #standing: Standing;

  constructor(follow: (gate: Gate) => Observable<Event>, standing: Standing) {
    const open = (gate: Gate) => follow(gate).pipe(finalize(() => standing.closed()));
    super((subscriber) => open(alwaysOpen).subscribe(subscriber));
    this.#open = open;
    this.#standing = standing;
    this.state$ = standing.state$;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Event> {
    return iterate(this.#open, {
      size: bufferSize,
      onHeld: () => this.#standing.held(),
      onReleased: () => this.#standing.released(),
    });
  }
}
