/** Many subscribers in one process, as cheap as Node has them: raw sockets that share one buffer. */
import { connect, type Socket } from 'node:net';
import { handshakeRequest } from '../../support/raw-websocket.js';
import { ChunkReader } from './event-counter.js';

/** How subscribers come. */
export type Protocol = 'sse' | 'ws';

/** Where they go. */
export interface Streams {
  readonly port: number;
  readonly protocol: Protocol;
  readonly count: number;
  /** Of the URL, such as `?since=0`. */
  readonly query?: string;
}

const atOnce = 200;
const buffer = Buffer.alloc(256 * 1_024);

/**
 * Opens streams; resolves when all have been answered.
 * @param reader makes what takes a stream's payload: for WebSocket the frames as they are on the wire. The bytes hold only until it returns.
 */
export async function openStreams(
  { port, protocol, count, query = '' }: Streams,
  reader: (index: number) => (bytes: Buffer) => void,
): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const head = protocol === 'ws' ? handshakeRequest(`/ws${query}`) : sseRequest(query);
  while (sockets.length < count) {
    const group = Array.from({ length: Math.min(atOnce, count - sockets.length) }, (_, i) => sockets.length + i);
    sockets.push(...(await Promise.all(group.map((index) => open(port, head, protocol, reader(index))))));
  }
  return sockets;
}

function sseRequest(query: string): string {
  return `GET /events${query} HTTP/1.1\r\nHost: bench\r\n\r\n`;
}

function open(port: number, head: string, protocol: Protocol, take: (bytes: Buffer) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const opened = () => resolve(socket);
    const push = protocol === 'ws' ? behindHead(take, opened) : chunked(take, opened);
    const callback = (length: number) => {
      push(buffer.subarray(0, length));
      return true;
    };
    const socket = connect({ port, host: '127.0.0.1', onread: { buffer, callback } });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('a stream was closed')));
    socket.write(head);
  });
}

function chunked(take: (bytes: Buffer) => void, opened: () => void): (bytes: Buffer) => void {
  let isOpen = false;
  const reader = new ChunkReader((bytes) => {
    if (!isOpen) opened();
    isOpen = true;
    take(bytes);
  });
  return (bytes) => reader.push(bytes);
}

function behindHead(take: (bytes: Buffer) => void, opened: () => void): (bytes: Buffer) => void {
  let head: string | undefined = '';
  return (bytes) => {
    if (head === undefined) return take(bytes);
    const before = head.length;
    head += bytes.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!head.startsWith('HTTP/1.1 101')) throw new Error(head.slice(0, end));
    head = undefined;
    opened();
    if (bytes.length > end + 4 - before) take(bytes.subarray(end + 4 - before));
  };
}
