/** What a group of steps is about to change: read through, written all at once or thrown away. */
import type { PendingEvent } from './chunk.js';
import { keys } from './keys.js';
import { type CrawlEntry, copyCrawl, encodeJson, newCrawl, PageMemory } from './state.js';
import type { Lease } from './store.js';
import type { Tables } from './tables.js';
import { type Urls, UrlsDraft } from './urls.js';

/** What the frontier in memory has to learn once the group is durable. */
export type FrontierChange =
  | { readonly kind: 'begun'; readonly fingerprint: string }
  | { readonly kind: 'released'; readonly fingerprint: string }
  | { readonly kind: 'dropped' };

/** What a draft needs to know of the store that it belongs to. */
export interface DraftBase {
  readonly tables: Tables;
  readonly crawls: ReadonlyMap<string, CrawlEntry>;
  readonly pages: WeakMap<Lease, PageMemory>;
  /** The smallest number that no crawl and no frontier has had. */
  readonly nextNumber: number;
  /** Whether a URL is leased, or was given back and waits in memory. */
  isHeld(crawl: string, fingerprint: string): boolean;
  /** The URLs of a crawl, by the name of its frontier. */
  urlsOf(space: string): Urls;
}

/** Crawls and their URLs are read with the changes made so far, on top of what is durable. */
export class Draft {
  readonly changes = new Map<string, Buffer | undefined>();
  readonly events: PendingEvent[] = [];
  readonly crawls = new Map<string, CrawlEntry>();
  readonly frontiers = new Map<string, FrontierChange[]>();
  readonly leases = new Set<Lease>();
  /** By the frontier's name. */
  readonly urls = new Map<string, UrlsDraft>();
  /** Whether a frontier is dropped. */
  isDropping = false;
  nextNumber: number;

  constructor(readonly base: DraftBase) {
    this.nextNumber = base.nextNumber;
  }

  put(key: string, value: Buffer): void {
    this.changes.set(key, value);
  }

  remove(key: string): void {
    this.changes.set(key, undefined);
  }

  /** The crawl as it is within this group; made where it is new. */
  crawl(id: string): CrawlEntry {
    const drafted = this.crawls.get(id);
    if (drafted !== undefined) return drafted;
    const known = this.base.crawls.get(id);
    const crawl = known ? copyCrawl(known) : newCrawl(id, this.nextNumber, keys.space(this.nextNumber++));
    this.crawls.set(id, crawl);
    return crawl;
  }

  /** What a crawl has seen, within this group too. */
  urlsOf({ space }: CrawlEntry): UrlsDraft {
    const drafted = this.urls.get(space);
    if (drafted !== undefined) return drafted;
    const urls = new UrlsDraft(this.base.urlsOf(space));
    this.urls.set(space, urls);
    return urls;
  }

  /**
   * What a page has written so far.
   * @param isOver whether it ends with this step, so that nobody asks again
   */
  page(crawl: CrawlEntry, lease: Lease, isOver: boolean): PageMemory {
    const { tables, pages } = this.base;
    const known = pages.get(lease);
    const memory = known ?? PageMemory.load(tables, crawl.space, lease);
    if (known === undefined && isOver) return memory;
    this.leases.add(lease);
    pages.set(lease, memory);
    return memory;
  }

  tell(crawl: string, change: FrontierChange): void {
    const changes = this.frontiers.get(crawl);
    if (changes === undefined) this.frontiers.set(crawl, [change]);
    else changes.push(change);
  }

  /** Writes down what was only counted so far. */
  settle(): void {
    for (const urls of this.urls.values()) for (const [key, row] of urls.settle()) this.put(key, row);
    for (const { record, ...figures } of this.crawls.values())
      this.put(keys.progress(figures.order), encodeJson(figures));
  }
}
