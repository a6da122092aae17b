/** A few lines of HTTP in place of a service: for what a real one only does when something is wrong. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import type { WebSocketServer } from 'ws';

/** What it was asked, in order. */
export interface StandIn {
  readonly url: string;
  readonly asked: readonly string[];
}

/** Answers each request with `answer`; it is closed with the test. */
export async function standIn(
  test: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => unknown,
  sockets?: WebSocketServer,
): Promise<StandIn> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    // What a client asks only in order to know how far behind it is.
    if (request.method === 'HEAD') return response.end();
    asked.push(`${request.method} ${request.url}`);
    answer(request, response, asked.length);
  });
  server.on('upgrade', (request, socket, head) => {
    if (sockets === undefined) return socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    sockets.handleUpgrade(request, socket, head, (accepted) => sockets.emit('connection', accepted, request));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    for (const socket of sockets?.clients ?? []) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('it does not listen');
  return { url: `http://127.0.0.1:${address.port}`, asked };
}

/** Begins a stream. */
export function beginStream(response: ServerResponse): ServerResponse {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  return response;
}

/** One event of a crawl as a block of a stream. */
export function block(offset: number, type: string, data: unknown = {}): string {
  return `id: e-${offset}\nevent: ${type}\ndata: ${eventText(offset, type, data)}\n\n`;
}

/** One event of a crawl. */
export function eventText(offset: number, type: string, data: unknown = {}): string {
  const time = '2026-01-01T00:00:00.000Z';
  return JSON.stringify({ specversion: '1.0', id: `e-${offset}`, source: '/crawls/1', type, time, data });
}

/** Refuses as the service does. */
export function refuse(response: ServerResponse, status: number, code: string, detail = 'write it otherwise'): void {
  const body = JSON.stringify({ type: 'about:blank', title: 'No', status, code, detail });
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(body);
}
