/**
 * Subscribers in a process of their own that count, as cheaply as can be: the first one counts events, and how many bytes
 * they are; the others have all when they have had as many bytes. (Heartbeats are bytes too, and come after 15 s of silence.)
 */
import type { Socket } from 'node:net';
import { takeOrders } from './child.js';
import { Occurrences } from './event-counter.js';
import { openStreams, type Protocol, type Streams } from './streams.js';

/**
 * Streams to open, besides those that are, answered when all are open; then what to wait for, answered when all
 * have it: so many events and nothing else, at least so many events, or at least so many bytes. `close` closes all, and others may be opened.
 */
export type CountingOrder =
  | Streams
  | { readonly events: number }
  | { readonly atLeast: number }
  | { readonly bytes: number }
  | 'close';

/** What has come. */
export interface Counted {
  /** That each stream had to have. */
  readonly bytes: number;
  /** `performance.timeOrigin` and what has passed since, when the last byte came. */
  readonly atMs: number;
}

let bytes = new Float64Array(0);
let counter = countEvents('sse');
let aim = Number.POSITIVE_INFINITY;
/** Bytes that all events are; known once the first stream has had all events. */
let whole = Number.POSITIVE_INFINITY;
let complete = 0;
let finish = () => {};
let sockets: Socket[] = [];

takeOrders(async (order: CountingOrder): Promise<Counted | undefined> => {
  if (order === 'close') return closeAll();
  if ('events' in order) return waitForExactly(order.events);
  if ('atLeast' in order) return waitForEvents(order.atLeast);
  if ('bytes' in order) return waitForBytes(order.bytes);
  const already = bytes.length;
  const room = new Float64Array(already + order.count);
  room.set(bytes);
  bytes = room;
  if (already === 0) counter = countEvents(order.protocol);
  sockets.push(...(await openStreams(order, (index) => reader(already + index))));
  return undefined;
});

function closeAll(): undefined {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  bytes = new Float64Array(0);
  aim = Number.POSITIVE_INFINITY;
  whole = Number.POSITIVE_INFINITY;
  complete = 0;
}

function reader(index: number): (piece: Buffer) => void {
  if (index === 0) {
    return (piece) => {
      counter.push(piece);
      add(0, piece.length);
      if (counter.count >= aim && whole === Number.POSITIVE_INFINITY) learnWhole();
    };
  }
  return (piece) => add(index, piece.length);
}

function add(index: number, length: number): void {
  const before = bytes[index] ?? 0;
  const after = before + length;
  bytes[index] = after;
  if (before < whole && after >= whole && ++complete === bytes.length) finish();
}

function learnWhole(length = bytes[0] ?? 0): void {
  whole = length;
  complete = bytes.reduce((count, one) => count + (one >= whole ? 1 : 0), 0);
  if (complete === bytes.length) finish();
}

function waitForEvents(events: number): Promise<Counted> {
  return finished(() => {
    aim = events;
    whole = Number.POSITIVE_INFINITY;
    if (counter.count >= aim) learnWhole();
  });
}

async function waitForExactly(events: number): Promise<Counted> {
  const counted = await waitForEvents(events);
  const exact = bytes.every((length) => length === whole) && counter.count === events;
  if (!exact) throw new Error(`not the same to all ${sockets.length}: ${counter.count} events, ${whole} bytes`);
  return counted;
}

function waitForBytes(length: number): Promise<Counted> {
  return finished(() => learnWhole(length));
}

async function finished(begin: () => void): Promise<Counted> {
  await new Promise<void>((resolve) => {
    finish = resolve;
    begin();
  });
  return { bytes: whole, atMs: performance.timeOrigin + performance.now() };
}

/** Counts the events of one stream. */
function countEvents(protocol: Protocol): { readonly count: number; push(bytes: Buffer): void } {
  return new Occurrences(protocol === 'sse' ? '\nevent: ' : '{"specversion":');
}
