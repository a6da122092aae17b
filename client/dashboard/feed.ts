/** The newest events of one crawl, sorted by what they are about. Its memory is bounded. */
import type { CloudEvent } from '#src/events.js';
import { isItem } from './event-types.js';
import { offsetOf } from './follow.js';
import { plain } from './format.js';
import { Rates } from './rates.js';

/** What an event is about. */
export type Kind = 'items' | 'pages' | 'skipped' | 'failed';

/** An event with its place. */
export interface Entry {
  readonly offset: number;
  readonly event: CloudEvent;
  /** How much its data is, roughly in characters. */
  readonly weight: number;
}

/** How many events are kept. */
export const maxEvents = 50_000;
/** How much data they may have, all together: an item may be a whole page. */
const maxWeight = 100_000_000;
/** Older ones go this many at a time: letting one go costs as much as letting many go. */
const surplus = 5_000;

/** What a feed holds of one kind, oldest first. */
export interface Shelf {
  entries: Entry[];
  /** How many there have ever been, those that went included. */
  taken: number;
  /** How many of them have gone. */
  gone: number;
}

/** The newest events of one crawl. */
export class Feed {
  readonly shelves: Record<Kind, Shelf> = { items: empty(), pages: empty(), skipped: empty(), failed: empty() };
  readonly rates = new Rates();
  #weight = 0;
  /** How often each item type, reason for skipping and error code came, since the feed began. */
  readonly counts = {
    types: new Map<string, number>(),
    reasons: new Map<string, number>(),
    errors: new Map<string, number>(),
  };
  /** Names of the data's members, by kind. */
  readonly fields: Record<Kind, Set<string>> = {
    items: new Set(),
    pages: new Set(),
    skipped: new Set(),
    failed: new Set(),
  };
  /** What the log could not give, in its words. */
  gap: string | undefined;
  /** Why the crawl has failed. */
  failure: string | undefined;

  /** Takes events in; `isReplay`: their latency says nothing. */
  add(events: readonly CloudEvent[], isReplay: boolean): void {
    const nowMs = Date.now();
    for (const event of events) this.#take(event, isReplay ? undefined : nowMs);
    this.#trim();
  }

  #take(event: CloudEvent, nowMs: number | undefined): void {
    if (event.type === 'log.gap') {
      this.gap = `some events are not here any more (${dataOf(event).reason})`;
      return;
    }
    if (event.type === 'crawl.failed') {
      const { error, message } = dataOf(event);
      this.failure = `${plain(message)} (${plain(error)})`;
      return;
    }
    const kind = kindOf(event.type);
    if (kind === undefined) return;
    const shelf = this.shelves[kind];
    const data = dataOf(event);
    const weight = weigh(data);
    shelf.entries.push({ offset: offsetOf(event.id), event, weight });
    shelf.taken++;
    this.#weight += weight;
    this.rates.count(kind, Date.parse(event.time), nowMs);
    if (kind === 'items') count(this.counts.types, event.type);
    if (kind === 'skipped') count(this.counts.reasons, String(data.reason));
    if (kind === 'failed') count(this.counts.errors, String(data.error));
    const fields = this.fields[kind];
    if (fields.size < 200) for (const name in data) fields.add(name);
  }

  #trim(): void {
    const shelves = Object.values(this.shelves);
    const held = shelves.reduce((sum, { entries }) => sum + entries.length, 0);
    if (held < maxEvents + surplus && this.#weight < maxWeight * 1.1) return;
    const newestFirst = shelves.flatMap(({ entries }) => entries).sort((a, b) => b.offset - a.offset);
    let oldest = Number.POSITIVE_INFINITY;
    this.#weight = 0;
    for (const { offset, weight } of newestFirst.slice(0, maxEvents)) {
      // The newest stays, however much it is.
      if (this.#weight > 0 && this.#weight + weight > maxWeight) break;
      this.#weight += weight;
      oldest = offset;
    }
    for (const shelf of shelves) {
      const going = shelf.entries.findIndex(({ offset }) => offset >= oldest);
      const number = going < 0 ? shelf.entries.length : going;
      shelf.entries = shelf.entries.slice(number);
      shelf.gone += number;
    }
  }
}

/** An event's data, as names and values; that of a foreign shape has none. */
export function dataOf({ data }: CloudEvent): Readonly<Record<string, unknown>> {
  return typeof data === 'object' && data !== null ? { ...data } : {};
}

function weigh(data: Readonly<Record<string, unknown>>): number {
  let weight = 100;
  for (const value of Object.values(data)) {
    weight += (typeof value === 'object' ? JSON.stringify(value) : String(value)).length;
  }
  return weight;
}

function kindOf(type: string): Kind | undefined {
  if (isItem(type)) return 'items';
  if (type === 'page') return 'pages';
  if (type === 'page.skipped') return 'skipped';
  return type === 'page.failed' ? 'failed' : undefined;
}

function empty(): Shelf {
  return { entries: [], taken: 0, gone: 0 };
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
