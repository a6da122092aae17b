/** Which events of a batch a subscriber gets. What one subscriber had selected serves all with the same filter. */
import { dataText } from '../events-json.js';
import { Recent } from '../recent.js';
import type { Batch, LogEvent } from '../store/store.js';
import { oncePer } from './once-per.js';

/** Events that are written together: a run of a batch, small enough to be handed to a socket at once. */
export type Piece = readonly LogEvent[];

/** What is asked of an event. */
export interface Conditions {
  readonly types?: readonly string[];
  readonly crawl?: string;
  readonly data: readonly (readonly [path: string, value: string])[];
}

/** Selects the events of a batch that meet all conditions, in pieces. */
export type Filter = (batch: Batch) => readonly Piece[];

/**
 * Bytes of one piece, unless a single event is larger: what a socket that is full may still be owed. A chunk of the log
 * with all its frames is less: each piece costs the system two writes, however small it is.
 */
const maxPieceBytes = 98_304;

/** A piece that is as long ends where its chunk does: to join it to the next would mean to copy both. */
const fullPieceBytes = 16_384;

/** What was made from one batch. */
interface View {
  readonly data: Map<LogEvent, unknown>;
  readonly byFilter: Map<string, readonly Piece[]>;
  /** By the offsets that were selected: filters that come to the same share the pieces, and so the frames. */
  readonly bySelection: Map<string, readonly Piece[]>;
}

const viewOf = oncePer((_: Batch): View => ({ data: new Map(), byFilter: new Map(), bySelection: new Map() }));

/** Those that were asked for last: most readers ask for the same. */
const filters = new Recent<{ readonly key: string; readonly filter: Filter }>(64);

/** The filter for some conditions; readers that ask for the same share it. */
export function createFilter(conditions: Conditions): Filter {
  const key = JSON.stringify([conditions.types?.toSorted(), conditions.crawl, conditions.data]);
  const known = filters.find((one) => one.key === key);
  if (known !== undefined) return known.filter;
  const filter = filterFor(conditions, key);
  filters.add({ key, filter });
  return filter;
}

function filterFor(conditions: Conditions, key: string): Filter {
  const matches = matcher(conditions);
  return (batch) => {
    const view = viewOf(batch);
    const known = view.byFilter.get(key);
    if (known !== undefined) return known;
    const pieces = piecesOf(
      view,
      batch,
      batch.filter((event) => matches(event, view)),
    );
    view.byFilter.set(key, pieces);
    return pieces;
  };
}

function piecesOf({ bySelection }: View, batch: Batch, events: Piece): readonly Piece[] {
  const selection = events.length === batch.length ? 'all' : Array.from(events, ({ offset }) => offset).join();
  const pieces = bySelection.get(selection) ?? split(events);
  bySelection.set(selection, pieces);
  return pieces;
}

function matcher({ types, crawl, data }: Conditions): (event: LogEvent, view: View) => boolean {
  const wanted = types === undefined ? undefined : new Set(types);
  return (event, view) =>
    (wanted === undefined || wanted.has(event.type)) &&
    (crawl === undefined || event.crawl === crawl) &&
    (data.length === 0 || data.every(([path, value]) => hasValue(dataOf(event, view), path, value)));
}

function dataOf(event: LogEvent, { data }: View): unknown {
  if (!data.has(event)) data.set(event, JSON.parse(dataText(event.json).toString('utf8')));
  return data.get(event);
}

/** Whether the value at a dotted path is this one as text, or a list that contains it. */
function hasValue(data: unknown, path: string, value: string): boolean {
  const found = path.split('.').reduce(property, data);
  const isIt = (one: unknown) => one !== null && typeof one !== 'object' && String(one) === value;
  return Array.isArray(found) ? found.some(isIt) : found !== undefined && isIt(found);
}

function property(holder: unknown, name: string): unknown {
  if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, name)) return undefined;
  return Reflect.get(holder, name);
}

function split(events: Piece): readonly Piece[] {
  const pieces: LogEvent[][] = [];
  let piece: LogEvent[] = [];
  let bytes = 0;
  for (const event of events) {
    const size = event.end - event.begin;
    const isFull = bytes + size > maxPieceBytes || (bytes >= fullPieceBytes && event.bytes !== piece.at(-1)?.bytes);
    if (piece.length === 0 || isFull) {
      piece = [];
      pieces.push(piece);
      bytes = 0;
    }
    piece.push(event);
    bytes += size;
  }
  return pieces;
}
