/** The transport over uWebSockets.js. */

import type { HttpRequest as NativeRequest, HttpResponse as NativeResponse, us_listen_socket } from 'uWebSockets.js';
import { bindError, type Endpoint, normaliseAddress, probePort } from './address.js';
import { BodyBuffer } from './body.js';
import { guard } from './guard.js';
import { judgeHandshake } from './handshake.js';
import { judgeFraming, problem } from './head.js';
import type { HttpRequest, Service, Transport, TransportLimits } from './transport.js';
import { UwsResponse, type UwsSink } from './uws-response.js';
import { type Upgrade, UwsSocket } from './uws-socket.js';

type Uws = typeof import('uWebSockets.js');

/** Of pongs that a peer asks for and does not read: frames go out only when nothing is queued. */
const maxBackpressureBytes = 16 << 20;
// The library's types leave out this one of its exports; its value is that of the C header (libusockets.h).
const exclusivePort = 1;

/** uWebSockets.js, where its binary loads. */
export async function loadUws(): Promise<Uws | undefined> {
  // Read by the library as it loads. Its default of 4 KiB is less than a browser's cookies for localhost can take.
  process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= '16384';
  try {
    return await import('uWebSockets.js');
  } catch {
    return undefined;
  }
}

/** Starts listening with uWebSockets.js. */
export async function listenUws(
  uws: Uws,
  service: Service,
  endpoint: Endpoint,
  limits: TransportLimits,
): Promise<Transport> {
  const app = uws.App();
  const open = new Set<UwsSink>();
  serveUpgrades(app, service, limits, open);
  app.any('/*', (native, request) => {
    takeRequest(service, native, request, limits, open);
  });
  // The types are narrower than the library: see HostListener.
  const listening = await bind(app as App & HostListener, endpoint);
  let listener: us_listen_socket | undefined = listening;
  const clock = keepAllOpen(open);
  const stopListening = (): void => {
    if (listener !== undefined) uws.us_listen_socket_close(listener);
    listener = undefined;
  };
  return {
    name: 'uws',
    host: endpoint.host,
    port: uws.us_socket_local_port(listening),
    stopListening,
    async close() {
      stopListening();
      clearInterval(clock);
      app.close();
    },
  };
}

/**
 * The library closes an HTTP socket 8 to 12 s after it did not take all that was written, also if it has long since
 * taken it, and does not always say so. So every stream has its clock wound up every 4 s, a sixteenth of them at a time.
 */
function keepAllOpen(open: ReadonlySet<UwsSink>): NodeJS.Timeout {
  let round = open.values();
  return setInterval(() => {
    for (let left = Math.ceil(open.size / 16); left > 0; left--) {
      const turn = round.next();
      if (turn.done) {
        round = open.values();
        return;
      }
      turn.value.keepOpen();
    }
  }, 250);
}

type App = ReturnType<Uws['App']>;

/** How the library can be called, too, though its types do not say so. */
interface HostListener {
  listen(host: string, port: number, options: number, done: (listener: us_listen_socket | false) => void): void;
}

/**
 * Node is asked first. The library says only that it could not listen, Node says why. And where the library itself
 * picks the port it leaves out SO_REUSEADDR, so that the port stays taken for a minute after it was closed.
 */
async function bind(app: App & HostListener, endpoint: Endpoint, attempts = 5): Promise<us_listen_socket> {
  const port = await probePort(endpoint);
  const listener = await new Promise<us_listen_socket | false>((resolve) => {
    app.listen(endpoint.address, port, exclusivePort, resolve);
  });
  if (listener !== false) return listener;
  if (attempts === 1) throw bindError(endpoint, undefined);
  return bind(app, endpoint, attempts - 1);
}

function serveUpgrades(app: App, service: Service, limits: TransportLimits, open: Set<UwsSink>): void {
  app.ws<Upgrade>('/*', {
    maxPayloadLength: limits.maxMessageBytes,
    maxBackpressure: maxBackpressureBytes,
    // The service pings, and decides for itself who has been silent for too long.
    idleTimeout: 0,
    sendPingsAutomatically: false,
    upgrade: (native, request, context) => {
      const head = readHead(native, request, noBody);
      const isLawful = judgeFraming(head) === undefined && judgeHandshake(head) === 'good';
      if (!isLawful) return takeRequest(service, native, request, limits, open);
      const response = new UwsResponse(service, native, head.method, open);
      response.guard(() => {
        const verdict = service.upgrade(head);
        if ('refuse' in verdict) return response.answer(verdict.refuse);
        response.detach();
        const socket = new UwsSocket(service);
        const key = head.header('sec-websocket-key') ?? '';
        native.upgrade<Upgrade>({ socket, accept: verdict.accept }, key, verdict.protocol ?? '', '', context);
      });
    },
    open: (native) => {
      const upgrade = native.getUserData();
      const { socket, accept } = upgrade;
      upgrade.accept = undefined;
      socket.attach(native);
      guard(
        service,
        () => accept?.(socket),
        () => socket.destroy(),
      );
    },
    message: (native, message, isBinary) => native.getUserData().socket.receive(message, isBinary),
    drain: (native) => native.getUserData().socket.drain(),
    pong: (native) => native.getUserData().socket.call((socket) => socket.onPong()),
    close: (native) => native.getUserData().socket.detach(),
  });
}

const noBody = new BodyBuffer(0);

function takeRequest(
  service: Service,
  native: NativeResponse,
  request: NativeRequest,
  limits: TransportLimits,
  open: Set<UwsSink>,
): void {
  const length = Number(request.getHeader('content-length'));
  const body = length > 0 ? new BodyBuffer(length) : noBody;
  const head = readHead(native, request, body);
  const response = new UwsResponse(service, native, head.method, open);
  const refusal = judgeFraming(head) ?? judgeHandshake(head);
  if (typeof refusal === 'object') {
    // The library goes on to read what follows unless an answer is still due; then it closes the connection.
    setImmediate(() => response.answer(refusal, true));
    return;
  }
  if (length > 0) takeBody(native, body, response, limits.requestTimeoutMs);
  response.guard(() => service.request(head, response));
}

function takeBody(native: NativeResponse, body: BodyBuffer, response: UwsResponse, timeoutMs: number): void {
  const timer = setTimeout(() => {
    body.cut();
    response.answer(problem(408, 'the request body took too long'), true);
  }, timeoutMs);
  // Once there is an answer nobody says that the client has gone: the process must not wait for the rest of its body.
  timer.unref();
  const stop = (): void => {
    clearTimeout(timer);
    body.cut();
  };
  response.onGone(stop);
  native.onData((chunk, isLast) => {
    body.push(new Uint8Array(chunk), isLast);
    if (isLast) stop();
  });
}

/** Copies at once: what the library hands over is only valid until its callback returns. */
function readHead(native: NativeResponse, request: NativeRequest, body: BodyBuffer): HttpRequest {
  const headers = new Map<string, string>();
  request.forEach((name, value) => {
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  });
  return {
    method: request.getCaseSensitiveMethod(),
    path: request.getUrl(),
    query: request.getQuery() ?? '',
    remoteAddress: normaliseAddress(Buffer.from(native.getRemoteAddressAsText()).toString()),
    header: (name) => headers.get(name),
    readBody: (maxBytes) => body.read(maxBytes),
  };
}
