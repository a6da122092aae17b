/** Which events of a batch a subscriber gets. What one subscriber had selected serves all with the same filter. */
import { dataText } from '../events-json.js';
import { Recent } from '../recent.js';
import type { Batch } from '../store/store.js';
import { oncePer } from './once-per.js';

/** Places of a batch in a row. */
export interface Run {
  readonly from: number;
  /** The place behind the last one. */
  readonly to: number;
}

/** Events of a batch that are written together, at least one, and few enough to be handed to a socket at once. */
export interface Piece {
  readonly batch: Pick<Batch, 'frames' | 'jsonAt'>;
  readonly runs: readonly Run[];
  /** Offset of its last event. */
  readonly last: number;
}

/** What is asked of an event. */
export interface Conditions {
  readonly types?: readonly string[];
  readonly crawl?: string;
  readonly data: readonly (readonly [path: string, value: string])[];
}

/** Selects the events of a batch that meet all conditions, in pieces. */
export type Filter = (batch: Batch) => readonly Piece[];

/**
 * Most bytes of one piece, unless a single event is larger: so much a full socket may still be owed. A whole chunk of the
 * log fits, since each piece costs two writes of the system, however small it is.
 */
const maxPieceBytes = 98_304;

/** What was made from one batch. */
interface View {
  /** Data that somebody looked into, by place. */
  readonly data: Map<number, unknown>;
  readonly byFilter: Map<string, readonly Piece[]>;
  /** By the places that were selected: filters that come to the same share the pieces, and so the frames. */
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
    const pieces = piecesOf(view, batch, runsWhere(batch, matches));
    view.byFilter.set(key, pieces);
    return pieces;
  };
}

function piecesOf({ bySelection }: View, batch: Batch, runs: readonly Run[]): readonly Piece[] {
  const selection = runs.map(({ from, to }) => `${from}-${to}`).join();
  const pieces = bySelection.get(selection) ?? split(batch, runs);
  bySelection.set(selection, pieces);
  return pieces;
}

type Matcher = (batch: Batch, place: number) => boolean;

function runsWhere(batch: Batch, matches: Matcher | undefined): Run[] {
  if (matches === undefined) return batch.length === 0 ? [] : [{ from: 0, to: batch.length }];
  const runs: Run[] = [];
  let from: number | undefined;
  for (let place = 0; place <= batch.length; place++) {
    if (place < batch.length && matches(batch, place)) {
      from ??= place;
    } else if (from !== undefined) {
      runs.push({ from, to: place });
      from = undefined;
    }
  }
  return runs;
}

/** `undefined` where nothing is asked of an event. */
function matcher({ types, crawl, data }: Conditions): Matcher | undefined {
  if (types === undefined && crawl === undefined && data.length === 0) return undefined;
  const wanted = types === undefined ? undefined : new Set(types);
  const conditions = data.map(([path, value]) => ({ places: placesOf(path), value }));
  return (batch, place) =>
    (wanted === undefined || wanted.has(batch.typeAt(place))) &&
    (crawl === undefined || batch.crawlAt(place) === crawl) &&
    (data.length === 0 || conditions.every((condition) => isMet(condition, dataOf(batch, place))));
}

function dataOf(batch: Batch, place: number): unknown {
  const { data } = viewOf(batch);
  if (!data.has(place)) data.set(place, JSON.parse(dataText(batch.jsonAt(place)).toString('utf8')));
  return data.get(place);
}

interface Condition {
  /** Where the value may stand, each as the names on the way there. */
  readonly places: readonly (readonly string[])[];
  readonly value: string;
}

/** A field may have the whole path as its name, or lie deeper. */
function placesOf(path: string): string[][] {
  return path.includes('.') ? [[path], path.split('.')] : [[path]];
}

/** Whether one of the places has this value as text, or a list that contains it. */
function isMet({ places, value }: Condition, data: unknown): boolean {
  return places.some((names) => isOrHas(names.reduce(property, data), value));
}

function isOrHas(found: unknown, value: string): boolean {
  const isIt = (one: unknown) => one !== null && typeof one !== 'object' && String(one) === value;
  return Array.isArray(found) ? found.some(isIt) : found !== undefined && isIt(found);
}

function property(holder: unknown, name: string): unknown {
  if (typeof holder !== 'object' || holder === null) return undefined;
  // Its own, and enumerable: the length of a list is none of its values.
  return Object.prototype.propertyIsEnumerable.call(holder, name) ? Reflect.get(holder, name) : undefined;
}

function split(batch: Batch, runs: readonly Run[]): readonly Piece[] {
  const pieces: Piece[] = [];
  let piece: Run[] = [];
  let left = maxPieceBytes;
  const end = () => {
    const last = piece.at(-1);
    if (last !== undefined) pieces.push({ batch, runs: piece, last: batch.first + last.to - 1 });
    piece = [];
    left = maxPieceBytes;
  };
  for (const run of runs) {
    for (let from = run.from; from < run.to; ) {
      let to = fitting(batch, from, run.to, left);
      // An event that is larger than any piece is one by itself.
      if (to === from && piece.length === 0) to += 1;
      if (to > from) piece.push({ from, to });
      left -= batch.size(from, to);
      from = to;
      if (from < run.to) end();
    }
  }
  end();
  return pieces;
}

/** The place behind the last event of a run that fits into so many bytes together with those before it. */
function fitting(batch: Batch, from: number, end: number, bytes: number): number {
  if (batch.size(from, end) <= bytes) return end;
  let to = from;
  while (batch.size(from, to + 1) <= bytes) to++;
  return to;
}
