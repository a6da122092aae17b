/** Collects what one page yields and turns it into updates: whatever came in one turn travels together. */
import { eventTailEnd, eventTailStart } from '../events-json.js';
import { printableUrl } from '../url.js';
import type { Credit } from './credit.js';
import { crawlSource } from './events.js';
import type { FoundItem } from './extractor.js';
import { createIdentify } from './identity.js';
import type { ExtractedItem, ExtractedLink, Job, PageUpdate, ResponseHead } from './messages.js';

/** The yield of one page. */
export interface Harvest {
  /** The head has come: the pipeline is told of its cookies with the first batch. */
  begin(head: ResponseHead): void;
  /** Bytes have come, in which items may close. */
  received(): void;
  readonly item: (item: FoundItem) => void;
  readonly link: (link: ExtractedLink) => void;
  /** Tells what there is unless the page ends in this very turn. */
  tellSoon(): void;
  /** What has not been told yet, and the totals of the page. */
  end(): Found & { itemCount: number; linkCount: number };
  /** What has not been told yet, of a page that may be tried again. */
  rest(): Found;
  /** Tells no more. */
  stop(): void;
}

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

/** Begins a page's harvest. */
export function createHarvest(job: Job, credit: Credit, tell: (update: PageUpdate) => void): Harvest {
  let head: ResponseHead | undefined;
  let items: Pending[] = [];
  let links: ExtractedLink[] = [];
  let itemCount = 0;
  let linkCount = 0;
  let telling: NodeJS.Immediate | undefined;
  let receivedMs = 0;
  let extractionMs = 0;
  const identify = createIdentify();
  const startOf = createTailStarts(crawlSource(job.crawl), printableUrl(job.url));
  /** Whether the page is told in parts, so that some of it may be there when it is fetched again. */
  let inParts = job.begun;

  function take(): Found {
    const tails = encode(items);
    // What `map` makes is an array with holes to the engine, which crosses to the other thread at a higher price.
    const taken: ExtractedItem[] = [];
    for (const [i, { type, json }] of items.entries()) {
      const item = { type, tail: tails[i] ?? new Uint8Array() };
      taken.push(inParts ? { ...item, identity: identify(type, json) } : item);
    }
    const found: Found = items.length === 0 ? { items: taken, links } : { items: taken, links, extractionMs };
    items = [];
    links = [];
    return found;
  }

  function tellNow(): void {
    telling = undefined;
    if (items.length + links.length === 0) return;
    credit.take();
    inParts = true;
    tell({ kind: 'batch', ...take(), ...(head?.headers['set-cookie'] && { head }) });
    head = undefined;
  }

  function stop(): void {
    clearImmediate(telling);
    telling = undefined;
  }

  return {
    begin(itsHead) {
      head = itsHead;
    },
    received() {
      receivedMs = performance.now();
    },
    item({ type, json }) {
      extractionMs = performance.now() - receivedMs;
      items.push({ type, start: startOf(type), json });
      itemCount++;
    },
    link(link) {
      links.push(link);
      linkCount++;
    },
    tellSoon() {
      telling ??= setImmediate(tellNow);
    },
    end() {
      stop();
      return { ...take(), itemCount, linkCount };
    },
    rest() {
      stop();
      inParts = true;
      return take();
    },
    stop,
  };
}

/** The tails of one page's events differ in little: what comes before the data is the same within a millisecond. */
function createTailStarts(source: string, subject: string): (type: string) => string {
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
