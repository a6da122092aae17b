/** `GET /events`: the log as server-sent events. */

import type { Piece } from './filter.js';
import { sseCursor, sseFrames } from './frames.js';
import { type Hub, heartbeatMs, type Member } from './hub.js';
import { begin, type Opening, type Outlet, Subscriber } from './subscriber.js';
import type { ByteSink, Headers, HttpResponse } from './transport.js';

/** How long a client waits before it reconnects. */
const retryMs = 1_000;

export const sseHeaders: Headers = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
};

/** Opens a stream and keeps it going until either side ends it. */
export function openEventStream(opening: Opening, response: HttpResponse, headers: Headers): void {
  const { log } = opening.store;
  const { after, gap } = opening.plan.position;
  // The cursor goes out at once: a reader that is cut off before the first event comes back to the right place. A gap
  // brings it along itself: who had the place already, and was cut off before the gap, would never be told of it.
  const start = gap !== undefined && after <= log.last ? '\n' : sseCursor(`${log.epoch}-${after}`);
  const sink = response.stream(200, { ...sseHeaders, ...headers }, `retry: ${retryMs}\n${start}`);
  begin(opening, new EventStream(opening, sink));
}

/** One open stream: a single object, since there may be thousands that do nothing. */
class EventStream implements Member, Outlet {
  readonly protocol = 'sse';
  readonly address: string;
  readonly subscriber: Subscriber;
  readonly #hub: Hub;
  readonly #sink: ByteSink;
  #lastWriteMs = performance.now();

  constructor({ store, hub, plan, address }: Opening, sink: ByteSink) {
    this.address = address;
    this.#hub = hub;
    this.#sink = sink;
    this.subscriber = new Subscriber(store, hub.turns, plan, this);
    sink.onDrain = () => this.subscriber.drained();
    sink.onClose = () => this.#hub.delete(this);
  }

  deliver(piece: Piece): boolean {
    return this.#write(sseFrames(piece));
  }

  heartbeat(id: string): boolean {
    return this.#write(sseCursor(id));
  }

  end(lastId: string): void {
    // Moves the reader past what the filter left out, so that it is told 204 when it comes back.
    this.#sink.write(sseCursor(lastId));
    this.#sink.end();
  }

  fail(error: unknown): void {
    this.#hub.onError(error);
    this.#sink.destroy();
  }

  remind(nowMs: number): void {
    if (nowMs - this.#lastWriteMs < heartbeatMs) return;
    this.#lastWriteMs = nowMs;
    this.subscriber.heartbeat();
  }

  leave(): void {
    this.#sink.end();
  }

  #write(bytes: Buffer | string): boolean {
    this.#lastWriteMs = performance.now();
    return this.#sink.write(bytes);
  }
}
