/** What the main thread does of the threads' work: pages of crawls whose pages are read in no time. */
import { CrawlcastError } from '../errors.js';
import { Roster } from '../roster.js';
import type { PageLimits } from './extractor.js';
import type { Fetcher } from './fetcher.js';
import type { FieldOptions } from './fields.js';
import type { FromWorker, Job, PageUpdate, SpiderSource } from './messages.js';
import { type Place, tell } from './place.js';
import type { FieldRule } from './spider.js';
import { createVisits } from './visits.js';

/** With fewer the cores are not busy; with more it takes more memory, and gives no more pages. */
const maxPages = 8;

/** Of a page that it has: some 50 ms. What asks for more is asked for again, of a thread. */
const limits: PageLimits = { steps: 400_000, stepsPerCharacter: 0, characters: 512 * 1024 };

/** A selector is looked at in one step, however long it is; and each kind of items and links looks at every element. */
const most = { selectorLength: 64, rules: 16, fields: 100 } as const;

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
    this.place = {
      worker: { postMessage: createVisits(withinLimits(fetcher), send, limits) },
      waiting: [],
      pages: new Roster(),
    };
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

/** Brotli and gzip are undone aside and piece by piece; zstd, which nobody asked for, at once, however much it becomes. */
function withinLimits(fetcher: Fetcher): Pick<Fetcher, 'fetch'> {
  return {
    async fetch(request, caller) {
      const response = await fetcher.fetch(request, caller);
      if (!/zstd/i.test(String(response.head.headers['content-encoding']))) return response;
      response.body.discard();
      throw new CrawlcastError('document.too_costly', 'zstd is undone in a thread');
    },
  };
}

/** Whether what a spider does is bounded by its page: its own code is not, nor is a regular expression that goes back to try again. */
function isBounded({ items, follow, module }: SpiderSource): boolean {
  const types = Object.values(items);
  if (module !== undefined || types.length + follow.length > most.rules) return false;
  const fields = types.flatMap((type) => Object.values(type.fields));
  if (fields.length > most.fields) return false;
  const rules = [...fields, ...follow].map(optionsOf);
  const selectors = [...types.flatMap(({ from, each }) => [from?.css, each]), ...rules.map(({ css }) => css)];
  return (
    selectors.every((css = '') => css.length <= most.selectorLength) &&
    rules.every(({ strip = '' }) => !/[*+?{(|]/.test(strip))
  );
}

function optionsOf(rule: FieldRule | SpiderSource['follow'][number]): Pick<FieldOptions, 'css' | 'strip'> {
  if (typeof rule === 'string') return { css: rule };
  return Array.isArray(rule) ? { css: rule[0] } : rule;
}
