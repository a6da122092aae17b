/** Items of a crawl as JSON, JSON Lines or CSV: a reader of the log that takes the data and leaves the envelope. */
import { Buffer } from 'node:buffer';
import { stringify } from 'csv-stringify/sync';
import { isItemEvent } from '../events.js';
import { dataText } from '../events-json.js';
import type { LogEvent, Store } from '../store/store.js';

/** Formats of items. */
export const exportFormats = ['json', 'jsonl', 'csv'] as const;
/** How items are written. */
export type ExportFormat = (typeof exportFormats)[number];

/** Which items. */
export interface Selection {
  readonly crawl: string;
  /** Absent: items of every type. What is the type of no item selects nothing. */
  readonly types?: readonly string[];
  /** Items up to this offset; not beyond the end of the log. */
  readonly until: number;
  /** Called where events that should be read, of whatever crawl and type, are no longer kept. */
  readonly onGap?: () => void;
}

/** Media types by format. */
export const mediaTypes: Readonly<Record<ExportFormat, string>> = {
  json: 'application/json',
  jsonl: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8',
};

/** The items in log order, a batch at a time; memory stays flat however many there are. */
export function* selectItems(store: Store, { crawl, types, until, onGap }: Selection): Generator<readonly LogEvent[]> {
  const { log } = store;
  const progress = store.progress(crawl);
  if (progress === undefined || progress.firstOffset === 0) return;
  const last = Math.min(until, progress.lastOffset);
  const wanted = (event: LogEvent) =>
    event.crawl === crawl &&
    event.offset <= last &&
    isItemEvent(event.type) &&
    (types === undefined || types.includes(event.type));
  for (let after = progress.firstOffset - 1; after < last; ) {
    const batch = log.read(after);
    if (after < log.first - 1) onGap?.();
    if (batch.length === 0) return;
    after = batch.last;
    yield [...batch].filter(wanted);
  }
}

/** The items' text in one of the formats, in parts; some are empty. */
export function* exportItems(store: Store, selection: Selection, format: ExportFormat): Generator<Buffer> {
  if (format === 'csv') yield* csv(store, selection);
  else yield* format === 'json' ? json(store, selection) : jsonLines(store, selection);
}

const nothing = Buffer.alloc(0);
const comma = Buffer.from(',');
const lineFeed = Buffer.from('\n');

function* json(store: Store, selection: Selection): Generator<Buffer> {
  yield Buffer.from('[');
  let isFirst = true;
  for (const events of selectItems(store, selection)) {
    const parts = events.flatMap((event) => [comma, dataText(event.json)]);
    if (parts.length === 0) continue;
    yield Buffer.concat(isFirst ? parts.slice(1) : parts);
    isFirst = false;
  }
  yield Buffer.from(']');
}

function* jsonLines(store: Store, selection: Selection): Generator<Buffer> {
  for (const events of selectItems(store, selection)) {
    yield Buffer.concat(events.flatMap((event) => [dataText(event.json), lineFeed]));
  }
}

/** How a table is written. */
const table = {
  escape_formulas: true,
  quoted_match: /[\r\n]/,
  // The library would write 1, and nothing for false.
  cast: { boolean: String },
  record_delimiter: 'windows' as const,
};

// A table needs its columns before its first row: all items of a type have the same fields, those of other types are added.
function* csv(store: Store, selection: Selection): Generator<Buffer> {
  const columns = new Set<string>();
  for (const events of selectItems(store, selection)) {
    for (const item of events.map(itemOf)) for (const name of Object.keys(item)) columns.add(name);
    // The writer lets others have their turn after each part. This pass is long and has nothing to write, so its parts are empty.
    yield nothing;
  }
  const names = [...columns];
  if (names.length > 0) yield Buffer.from(stringify([names], table));
  for (const events of selectItems(store, selection)) {
    yield Buffer.from(
      stringify(
        events.map((event) => rowOf(event, names)),
        table,
      ),
    );
  }
}

function itemOf(event: LogEvent): Record<string, unknown> {
  const data: unknown = JSON.parse(dataText(event.json).toString('utf8'));
  return typeof data === 'object' && data !== null ? { ...data } : { value: data };
}

/** A list, not an object: of one that lacks a field the library would take what every object inherits under that name. */
function rowOf(event: LogEvent, columns: readonly string[]): unknown[] {
  const item = itemOf(event);
  return columns.map((name) => (Object.hasOwn(item, name) ? cellOf(item[name]) : undefined));
}

function cellOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const isPlainList = Array.isArray(value) && value.every((one) => typeof one !== 'object' || one === null);
  return isPlainList ? value.join(', ') : JSON.stringify(value);
}
