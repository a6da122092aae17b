/** A server on raw sockets, which says exactly the bytes that a test wants, well-formed or not. */
import { once } from 'node:events';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import tls, { type TlsOptions } from 'node:tls';

/** Answers one request, head and body. `nth` counts the requests on this connection, from 0. */
export type Answer = (socket: Socket, request: string, nth: number) => void;

/** A running hostile server. */
export interface Hostile extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
  /** The heads of all requests, as they came; each with its body, after an empty line, where it has one. */
  readonly requests: readonly string[];
  /** How many connections there have been. */
  readonly accepted: number;
  /** How many are open. */
  readonly open: number;
  /** Waits until nobody is connected. */
  emptied(): Promise<void>;
  /** Waits until there have been so many requests. */
  asked(times: number): Promise<void>;
}

/** Starts a server that lets `answer` have each request; with `secure` it speaks both TLS and plain HTTP on its port. */
export async function startHostile(answer: Answer, secure?: TlsOptions): Promise<Hostile> {
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let accepted = 0;
  const serve = (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    // whoever resets a connection here does so on purpose
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      server.emit('left');
    });
    readRequests(socket, (request, nth) => {
      requests.push(request);
      server.emit('asked');
      answer(socket, request, nth);
    });
  };
  const server: Server = secure === undefined ? net.createServer(serve) : createBilingual(secure, serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // an address of a TCP server is never a string
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${secure === undefined ? 'http' : 'https'}://127.0.0.1:${port}/`,
    requests,
    get accepted() {
      return accepted;
    },
    get open() {
      return sockets.size;
    },
    async emptied() {
      while (sockets.size > 0) await once(server, 'left');
    },
    async asked(times) {
      while (requests.length < times) await once(server, 'asked');
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The first byte of a TLS handshake. */
const handshake = 22;

function createBilingual(secure: TlsOptions, serve: (socket: Socket) => void): Server {
  const secured = tls.createServer(secure, serve).on('tlsClientError', () => {});
  return net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      if (first[0] === handshake) secured.emit('connection', socket);
      else {
        serve(socket);
        socket.resume();
      }
    });
  });
}

function readRequests(socket: Socket, give: (request: string, nth: number) => void): void {
  let text = '';
  let nth = 0;
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    // As web servers do where somebody speaks TLS to a plain port.
    if (text.charCodeAt(0) === handshake) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    for (let head = text.indexOf('\r\n\r\n'); head >= 0; head = text.indexOf('\r\n\r\n')) {
      const length = Number(/^content-length: *(\d+)/im.exec(text.slice(0, head))?.[1] ?? 0);
      const end = head + 4 + length;
      if (text.length < end) return;
      const request = text.slice(0, length === 0 ? head : end);
      text = text.slice(end);
      give(request, nth++);
    }
  });
}

/** The bytes of an answer with this body; `Content-Length` is right unless the headers say otherwise. */
export function reply(body: string | Uint8Array, headers: Record<string, string> = {}): Buffer {
  const bytes = Buffer.from(body);
  const all = { 'content-length': String(bytes.length), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join('')}\r\n`), bytes]);
}

/** Says a byte of body every few milliseconds, for ever. */
export function drip(socket: Socket): void {
  socket.write(`HTTP/1.1 200 OK\r\n\r\n`);
  const timer = setInterval(() => socket.write('x'), 5);
  socket.once('close', () => clearInterval(timer));
}

/** A port on which nobody listens. */
export async function freePort(): Promise<number> {
  const site = await startHostile(() => {});
  const { port } = site;
  await site[Symbol.asyncDispose]();
  return port;
}
