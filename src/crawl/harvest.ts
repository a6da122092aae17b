/** Collects what one page yields and turns it into updates: whatever came in one turn travels together. */
import { eventTailEnd, eventTailStart } from '../events-json.js';
import { printableUrl } from '../url.js';
import type { Credit } from './credit.js';
import { crawlSource } from './events.js';
import type { FoundItem } from './extractor.js';
import { createIdentify, type Identify } from './identity.js';
import type { ExtractedItem, ExtractedLink, Job, PageUpdate, ResponseHead } from './messages.js';

interface Pending {
  readonly type: string;
  /** What stands in its tail before the data. */
  readonly start: string;
  /** The data. */
  readonly json: string;
}

interface Found {
  items: ExtractedItem[];
  links: ExtractedLink[];
  extractionMs?: number;
}

/** What goes into one batch: as much as the main thread takes care of within some milliseconds. A single item may be longer. */
const most = { found: 2_000, characters: 1_024 * 1_024 } as const;

/** The yield of one page. */
export class Harvest {
  #head: ResponseHead | undefined;
  #items: Pending[] = [];
  #links: ExtractedLink[] = [];
  /** Of the items. */
  #characters = 0;
  #itemCount = 0;
  #linkCount = 0;
  #telling: NodeJS.Immediate | undefined;
  #receivedMs = 0;
  #extractionMs = 0;
  /** Whether the page is told in parts, so that some of it may be there when it is fetched again. */
  #inParts: boolean;
  // Made with the first item: there are as many pages that wait for their answer as there are requests under way.
  #startOf: TailStart | undefined;
  #identify: Identify | undefined;

  constructor(
    private readonly job: Job,
    private readonly credit: Credit,
    private readonly tell: (update: PageUpdate) => void,
  ) {
    this.#inParts = job.begun;
  }

  /** The head has come: the pipeline is told of its cookies with the first batch. */
  begin(head: ResponseHead): void {
    this.#head = head;
  }

  /** Bytes have come, in which items may close. */
  received(): void {
    this.#receivedMs = performance.now();
  }

  item({ type, json }: FoundItem): void {
    const { crawl, url } = this.job;
    this.#extractionMs = performance.now() - this.#receivedMs;
    this.#startOf ??= createTailStarts(crawlSource(crawl), printableUrl(url));
    this.#items.push({ type, start: this.#startOf(type), json });
    this.#characters += json.length;
    this.#itemCount++;
  }

  link(link: ExtractedLink): void {
    this.#links.push(link);
    this.#linkCount++;
  }

  /** Tells what there is unless the page ends in this very turn. */
  tellSoon(): void {
    this.#telling ??= setImmediate(() => this.tellNow());
  }

  /** Tells as much as goes into one batch. */
  tellNow(): void {
    this.stop();
    if (this.#items.length + this.#links.length === 0) return;
    this.credit.take();
    this.#inParts = true;
    const found = this.#take(this.#fitting(), most.found);
    this.tell({ kind: 'batch', ...found, ...(this.#head?.headers['set-cookie'] && { head: this.#head }) });
    this.#head = undefined;
  }

  /** Whether there is more to tell than goes into one batch. */
  get isLong(): boolean {
    return this.#items.length > most.found || this.#links.length > most.found || this.#characters > most.characters;
  }

  /** What has not been told yet, and the totals of the page. */
  end(): Found & { itemCount: number; linkCount: number } {
    this.stop();
    return { itemCount: this.#itemCount, linkCount: this.#linkCount, ...this.#take() };
  }

  /** What has not been told yet, of a page that may be tried again. */
  rest(): Found {
    this.stop();
    this.#inParts = true;
    return this.#take();
  }

  /** Tells no more. */
  stop(): void {
    clearImmediate(this.#telling);
    this.#telling = undefined;
  }

  #take(itemCount = this.#items.length, linkCount = this.#links.length): Found {
    const items = this.#items.splice(0, itemCount);
    const links = this.#links.splice(0, linkCount);
    for (const { json } of items) this.#characters -= json.length;
    const tails = encode(items);
    // What `map` makes is an array with holes to the engine, which crosses to the other thread at a higher price.
    const taken: ExtractedItem[] = [];
    for (const [i, { type, json }] of items.entries()) {
      const item = { type, tail: tails[i] ?? new Uint8Array() };
      taken.push(this.#inParts ? { identity: this.#identityOf(type, json), ...item } : item);
    }
    return items.length === 0 ? { items: taken, links } : { items: taken, links, extractionMs: this.#extractionMs };
  }

  /** How many items go into a batch. */
  #fitting(): number {
    if (!this.isLong) return this.#items.length;
    let characters = 0;
    for (let count = 0; count < most.found; count++) {
      characters += this.#items[count]?.json.length ?? 0;
      if (count > 0 && characters > most.characters) return count;
    }
    return most.found;
  }

  #identityOf(type: string, json: string): string {
    this.#identify ??= createIdentify();
    return this.#identify(type, json);
  }
}

type TailStart = (type: string) => string;

/** The tails of one page's events differ in little: what comes before the data is the same within a millisecond. */
function createTailStarts(source: string, subject: string): TailStart {
  let nowMs = 0;
  const starts = new Map<string, string>();
  return (type) => {
    const ms = Date.now();
    if (ms !== nowMs) starts.clear();
    nowMs = ms;
    let start = starts.get(type);
    if (start === undefined) {
      start = eventTailStart({ source, type, subject, time: new Date(ms).toISOString() });
      starts.set(type, start);
    }
    return start;
  };
}

/** At most, in UTF-8, for each unit of a string's length. */
const unitBytes = 3;

/** Where the tails of most pages are written before their length is known: a new one for each would be as much garbage as the page. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** Tails as views of one buffer: it crosses to the other thread as one. */
function encode(items: readonly Pending[]): Uint8Array[] {
  const length = items.reduce((sum, { start, json }) => sum + start.length + json.length + eventTailEnd.length, 0);
  const room = length * unitBytes <= scratch.length ? scratch : Buffer.allocUnsafeSlow(length * unitBytes);
  const ends: number[] = [];
  let end = 0;
  for (const { start, json } of items) {
    // Joined first, they would be copied once more.
    end += room.write(start, end);
    end += room.write(json, end);
    end += room.write(eventTailEnd, end);
    ends.push(end);
  }
  const bytes = new Uint8Array(room.subarray(0, end));
  return ends.map((itsEnd, i) => bytes.subarray(ends[i - 1] ?? 0, itsEnd));
}
