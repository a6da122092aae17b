/** How an answer leaves the practice site: at once, late, or quote by quote. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Answer } from './answer.js';
import type { QuotePage } from './markup.js';

/** How fast a site answers, and who watches. */
export interface Pace {
  /** Before the head of every answer. Default 0. */
  readonly delayMs: number;
  /** After each quote of a page. Default 0: the page leaves whole. */
  readonly dripMs: number;
  /** Called as each quote of the plain pages leaves; `index` counts from 0, `time` is that of `performance.now()`. */
  readonly onQuoteSent?: (page: number, index: number, time: number) => void;
}

/** Waits. False: the visitor has gone in the meantime. */
function pause(response: ServerResponse, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const goOn = () => {
      clearTimeout(timer);
      response.off('close', goOn);
      resolve(!response.destroyed);
    };
    const timer = setTimeout(goOn, ms);
    response.once('close', goOn);
  });
}

async function drip(response: ServerResponse, body: QuotePage, page: number | undefined, pace: Pace): Promise<void> {
  response.write(body.head);
  for (const [index, quote] of body.quotes.entries()) {
    // the time is taken before: what is measured with it then includes our own write
    if (page !== undefined) pace.onQuoteSent?.(page, index, performance.now());
    response.write(quote);
    if (!(await pause(response, pace.dripMs))) return;
  }
  response.end(body.tail);
}

// a page that is kept is encoded once
const encodings = new WeakMap<QuotePage, Buffer>();

function encode(body: string | QuotePage): Buffer {
  if (typeof body === 'string') return Buffer.from(body);
  const known = encodings.get(body);
  if (known) return known;
  const bytes = Buffer.from(body.head + body.quotes.join('') + body.tail);
  encodings.set(body, bytes);
  return bytes;
}

function sendWhole(response: ServerResponse, body: string | QuotePage, page: number | undefined, pace: Pace): void {
  const bytes = encode(body);
  response.setHeader('content-length', bytes.length);
  if (pace.onQuoteSent && page !== undefined && typeof body !== 'string') {
    const time = performance.now();
    for (const index of body.quotes.keys()) pace.onQuoteSent(page, index, time);
  }
  response.end(bytes);
}

/** Sends an answer. Resolves when the last byte is handed over, or the visitor has gone. */
export async function send(request: IncomingMessage, response: ServerResponse, answer: Answer, pace: Pace) {
  const { status = 200, type = 'text/html; charset=utf-8', headers = {}, body, page } = answer;
  const delayMs = pace.delayMs + (answer.delayMs ?? 0);
  if (delayMs > 0 && !(await pause(response, delayMs))) return;
  if (answer.reset) {
    request.socket.resetAndDestroy();
    return;
  }
  response.statusCode = status;
  response.setHeader('content-type', type);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (pace.dripMs > 0 && typeof body !== 'string' && request.method !== 'HEAD') await drip(response, body, page, pace);
  else sendWhole(response, body, page, pace);
}
