/** `GET /events`: the log as server-sent events. */

import { sseCursor, sseFrames } from './frames.js';
import type { Member } from './hub.js';
import { type Opening, Subscriber } from './subscriber.js';
import type { Headers, HttpResponse } from './transport.js';

/** How long a client waits before it reconnects. */
const retryMs = 1_000;

export const sseHeaders: Headers = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
};

/** Opens a stream and keeps it going until either side ends it. */
export function openEventStream(
  { store, hub, plan, address }: Opening,
  response: HttpResponse,
  headers: Headers,
): void {
  const start = `${store.log.epoch}-${plan.position.after}`;
  // The cursor goes out at once, so that who is cut off before the first event comes back to the right place.
  const sink = response.stream(200, { ...sseHeaders, ...headers }, `retry: ${retryMs}\n${sseCursor(start)}`);
  const write = (bytes: Buffer | string) => {
    member.lastWriteMs = performance.now();
    return sink.write(bytes);
  };
  const subscriber = new Subscriber(store, hub.turns, plan, {
    deliver: (piece) => write(sseFrames(piece)),
    heartbeat: (id) => write(sseCursor(id)),
    end: (lastId) => {
      // Moves the reader past what the filter left out, so that it is told 204 when it comes back.
      sink.write(sseCursor(lastId));
      sink.end();
    },
    fail: (error) => {
      hub.onError(error);
      sink.destroy();
    },
  });
  const member: Member = {
    protocol: 'sse',
    address,
    subscriber,
    lastWriteMs: performance.now(),
    idle: () => subscriber.heartbeat(),
    leave: () => sink.end(),
  };
  sink.onDrain = () => subscriber.drained();
  sink.onClose = () => hub.delete(member);
  hub.add(member);
  subscriber.tellGap();
  subscriber.pump();
}
