/** The WebSocket handshake, judged alike on both transports (RFC 6455 §4.2). */
import { problem } from './head.js';
import type { Answer, HttpRequest } from './transport.js';

const keyOf16Bytes = /^[+/0-9A-Za-z]{21}[AQgw]==$/;

/** Whether a request is a WebSocket handshake: `none` is a plain request, an answer is what a bad one gets. */
export function judgeHandshake(request: HttpRequest): 'none' | 'good' | Answer {
  if (request.method !== 'GET' || !lists(request, 'upgrade', 'websocket') || !lists(request, 'connection', 'upgrade')) {
    return 'none';
  }
  if (request.header('sec-websocket-version') !== '13') {
    return problem(426, 'this service speaks WebSocket version 13', {
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
    });
  }
  if (!keyOf16Bytes.test(request.header('sec-websocket-key') ?? '')) {
    return problem(400, 'Sec-WebSocket-Key must be 16 bytes in base64');
  }
  return 'good';
}

function lists(request: HttpRequest, name: string, wanted: string): boolean {
  const values = request.header(name)?.split(',') ?? [];
  return values.some((value) => value.trim().toLowerCase() === wanted);
}

/** A close reason that fits into a close frame: at most 123 bytes of UTF-8. */
export function shortenReason(reason: string): string {
  let short = reason.slice(0, 123);
  while (Buffer.byteLength(short) > 123) short = short.slice(0, -1);
  return short;
}
