/** What the main thread does of the threads' work: pages of crawls whose pages are read in no time. */
import { Roster } from '../roster.js';
import type { PageLimits } from './extractor.js';
import type { Fetcher } from './fetcher.js';
import type { FromWorker, Job, PageUpdate, SpiderSource } from './messages.js';
import { type Place, tell } from './place.js';
import { createVisits } from './visits.js';

/** With 4 the cores are not busy; with more than 6 it takes more memory, and gives no more pages. */
const maxPages = 6;

/** Of a page that it has: some 50 ms. What asks for more is asked for again, of a thread. */
const limits: PageLimits = { steps: 1_000_000, characters: 512 * 1024 };

/** Pages of a crawl in a row that have to be small, and how small, before it takes the next one. */
const small = { pages: 16, bytes: 256 * 1024 } as const;

/** The main thread among the places where pages are worked on. */
export class MainShare {
  readonly place: Place;
  /** How many of its last pages were small, for each crawl that comes into question. */
  readonly #small = new Map<string, number>();

  constructor(fetcher: Fetcher, receive: (place: Place, updates: FromWorker) => void) {
    // Nobody who takes an update is called from within what reads the page.
    const send = (updates: FromWorker) => queueMicrotask(() => receive(this.place, updates));
    this.place = { worker: { postMessage: createVisits(fetcher, send, limits) }, waiting: [], pages: new Roster() };
  }

  addSpider(crawl: string, spider: SpiderSource): void {
    if (!isBounded(spider)) return;
    this.#small.set(crawl, 0);
    tell(this.place, { kind: 'spider', crawl, spider });
  }

  /** It takes no more pages of a crawl that is over, or one of whose pages was too much. */
  forgetSpider(crawl: string): void {
    if (this.#small.delete(crawl)) tell(this.place, { kind: 'forget', crawl });
  }

  /** A page has been read, wherever. */
  seen(crawl: string, bytes: number): void {
    const pages = this.#small.get(crawl);
    if (pages !== undefined) this.#small.set(crawl, bytes <= small.bytes ? pages + 1 : 0);
  }

  /** Whether a page that it had is one for a thread. */
  isTooMuch(update: PageUpdate): update is Extract<PageUpdate, { kind: 'error' }> {
    return update.kind === 'error' && update.code === 'document.too_costly';
  }

  /** Whether it may have a page; a sitemap is long. */
  takes({ crawl, sitemap }: Job): boolean {
    return this.place.pages.size < maxPages && !sitemap && (this.#small.get(crawl) ?? 0) >= small.pages;
  }
}

/** Whether what a spider does is bounded by its page: its own code is not, nor is a regular expression that goes back to try again. */
function isBounded({ items, module }: SpiderSource): boolean {
  if (module !== undefined) return false;
  const rules = Object.values(items).flatMap(({ fields }) => Object.values(fields));
  return rules.every((rule) => typeof rule === 'string' || !('strip' in rule) || !/[*+?{(|]/.test(rule.strip ?? ''));
}
