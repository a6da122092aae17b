/** What is remembered of a page, so that the next crawl of its spider need not fetch it again while it is unchanged. */
import { createHash } from 'node:crypto';
import { isItemEvent } from '../events.js';
import { dataText, eventTail } from '../events-json.js';
import { Roster } from '../roster.js';
import type { Committed, DocumentChange, EventLog, Lease, LogEvent, Store } from '../store/store.js';
import { printableUrl } from '../url.js';
import { crawlSource } from './events.js';
import type { ExtractedItem, ExtractedLink, ResponseHead } from './messages.js';
import type { Spider } from './spider.js';

/** Where pages are remembered: by spider and URL. */
const collection = 'validators';

/** A page with more items or links than this is not remembered: every crawl would have to write all of that anew. */
const maxYield = 10_000;

/** A longer validator is none. */
const maxLength = 1_000;

interface Remembered {
  readonly etag?: string;
  readonly lastModified?: string;
  /** A digest of all that decides what a page gives. */
  readonly rules: string;
  readonly links: readonly ExtractedLink[];
  /** Offsets of its items in the log. */
  readonly items: readonly number[];
}

/** What a page gives. */
export interface Yield {
  readonly items: readonly ExtractedItem[];
  readonly links: readonly ExtractedLink[];
}

/** A page that has ended. */
interface Ended {
  readonly head: ResponseHead;
  /** Those that have not been collected yet. */
  readonly links: readonly ExtractedLink[];
  /** Of the whole page. */
  readonly itemCount: number;
  readonly linkCount: number;
}

interface Collected {
  readonly items: number[];
  readonly links: ExtractedLink[];
}

/** The memory of one crawl for pages that it, or an earlier crawl of its spider, has fetched. */
export class Validators {
  readonly #store: Store;
  readonly #crawl: string;
  readonly #spider: string;
  readonly #rules: string;
  readonly #isOn: boolean;
  /** Whether any page was remembered when the crawl began: what others remember meanwhile is fetched whole. */
  readonly #isAsking: boolean;
  /** What is known of pages that have been asked for on a condition. */
  readonly #asked = new Map<string, Remembered>();
  readonly #collected = new Roster<string, Collected>();

  constructor(store: Store, crawl: string, spider: Spider) {
    this.#store = store;
    this.#crawl = crawl;
    this.#spider = spider.name;
    this.#rules = digestOf(spider);
    // What code gives of a page may depend on more than the page.
    this.#isOn = spider.settings.conditional && spider.module === undefined;
    this.#isAsking = this.#isOn && !isEmpty(store.documents(collection));
  }

  /** Request headers with which the site need not send a page that is unchanged; `undefined` for a page that is not known. */
  conditionsFor(lease: Lease): Record<string, string> | undefined {
    this.forget(lease);
    // What a page has begun to write in an earlier process, it has to end in the same way.
    if (!this.#isAsking || lease.begun) return undefined;
    // Written by nobody but `changeFor`.
    const known = this.#store.document(collection, this.#keyOf(lease)) as Remembered | undefined;
    if (known?.rules !== this.#rulesFor(lease) || !isKept(known.items, this.#store.log)) return undefined;
    this.#asked.set(lease.fingerprint, known);
    return {
      ...(known.etag !== undefined && { 'if-none-match': known.etag }),
      ...(known.lastModified !== undefined && { 'if-modified-since': known.lastModified }),
    };
  }

  /** What a page that is unchanged gives: its items, as new events of this crawl. `undefined` where they are gone. */
  yieldOf(lease: Lease): Yield | undefined {
    const known = this.#asked.get(lease.fingerprint);
    if (known === undefined) return { items: [], links: [] };
    const items: ExtractedItem[] = [];
    for (const offset of known.items) {
      const [event] = this.#store.log.read(offset - 1, 1);
      // The log says by now that it begins later: asked again, there is no condition any more.
      if (event?.offset !== offset) return undefined;
      items.push(this.#renew(event, lease));
    }
    return { items, links: known.links };
  }

  /** Notes what a page has given so far. */
  collect(lease: Lease, links: readonly ExtractedLink[], { events }: Committed): void {
    if (!this.#isOn) return;
    const collected = this.#collected.get(lease.fingerprint) ?? { items: [], links: [] };
    for (const { type, offset } of events) {
      if (isItemEvent(type) && collected.items.length < maxYield) collected.items.push(offset);
    }
    // Beyond the limit some are missing, and by that the page is known not to be remembered.
    collected.links.push(...links.slice(0, maxYield - collected.links.length));
    this.#collected.set(lease.fingerprint, collected);
  }

  /**
   * What is to be remembered of a page that has ended; nothing where it cannot be told when it changes, or where not all
   * that it gave was collected.
   */
  changeFor(lease: Lease, page: Ended, committed: Committed): DocumentChange | undefined {
    const known = this.#isOn ? this.#validatorsOf(lease, page.head) : undefined;
    if (known !== undefined) this.collect(lease, page.links, committed);
    const collected = this.#collected.get(lease.fingerprint);
    if (known === undefined || collected?.items.length !== page.itemCount) return undefined;
    if (collected.links.length !== page.linkCount) return undefined;
    const value: Remembered = { rules: this.#rulesFor(lease), ...known, ...collected };
    // A page without items is no better known than what was written when it was read.
    return { collection, key: this.#keyOf(lease), value, needs: collected.items[0] ?? this.#store.log.last };
  }

  /** With what a page can be asked for on a condition; `undefined` where there is nothing. */
  #validatorsOf(lease: Lease, head: ResponseHead): Pick<Remembered, 'etag' | 'lastModified'> | undefined {
    if (head.status !== 200 && head.status !== 304) return undefined;
    const before = head.status === 304 ? this.#asked.get(lease.fingerprint) : undefined;
    const etag = validatorIn(head, 'etag') ?? before?.etag;
    const lastModified = validatorIn(head, 'last-modified') ?? before?.lastModified;
    if (etag === undefined && lastModified === undefined) return undefined;
    return { ...(etag !== undefined && { etag }), ...(lastModified !== undefined && { lastModified }) };
  }

  /** The page is over, or begins anew. */
  forget({ fingerprint }: Lease): void {
    this.#asked.delete(fingerprint);
    this.#collected.delete(fingerprint);
  }

  #keyOf({ fingerprint }: Lease): string {
    return `${this.#spider} ${fingerprint}`;
  }

  /** A start URL may be a sitemap, elsewhere the same document is none. */
  #rulesFor({ depth }: Lease): string {
    return depth === 0 ? `${this.#rules} 0` : this.#rules;
  }

  #renew({ type, json, offset }: LogEvent, lease: Lease): ExtractedItem {
    const text = {
      source: crawlSource(this.#crawl),
      type,
      subject: printableUrl(lease.url),
      time: new Date().toISOString(),
      data: dataText(json).toString(),
    };
    return { type, tail: Buffer.from(eventTail(text)), identity: `again ${offset}` };
  }
}

function isKept(offsets: readonly number[], log: EventLog): boolean {
  return offsets.every((offset) => offset >= log.first && offset <= log.last);
}

function isEmpty(rows: Iterable<unknown>): boolean {
  for (const _ of rows) return false;
  return true;
}

function digestOf({ items, follow, login, settings: { userAgent, headers, cookies } }: Spider): string {
  const decisive = JSON.stringify([items, follow, login, userAgent, headers, cookies]);
  return createHash('sha256').update(decisive).digest('base64url');
}

function validatorIn(head: ResponseHead, name: string): string | undefined {
  const value = head.headers[name]?.[0];
  return value === undefined || value === '' || value.length > maxLength ? undefined : value;
}
