/** Events as the two streams write them. A frame is made once, not once per subscriber. */
import { Buffer } from 'node:buffer';
import { eventHead, frameEnd, frameHead } from '../events-json.js';
import type { Piece } from './filter.js';
import { oncePer } from './once-per.js';

/** A piece as server-sent events, to be written at once: what lies together in the log is sent as it lies there. */
export const sseFrames = oncePer(({ batch, runs }: Piece): Buffer => {
  const frames = runs.map(({ from, to }) => batch.frames(from, to));
  return frames.length === 1 && frames[0] !== undefined ? frames[0] : Buffer.concat(frames);
});

/** An event that is in no log: what a reader is told of its own place. */
export function loosePiece(id: string, offset: number, type: string, tail: string): Piece {
  const head = frameHead(id, type);
  const bytes = Buffer.from(`${head}${eventHead(id)}${tail}${frameEnd}`);
  const json = bytes.subarray(Buffer.byteLength(head), -frameEnd.length);
  return { batch: { frames: () => bytes, jsonAt: () => json }, runs: [{ from: 0, to: 1 }], last: offset };
}

/** A piece as text frames. */
export const textFrames = oncePer(({ batch, runs }: Piece): readonly Buffer[] => {
  const frames: Buffer[] = [];
  for (const { from, to } of runs) for (let place = from; place < to; place++) frames.push(batch.jsonAt(place));
  return frames;
});

/** The block that keeps a connection and moves its cursor past what the filter left out. */
export function sseCursor(id: string): string {
  return `id: ${id}\n\n`;
}
