/** Whether a log, and everyone who read it, has everything once and in order. */
import type { SeenEvent } from '../support/readers.js';
import type { Subscriber } from './subscriber.js';

/** What is wrong, in numbers and in words. */
export interface Verdict {
  lost: number;
  twice: number;
  disordered: number;
  /** What else is not as it should be. */
  readonly faults: string[];
}

/** One item, without the key order and the type that JSON parsing gave it. */
export interface Quote {
  readonly quote: string;
  readonly author: string;
  readonly tags: readonly string[];
}

/** Nothing wrong so far. */
export function innocent(): Verdict {
  return { lost: 0, twice: 0, disordered: 0, faults: [] };
}

/** Whether nothing at all is wrong. */
export function isInnocent({ lost, twice, disordered, faults }: Verdict): boolean {
  return lost + twice + disordered + faults.length === 0;
}

/** A quote as text that is the same for the same quote. */
export function textOf({ quote, author, tags }: Quote): string {
  return JSON.stringify([quote, author, tags]);
}

/** The quote that an event carries. */
export function quoteOf({ data }: SeenEvent): Quote {
  // The schema of the built-in spider; what is not like that equals no quote of the truth.
  return data as Quote;
}

/** Compares two multisets of texts. */
export function compareSets(verdict: Verdict, truth: readonly string[], found: readonly string[]): void {
  const left = new Map<string, number>();
  for (const text of truth) left.set(text, (left.get(text) ?? 0) + 1);
  for (const text of found) {
    const count = left.get(text) ?? 0;
    if (count === 0) verdict.twice += 1;
    left.set(text, Math.max(0, count - 1));
  }
  for (const count of left.values()) verdict.lost += count;
}

/** The offset in an event's id. */
export function offsetOf({ id }: SeenEvent): number {
  return Number(id.split('-')[1]);
}

function countDisorder(events: readonly SeenEvent[]): number {
  const offsets = events.map(offsetOf);
  return offsets.filter((offset, i) => i > 0 && offset <= (offsets[i - 1] ?? 0)).length;
}

const content = (event: SeenEvent) => JSON.stringify(event);

/** A subscriber has all events of the log that it wished for: each once, in order, word for word. */
export function judgeSubscriber(verdict: Verdict, log: readonly SeenEvent[], { wish, events }: Subscriber): void {
  const repeated = events.length - new Set(events.map(({ id }) => id)).size;
  // What comes twice is out of order, too: it is counted as what it is.
  verdict.disordered += Math.max(0, countDisorder(events) - repeated);
  compareSets(verdict, log.filter(wish.matches).map(content), events.map(content));
}

/** The whole log of one crawl: against itself, and against what stands on the site, page by page. */
export function judgeLog(verdict: Verdict, log: readonly SeenEvent[], truth: ReadonlyMap<string, readonly Quote[]>) {
  const { faults } = verdict;
  verdict.disordered += countDisorder(log);
  const offsets = log.map(offsetOf);
  if (offsets.some((offset, i) => offset !== i + 1)) faults.push('the log has a hole');
  const pages = log.filter(({ type }) => type === 'page').map(({ subject = '' }) => subject);
  compareSets(verdict, [...truth.keys()], pages);
  for (const [url, quotes] of truth) {
    const found = log.filter(({ type, subject }) => type === 'quote' && subject === url);
    judgePage(verdict, url, quotes, found);
  }
  for (const type of new Set(log.map((event) => event.type))) {
    if (!expectedTypes.has(type)) faults.push(`the log has an event of type ${type}`);
  }
  judgeEnd(verdict, log);
}

const expectedTypes = new Set(['crawl.started', 'quote', 'page', 'crawl.paused', 'crawl.resumed', 'crawl.finished']);

function judgePage(verdict: Verdict, url: string, truth: readonly Quote[], found: readonly SeenEvent[]): void {
  const texts = found.map((event) => textOf(quoteOf(event)));
  const expected = truth.map(textOf);
  compareSets(verdict, expected, texts);
  const isShuffled = texts.length === expected.length && texts.some((text, i) => text !== expected[i]);
  if (isShuffled) verdict.faults.push(`the items of ${url} are not in the order of the page`);
}

function judgeEnd({ faults }: Verdict, log: readonly SeenEvent[]): void {
  const count = (type: string) => log.filter((event) => event.type === type).length;
  for (const type of ['crawl.started', 'crawl.finished']) {
    if (count(type) !== 1) faults.push(`there are ${count(type)} ${type}`);
  }
  if (log[0]?.type !== 'crawl.started') faults.push('the crawl does not begin with crawl.started');
  const last = log.at(-1);
  if (last?.type !== 'crawl.finished') faults.push(`the crawl ends with ${last?.type}`);
  const pausing = log.filter(({ type }) => type === 'crawl.paused' || type === 'crawl.resumed');
  if (pausing.some(({ type }, i) => type !== (i % 2 === 0 ? 'crawl.paused' : 'crawl.resumed'))) {
    faults.push('pauses and resumptions do not alternate');
  }
  // What a last event says is written down in the contract.
  const { counts, stats } = (last?.data ?? {}) as { counts?: Record<string, number>; stats?: Record<string, number> };
  for (const type of new Set([...Object.keys(counts ?? {}), ...log.map((event) => event.type)])) {
    if (counts?.[type] !== count(type)) faults.push(`counts say ${counts?.[type]} ${type}, there are ${count(type)}`);
  }
  for (const [name, type] of [
    ['items', 'quote'],
    ['pages', 'page'],
  ] as const) {
    if (stats?.[name] !== count(type)) faults.push(`stats say ${stats?.[name]} ${name}, there are ${count(type)}`);
  }
}
