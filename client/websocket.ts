/** The stream as WebSocket text frames. */
import { Observable, type Subscriber } from 'rxjs';
import { CrawlcastClientError } from './errors.js';
import { type Frame, isEvent, lost, type Open, parseJson, silenceMs } from './frame.js';
import type { Gate } from './gate.js';
import type { Service } from './service.js';
import { queryOf, type Request } from './subscription.js';

/** As much of a WebSocket as is needed here: a browser's, Node's own, or that of the package `ws`. */
export interface SocketLike {
  addEventListener(type: 'open' | 'message' | 'error' | 'close', listener: (event: SocketEvent) => void): void;
  send(text: string): void;
  close(): void;
}

/** What its events say. */
export interface SocketEvent {
  readonly type?: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** Makes one. */
export type SocketConstructor = new (url: string, protocols: string) => SocketLike;

/** How connections to `/ws` are opened with a given WebSocket; without one, with what there is. */
export function openWebSocketWith(given?: SocketConstructor): Open {
  return (service, request, gate) =>
    new Observable((subscriber) => {
      // No event has this type: nothing comes before the subscription, which is sent as a frame, for its answer has a
      // cursor, and its errors can be read, which those of a handshake cannot in a browser.
      const query = new URLSearchParams({ type: 'log.gap' });
      if (service.token !== undefined) query.set('access_token', service.token);
      const url = service.locate('ws', query).href.replace(/^http/, 'ws');
      const start = async () => {
        await gate.whenOpen();
        const Socket = given ?? (await findConstructor());
        if (!subscriber.closed)
          subscriber.add(attend(new Socket(url, 'cloudevents.json'), service, request, gate, subscriber));
      };
      start().catch((error: unknown) => subscriber.error(error));
    });
}

async function findConstructor(): Promise<SocketConstructor> {
  if (typeof globalThis.WebSocket === 'function') return globalThis.WebSocket;
  try {
    return (await import('ws')).WebSocket;
  } catch (cause) {
    const detail = 'there is no WebSocket here: install the package ws, or give connect() one, or use transport "sse"';
    throw new CrawlcastClientError('websocket.missing', detail, { cause });
  }
}

/** Reads a socket to its end; gives the function that closes it. */
function attend(
  socket: SocketLike,
  service: Service,
  request: Request,
  gate: Gate,
  subscriber: Subscriber<Frame>,
): () => void {
  let isOpen = false;
  let at: string | undefined;
  const ask = () => socket.send(JSON.stringify({ subscribe: { ...request, since: at ?? request.since } }));
  const watch = watchSilence(ask, () => subscriber.error(lost('the service has fallen silent')));
  socket.addEventListener('open', () => {
    isOpen = true;
    ask();
  });
  socket.addEventListener('message', ({ data }) => {
    if (subscriber.closed) return;
    watch.heard();
    try {
      const frame = readFrame(String(data));
      if (frame === undefined || (at === undefined && frame.isOpening !== true)) return;
      at = frame.id;
      subscriber.next(frame);
    } catch (error) {
      subscriber.error(error);
    }
  });
  let hasFailed = false;
  // Ended with the subscription, which ends with the answer: of a stream no more is wanted than that it may begin.
  const asking = new AbortController();
  const fail = () => {
    if (hasFailed || subscriber.closed) return;
    hasFailed = true;
    void explain(service, request, asking.signal).then((error) => subscriber.error(error));
  };
  // Of an open socket the close that follows says what it was; Node 22 has none for one that could not be opened.
  socket.addEventListener('error', () => {
    if (!isOpen) fail();
  });
  socket.addEventListener('close', ({ code = 1006, reason = '' }) => {
    if (subscriber.closed) return;
    if (!isOpen) fail();
    else if (code === 1000 && request.crawl !== undefined) subscriber.complete();
    else subscriber.error(errorOfClose(code, reason));
  });
  // A browser's socket cannot be held up: it is closed instead, and opened again where the reader then is.
  const stopHolding = gate.onShut(() => subscriber.error(lost('the reader is held up', { waitMs: 0 })));
  return () => {
    stopHolding();
    watch.stop();
    asking.abort();
    socket.close();
  };
}

/** @throws CrawlcastClientError with the service's code where it refuses what it was sent */
function readFrame(text: string): Frame | undefined {
  const frame = parseJson(text);
  if (isEvent(frame)) return { id: frame.id, event: frame };
  if ('cursor' in frame && typeof frame.cursor === 'string') return { id: frame.cursor };
  if ('subscribed' in frame && typeof frame.subscribed === 'object' && frame.subscribed !== null) {
    const { subscribed } = frame;
    if ('cursor' in subscribed) return { id: String(subscribed.cursor), isOpening: true };
  }
  if ('error' in frame && typeof frame.error === 'object' && frame.error !== null) {
    const { code, message }: { code?: unknown; message?: unknown } = frame.error;
    throw new CrawlcastClientError(String(code), String(message));
  }
  return undefined;
}

/** Closes after which coming back would change nothing: we broke the rules. */
const final: ReadonlySet<number> = new Set([1002, 1003, 1007, 1008, 1009, 1010]);

function errorOfClose(code: number, reason: string): CrawlcastClientError {
  if (final.has(code)) return new CrawlcastClientError(`websocket.${code}`, reason || 'the service closed the socket');
  return lost(`the socket was closed with ${code}${reason && `: ${reason}`}`);
}

/** Why a socket did not open: no browser says it, but the same subscription over HTTP is refused for the same reason. */
async function explain(service: Service, request: Request, signal: AbortSignal): Promise<unknown> {
  try {
    await service.ask(service.locate('events', queryOf(request)), { signal });
    return lost('the socket could not be opened');
  } catch (error) {
    return error;
  }
}

/**
 * A service pings sockets, which a browser does not tell. So after a while without a word it is asked again for what it
 * is sending already, and has to answer that.
 */
function watchSilence(ask: () => void, giveUp: () => void): { heard(): void; stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => clearTimeout(timer);
  const heard = () => {
    stop();
    timer = setTimeout(
      () => {
        ask();
        timer = setTimeout(giveUp, silenceMs / 3);
      },
      (silenceMs / 3) * 2,
    );
  };
  timer = setTimeout(giveUp, silenceMs);
  return { heard, stop };
}
