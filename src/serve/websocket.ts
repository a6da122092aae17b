/** `GET /ws`: the log as WebSocket text frames, and the frames that control it. */
import { CrawlcastError, toCrawlcastError } from '../errors.js';
import type { Store } from '../store/store.js';
import { textFrames } from './frames.js';
import type { Hub, Member } from './hub.js';
import { type Plan, plan, Subscriber } from './subscriber.js';
import { parseSubscribeFrame, type Subscription } from './subscription.js';
import type { Socket } from './transport.js';

export const subprotocol = 'cloudevents.json';

/** A peer is asked for a sign of life this often, and given up when the next time comes without one. */
const pingMs = 30_000;

/** Takes an accepted socket and keeps it going until either side ends it. */
export function openSocket(store: Store, hub: Hub, first: Plan, socket: Socket): void {
  let alive = true;
  const send = (frames: readonly (Buffer | string)[]) => {
    member.lastWriteMs = performance.now();
    return socket.send(frames);
  };
  const subscriber = new Subscriber(store, first, {
    deliver: (piece) => send(textFrames(piece)),
    heartbeat: (id) => send([JSON.stringify({ cursor: id })]),
    end: () => socket.close(1000, 'the crawl is over'),
    fail: (error) => {
      hub.onError(error);
      socket.destroy();
    },
  });
  const member: Member = {
    protocol: 'ws',
    subscriber,
    lastWriteMs: performance.now(),
    idle: () => {
      if (subscriber.hasMovedSilently) subscriber.heartbeat();
    },
    leave: () => socket.close(1001, 'the service stops'),
  };
  const pinging = setInterval(() => {
    if (!alive) return socket.destroy();
    alive = false;
    socket.ping();
  }, pingMs).unref();
  const resubscribe = (text: string) => {
    const subscription = parseSubscribeFrame(text);
    const next = plan(subscription, store);
    subscriber.replan(next);
    send([JSON.stringify({ subscribed: describe(subscription, next, subscriber.cursor) })]);
    subscriber.tellGap();
    subscriber.pump();
  };
  socket.onMessage = (text) => {
    alive = true;
    try {
      resubscribe(text);
    } catch (thrown) {
      const { code, message } = toCrawlcastError(thrown);
      send([JSON.stringify({ error: { code, message } })]);
    }
  };
  socket.onPong = () => {
    alive = true;
  };
  socket.onDrain = () => {
    // The pings of a reader that is slow wait behind the events that it has not read.
    alive = true;
    subscriber.drained();
  };
  socket.onClose = () => {
    clearInterval(pinging);
    hub.delete(member);
  };
  hub.add(member);
  subscriber.tellGap();
  subscriber.pump();
}

function describe({ type, since, data }: Subscription, { crawl }: Plan, cursor: string): Record<string, unknown> {
  const conditions: Record<string, string | string[]> = {};
  for (const [path, value] of data) {
    const known = Object.hasOwn(conditions, path) ? conditions[path] : undefined;
    const values = known === undefined ? value : [known, value].flat();
    Object.defineProperty(conditions, path, { value: values, enumerable: true, configurable: true, writable: true });
  }
  return { ...(type && { type }), ...(crawl && { crawl }), ...(since && { since }), data: conditions, cursor };
}

/** Which of the offered subprotocols is spoken; `undefined`: none, and none is echoed. */
export function chooseProtocol(offered: string | undefined): string | undefined {
  return offered?.split(',').some((name) => name.trim() === subprotocol) ? subprotocol : undefined;
}

/** The refusal of a plain request to the WebSocket's path. */
export const upgradeNeeded = new CrawlcastError(
  'upgrade.needed',
  'this is a WebSocket: connect with ws:// and the subprotocol cloudevents.json; for plain HTTP use /events',
);
