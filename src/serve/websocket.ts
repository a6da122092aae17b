/** `GET /ws`: the log as WebSocket text frames, and the frames that control it. */
import { CrawlcastError, toCrawlcastError } from '../errors.js';
import type { Piece } from './filter.js';
import { textFrames } from './frames.js';
import { type Hub, heartbeatMs, type Member } from './hub.js';
import { detailOf, isOurs } from './problem.js';
import { begin, type Opening, type Outlet, type Plan, plan, Subscriber } from './subscriber.js';
import { parseSubscribeFrame, type Subscription } from './subscription.js';
import type { Socket } from './transport.js';

export const subprotocol = 'cloudevents.json';

/** A peer is asked for a sign of life this often, and given up when the next time comes without one. */
const pingMs = 30_000;

/** Takes an accepted socket and keeps it going until either side ends it. */
export function openSocket(opening: Opening, socket: Socket): void {
  begin(opening, new SocketStream(opening, socket));
}

/** One open WebSocket: a single object, since there may be thousands that do nothing. */
class SocketStream implements Member, Outlet {
  readonly protocol = 'ws';
  readonly address: string;
  readonly subscriber: Subscriber;
  readonly #hub: Hub;
  readonly #socket: Socket;
  #lastWriteMs = performance.now();
  #lastPingMs = this.#lastWriteMs;
  #alive = true;
  /** Most readers never send a frame. */
  #gate: FloodGate | undefined;

  constructor({ store, hub, plan: first, address }: Opening, socket: Socket) {
    this.address = address;
    this.#hub = hub;
    this.#socket = socket;
    this.subscriber = new Subscriber(store, hub.turns, first, this);
    socket.onMessage = (text) => this.#control(text);
    socket.onPong = () => {
      this.#alive = true;
    };
    socket.onDrain = () => this.#drained();
    socket.onClose = () => this.#hub.delete(this);
  }

  deliver(piece: Piece): boolean {
    return this.#send(textFrames(piece));
  }

  heartbeat(id: string): boolean {
    return this.#send([JSON.stringify({ cursor: id })]);
  }

  end(): void {
    this.#socket.close(1000, 'the crawl is over');
  }

  fail(error: unknown): void {
    this.#hub.onError(error);
    this.#socket.destroy();
  }

  remind(nowMs: number): void {
    if (nowMs - this.#lastPingMs >= pingMs) this.#askForLife(nowMs);
    if (nowMs - this.#lastWriteMs < heartbeatMs) return;
    this.#lastWriteMs = nowMs;
    if (this.subscriber.hasMovedSilently) this.subscriber.heartbeat();
  }

  #askForLife(nowMs: number): void {
    if (this.#alive) this.#socket.ping();
    else this.#socket.destroy();
    this.#alive = false;
    this.#lastPingMs = nowMs;
  }

  leave(): void {
    this.#socket.close(1001, 'the service stops');
  }

  #send(frames: readonly (Buffer | string)[]): boolean {
    this.#lastWriteMs = performance.now();
    return this.#socket.send(frames);
  }

  #drained(): void {
    // The pings of a reader that is slow wait behind the events that it has not read.
    this.#alive = true;
    this.#gate?.taken();
    this.subscriber.drained();
  }

  #control(text: string): void {
    this.#alive = true;
    this.#gate ??= new FloodGate();
    try {
      if (this.#gate.isFlood()) this.#socket.close(1008, 'too many control frames');
      else this.#resubscribe(text);
    } catch (thrown) {
      const error = toCrawlcastError(thrown);
      if (isOurs(error)) this.#hub.onError(thrown);
      this.#answer({ error: { code: error.code, message: detailOf(error) } });
    }
  }

  #resubscribe(text: string): void {
    const subscription = parseSubscribeFrame(text);
    const next = plan(subscription, this.subscriber.store);
    this.subscriber.replan(next);
    this.#answer({ subscribed: describe(subscription, next, this.subscriber.cursor) });
    this.subscriber.tellGap(next.position);
    this.subscriber.begin();
  }

  #answer(control: unknown): void {
    if (this.#send([JSON.stringify(control)])) this.subscriber.drained();
    else this.#gate?.notTaken();
  }
}

function describe({ type, since, data }: Subscription, { crawl }: Plan, cursor: string): Record<string, unknown> {
  const conditions: Record<string, string | string[]> = {};
  for (const [path, value] of data) {
    const known = Object.hasOwn(conditions, path) ? conditions[path] : undefined;
    conditions[path] = known === undefined ? value : [known, value].flat();
  }
  return { ...(type && { type }), ...(crawl && { crawl }), ...(since && { since }), data: conditions, cursor };
}

/** A client may send so many control frames in so long a time, and leave so many answers to them untaken. */
const maxControls = 100;
const controlWindowMs = 10_000;
const maxUntaken = 10;

/** Tells a client that steers from one that only makes work. */
class FloodGate {
  #since = performance.now();
  #controls = 0;
  #untaken = 0;

  /** Asked for each control frame. */
  isFlood(): boolean {
    const now = performance.now();
    if (now - this.#since > controlWindowMs) {
      this.#since = now;
      this.#controls = 0;
    }
    return ++this.#controls > maxControls || this.#untaken > maxUntaken;
  }

  notTaken(): void {
    this.#untaken++;
  }

  taken(): void {
    this.#untaken = 0;
  }
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
