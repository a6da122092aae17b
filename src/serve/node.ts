/** The transport over node:http and ws, for machines where uWebSockets.js does not load. */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { bindError, boundPort, type Endpoint, normaliseAddress } from './address.js';
import { BodyBuffer } from './body.js';
import { guard } from './guard.js';
import { judgeHandshake } from './handshake.js';
import { judgeFraming, problem } from './head.js';
import { NodeResponse } from './node-response.js';
import { NodeSocket } from './node-socket.js';
import type { HttpRequest, Service, Transport, TransportLimits } from './transport.js';

const keepAliveMs = 10_000;

const ignore = (): void => {};

/** Starts listening with node:http and ws. */
export async function listenNode(service: Service, endpoint: Endpoint, limits: TransportLimits): Promise<Transport> {
  const server = createServer({
    headersTimeout: limits.requestTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, Math.ceil(limits.requestTimeoutMs / 4)),
    keepAliveTimeout: keepAliveMs,
  });
  const sockets = new Set<TcpSocket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // Connections that carry a stream, or were refused: they have no room for another answer.
  const full = new WeakSet<Duplex>();
  serveRequests(server, service, full);
  serveUpgrades(server, service, full, limits);
  const port = await bind(server, endpoint);
  const closed = new Promise<void>((resolve) => server.once('close', resolve));
  let listening = true;
  const stopListening = (): void => {
    if (listening) server.close();
    listening = false;
  };
  return {
    name: 'ws',
    host: endpoint.host,
    port,
    stopListening,
    close() {
      stopListening();
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}

function bind(server: Server, endpoint: Endpoint): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(bindError(endpoint, cause)));
    server.listen({ host: endpoint.address, port: endpoint.port, exclusive: true }, () => resolve(boundPort(server)));
  });
}

function serveRequests(server: Server, service: Service, full: WeakSet<Duplex>): void {
  const take = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const response = new NodeResponse(service, outgoing, () => {
      full.add(incoming.socket);
      outgoing.once('close', () => full.delete(incoming.socket));
    });
    if (full.has(incoming.socket)) {
      incoming.socket.destroy();
      return;
    }
    const request = readHead(incoming);
    const refusal =
      incoming.httpVersionMajor === 1 ? judgeFraming(request) : problem(505, 'this service speaks HTTP/1.1');
    if (refusal === undefined) {
      response.guard(() => service.request(request, response));
      return;
    }
    full.add(incoming.socket);
    outgoing.shouldKeepAlive = false;
    response.answer(refusal);
  };
  // A request with an expectation that Node does not know is served as well: Node would answer it 417 itself, without a word.
  server.on('request', take).on('checkExpectation', take);
}

function serveUpgrades(server: Server, service: Service, full: WeakSet<Duplex>, limits: TransportLimits): void {
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: limits.maxMessageBytes,
    perMessageDeflate: false,
    autoPong: false,
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', ignore);
    if (full.has(socket)) {
      socket.destroy();
      return;
    }
    const request = readHead(incoming);
    const response = new NodeResponse(service, answerOn(incoming, socket), ignore);
    const handshake = judgeFraming(request) ?? judgeUpgrade(request);
    if (handshake === 'none') return response.guard(() => service.request(request, response));
    if (handshake !== 'good') return response.answer(handshake);
    response.guard(() => {
      const verdict = service.upgrade(request);
      if ('refuse' in verdict) return response.answer(verdict.refuse);
      offerOnly(verdict.protocol, incoming);
      response.detach();
      webSockets.handleUpgrade(incoming, socket, head, (webSocket) => {
        const accepted = new NodeSocket(service, webSocket, socket);
        guard(
          service,
          () => verdict.accept(accepted),
          () => accepted.destroy(),
        );
      });
    });
  });
}

/** The library would refuse a list of subprotocols that it cannot read, and take the first of any other: it is shown only the one that was chosen. */
function offerOnly(protocol: string | undefined, { headers }: IncomingMessage): void {
  if (protocol === undefined) delete headers['sec-websocket-protocol'];
  else headers['sec-websocket-protocol'] = protocol;
}

/** Node does not read the body of a request that asks for an upgrade, of any kind: such a one cannot be served. */
function judgeUpgrade(request: HttpRequest): ReturnType<typeof judgeHandshake> {
  if (Number(request.header('content-length') ?? 0) > 0) return problem(400, 'a request for an upgrade has no body');
  return judgeHandshake(request);
}

/** Node hands an upgrade over as a bare socket: this makes it one that can be answered as HTTP, once. */
function answerOn(incoming: IncomingMessage, socket: Duplex): ServerResponse {
  const outgoing = new ServerResponse(incoming);
  outgoing.shouldKeepAlive = false;
  // The type wants a net.Socket; every socket of an http.Server is one.
  outgoing.assignSocket(socket as TcpSocket);
  outgoing.once('finish', () => socket.end());
  return outgoing;
}

function readHead(incoming: IncomingMessage): HttpRequest {
  const url = incoming.url ?? '/';
  const mark = url.indexOf('?');
  return {
    method: incoming.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    remoteAddress: normaliseAddress(incoming.socket.remoteAddress ?? ''),
    header: (name) => incoming.headersDistinct[name]?.join(', '),
    readBody: (maxBytes) => readBody(incoming, maxBytes),
  };
}

function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  // The length is always said: a body without one has been refused before it came here.
  const body = new BodyBuffer(Number(incoming.headers['content-length'] ?? 0));
  incoming.on('data', (chunk: Buffer) => body.push(chunk, false));
  incoming.once('end', () => body.push(new Uint8Array(0), true)).once('close', () => body.cut());
  return body.read(maxBytes);
}
