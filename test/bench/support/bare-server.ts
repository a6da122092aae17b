/**
 * The limit of all that streams: a bare uWebSockets.js loop. Frames are in memory, ready to be sent; each subscriber has
 * a place among them, is sent all that follows in as few writes as there are batches, and waits where its socket is full.
 */

import { App, type HttpResponse, us_socket_local_port, type WebSocket } from 'uWebSockets.js';
import { relayDurably, relayMarks } from '../latency/bare-relay.js';
import { takeOrders } from './child.js';
import { heldMemory } from './held-memory.js';
import { itemJson } from './items.js';
import { timeMark } from './latencies.js';

/** What it may be told; it answers where it listens, when that is done, or what it was to measure. */
export type BareOrder =
  | 'where'
  /** Its memory: see `heldMemory`. */
  | 'measure'
  /** Sends so many events at once. */
  | { readonly append: number }
  /** Begins to send one marked event after the other, so many a second; 0 ends it. */
  | { readonly live: number }
  /** Sends each marked item of a page the moment it has come, the rest of it unread; with a file, extracts it and sends it once it is durable in that. */
  | { readonly relay: string; readonly file?: string };

interface Batch {
  /** In parts that a cork holds. */
  readonly sse: readonly Buffer[];
  /** In groups that a cork holds. */
  readonly texts: readonly (readonly Buffer[])[];
}

/**
 * A cork of the library holds 16 KiB with the heads of the frames; what comes after it was full is written one by one.
 * Of a chunk that it does not hold the library loses all but the head where the socket is full at that moment.
 */
const corkBytes = 15_000;

interface Subscriber {
  at: number;
  full: boolean;
  /** False where the socket does not take more. */
  send(batch: Batch): boolean;
}

/** As many events as our log hands out at once. */
const batchSize = 256;
const batches: Batch[] = [];
const subscribers = new Set<Subscriber>();
let offset = 0;

function pump(subscriber: Subscriber): void {
  while (!subscriber.full && subscriber.at < batches.length) {
    const batch = batches[subscriber.at++];
    if (batch !== undefined) subscriber.full = !subscriber.send(batch);
  }
}

function append(items: readonly string[]): void {
  const events = items.map((data) => {
    const id = `7f3a7f3a-${++offset}`;
    const time = new Date().toISOString();
    return { id, json: Buffer.from(eventJson(id, time, data)) };
  });
  const frames = events.flatMap(({ id, json }) => [Buffer.from(`id: ${id}\nevent: quote\ndata: `), json, end]);
  batches.push({ sse: partsOf(Buffer.concat(frames)), texts: corked(events.map(({ json }) => json)) });
  for (const subscriber of subscribers) pump(subscriber);
}

const end = Buffer.from('\n\n');

function partsOf(bytes: Buffer): Buffer[] {
  const count = Math.ceil(bytes.length / corkBytes);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * corkBytes, (i + 1) * corkBytes));
}

function corked(texts: readonly Buffer[]): Buffer[][] {
  const groups: Buffer[][] = [];
  let room = 0;
  for (const text of texts) {
    if (text.length > room) {
      groups.push([]);
      room = corkBytes;
    }
    groups.at(-1)?.push(text);
    room -= text.length + 4;
  }
  return groups;
}

function eventJson(id: string, time: string, data: string): string {
  return `{"specversion":"1.0","id":"${id}","source":"/crawls/a","type":"quote","time":"${time}","data":${data}}`;
}

function openSse(response: HttpResponse, at: number): void {
  const subscriber: Subscriber = {
    at,
    full: false,
    send: ({ sse }) => {
      let taken = false;
      for (const part of sse) {
        response.cork(() => {
          taken = response.write(part);
        });
      }
      return taken;
    },
  };
  subscribers.add(subscriber);
  response.onAborted(() => {
    subscribers.delete(subscriber);
  });
  response.onWritable(() => {
    subscriber.full = false;
    // Leaving a cork sends what is queued.
    response.cork(() => {});
    pump(subscriber);
    return true;
  });
  response.cork(() => {
    response.writeHeader('content-type', 'text/event-stream').write(`retry: 1000\nid: 7f3a7f3a-0\n\n`);
  });
  pump(subscriber);
}

function openWs(socket: WebSocket<{ at: number; subscriber?: Subscriber }>): void {
  const data = socket.getUserData();
  const subscriber: Subscriber = {
    at: data.at,
    full: false,
    send: ({ texts }) => {
      for (const group of texts) {
        socket.cork(() => {
          for (const text of group) socket.send(text);
        });
      }
      return socket.getBufferedAmount() === 0;
    },
  };
  data.subscriber = subscriber;
  subscribers.add(subscriber);
  pump(subscriber);
}

const startOf = (query: string) => (query.includes('since=0') ? 0 : batches.length);

const app = App()
  .get('/events', (response, request) => openSse(response, startOf(request.getQuery() ?? '')))
  .ws<{ at: number; subscriber?: Subscriber }>('/ws', {
    maxBackpressure: 64 << 20,
    upgrade: (response, request, context) => {
      const key = request.getHeader('sec-websocket-key');
      response.upgrade({ at: startOf(request.getQuery() ?? '') }, key, '', '', context);
    },
    open: openWs,
    drain: (socket) => {
      const { subscriber } = socket.getUserData();
      // To add to what is queued would copy all of it again.
      if (subscriber === undefined || socket.getBufferedAmount() > 0) return;
      subscriber.full = false;
      pump(subscriber);
    },
    close: (socket) => {
      const { subscriber } = socket.getUserData();
      if (subscriber !== undefined) subscribers.delete(subscriber);
    },
  });
const port = new Promise<number>((resolve) => {
  app.listen('127.0.0.1', 0, (socket) => resolve(us_socket_local_port(socket)));
});

const relay = ({ relay: url, file }: { readonly relay: string; readonly file?: string }) =>
  file === undefined ? relayMarks(url, (item) => append([item])) : relayDurably(url, file, (item) => append([item]));

let live: NodeJS.Timeout | undefined;

function sendLive(perSecond: number): void {
  clearInterval(live);
  if (perSecond > 0) live = setInterval(() => append([itemJson(offset, timeMark())]), 1_000 / perSecond);
}

takeOrders(async (order: BareOrder) => {
  if (order === 'measure') return heldMemory();
  if (order === 'where') return port;
  if ('relay' in order) await relay(order);
  else if ('live' in order) sendLive(order.live);
  else {
    for (let left = order.append; left > 0; left -= batchSize) {
      append(Array.from({ length: Math.min(left, batchSize) }, (_, i) => itemJson(offset + i)));
    }
  }
  return port;
});
