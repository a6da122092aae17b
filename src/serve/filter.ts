/** Which events of a batch a subscriber gets. What one subscriber had selected serves all with the same filter. */
import { dataText } from '../events-json.js';
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

/** Bytes of one piece, unless a single event is larger: what a socket that is full may still be owed. */
const maxPieceBytes = 65_536;

const selections = oncePer((_: Batch) => new Map<string, readonly Piece[]>());

/** Makes a filter. */
export function createFilter(conditions: Conditions): Filter {
  const key = JSON.stringify([conditions.types?.toSorted(), conditions.crawl, conditions.data]);
  const matches = matcher(conditions);
  return (batch) => {
    const known = selections(batch);
    const pieces = known.get(key) ?? split(batch.filter(matches));
    known.set(key, pieces);
    return pieces;
  };
}

function matcher({ types, crawl, data }: Conditions): (event: LogEvent) => boolean {
  const wanted = types === undefined ? undefined : new Set(types);
  return (event) =>
    (wanted === undefined || wanted.has(event.type)) &&
    (crawl === undefined || event.crawl === crawl) &&
    (data.length === 0 || data.every(([path, value]) => hasValue(dataOf(event), path, value)));
}

const dataOf = oncePer((event: LogEvent): unknown => JSON.parse(dataText(event.json).toString('utf8')));

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
  let bytes = maxPieceBytes;
  for (const event of events) {
    bytes += event.json.length;
    if (bytes > maxPieceBytes) {
      pieces.push([]);
      bytes = event.json.length;
    }
    pieces.at(-1)?.push(event);
  }
  return pieces;
}
