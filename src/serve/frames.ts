/** Events as the two streams write them. A frame is made once, not once per subscriber. */
import { Buffer } from 'node:buffer';
import { eventHead, frameEnd, frameHead } from '../events-json.js';
import type { LogEvent } from '../store/store.js';
import type { Piece } from './filter.js';
import { oncePer } from './once-per.js';

/** A piece as server-sent events, to be written at once: what lies together in the log is sent as it lies there. */
export const sseFrames = oncePer((piece: Piece): Buffer => {
  const runs = runsOf(piece);
  return runs.length === 1 && runs[0] !== undefined ? runs[0] : Buffer.concat(runs);
});

function runsOf(piece: Piece): Buffer[] {
  const runs: Buffer[] = [];
  let first: LogEvent | undefined;
  let last: LogEvent | undefined;
  const close = () => {
    if (first !== undefined && last !== undefined) runs.push(first.bytes.subarray(first.begin, last.end));
  };
  for (const event of piece) {
    if (last === undefined || event.bytes !== last.bytes || event.begin !== last.end) {
      close();
      first = event;
    }
    last = event;
  }
  close();
  return runs;
}

/** An event that is in no log: what a reader is told of its own place. */
export function looseEvent(id: string, offset: number, type: string, tail: string): LogEvent {
  const head = frameHead(id, type);
  const bytes = Buffer.from(`${head}${eventHead(id)}${tail}${frameEnd}`);
  const json = bytes.subarray(Buffer.byteLength(head), -frameEnd.length);
  return { offset, type, crawl: '', json, bytes, begin: 0, end: bytes.length };
}

/** A piece as text frames. */
export const textFrames = oncePer((piece: Piece): readonly Buffer[] => piece.map((event) => event.json));

/** The block that keeps a connection and moves its cursor past what the filter left out. */
export function sseCursor(id: string): string {
  return `id: ${id}\n\n`;
}
