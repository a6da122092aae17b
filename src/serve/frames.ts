/** Events as the two streams write them. A frame is made once, not once per subscriber. */
import { Buffer } from 'node:buffer';
import { eventId } from '../events-json.js';
import type { LogEvent } from '../store/store.js';
import type { Piece } from './filter.js';
import { oncePer } from './once-per.js';

const end = Buffer.from('\n\n');

/** A piece as server-sent events, to be written at once. */
export const sseFrames = oncePer((piece: Piece): Buffer => Buffer.concat(piece.flatMap(sseParts)));

// JSON text has its line breaks escaped, so that an event is always one `data:` line.
function sseParts(event: LogEvent): Buffer[] {
  return [Buffer.from(`id: ${eventId(event.json)}\nevent: ${event.type}\ndata: `), event.json, end];
}

/** A piece as text frames. */
export const textFrames = oncePer((piece: Piece): readonly Buffer[] => piece.map((event) => event.json));

/** The block that keeps a connection and moves its cursor past what the filter left out. */
export function sseCursor(id: string): string {
  return `id: ${id}\n\n`;
}
