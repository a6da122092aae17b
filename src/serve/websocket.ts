/** `GET /ws`: the log as WebSocket text frames, and the frames that control it. */
import { CrawlcastError, toCrawlcastError } from '../errors.js';
import { textFrames } from './frames.js';
import type { Member } from './hub.js';
import { type Opening, type Plan, plan, Subscriber } from './subscriber.js';
import { parseSubscribeFrame, type Subscription } from './subscription.js';
import type { Socket } from './transport.js';

export const subprotocol = 'cloudevents.json';

/** A peer is asked for a sign of life this often, and given up when the next time comes without one. */
const pingMs = 30_000;

/** Takes an accepted socket and keeps it going until either side ends it. */
export function openSocket({ store, hub, plan: first, address }: Opening, socket: Socket): void {
  let alive = true;
  const send = (frames: readonly (Buffer | string)[]) => {
    member.lastWriteMs = performance.now();
    return socket.send(frames);
  };
  const subscriber = new Subscriber(store, hub.turns, first, {
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
    address,
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
  const answer = (control: unknown) => {
    if (send([JSON.stringify(control)])) subscriber.drained();
    else gate.notTaken();
  };
  const resubscribe = (text: string) => {
    const subscription = parseSubscribeFrame(text);
    const next = plan(subscription, store);
    subscriber.replan(next);
    answer({ subscribed: describe(subscription, next, subscriber.cursor) });
    subscriber.tellGap();
    subscriber.pump();
  };
  const gate = createFloodGate();
  socket.onMessage = (text) => {
    alive = true;
    if (gate.isFlood()) return socket.close(1008, 'too many control frames');
    try {
      resubscribe(text);
    } catch (thrown) {
      const { code, message } = toCrawlcastError(thrown);
      answer({ error: { code, message } });
    }
  };
  socket.onPong = () => {
    alive = true;
  };
  socket.onDrain = () => {
    // The pings of a reader that is slow wait behind the events that it has not read.
    alive = true;
    gate.taken();
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

/** A client may send so many control frames in so long a time, and leave so many answers to them untaken. */
const maxControls = 100;
const controlWindowMs = 10_000;
const maxUntaken = 10;

/** Tells a client that steers from one that only makes work. */
function createFloodGate() {
  let since = performance.now();
  let controls = 0;
  let untaken = 0;
  return {
    /** Asked for each control frame. */
    isFlood(): boolean {
      const now = performance.now();
      if (now - since > controlWindowMs) {
        since = now;
        controls = 0;
      }
      return ++controls > maxControls || untaken > maxUntaken;
    },
    notTaken: () => void untaken++,
    taken: () => {
      untaken = 0;
    },
  };
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
