/** All crawls in memory, as the newest durable step left them. */
import { CrawlcastError } from '../errors.js';
import type { Draft, DraftBase } from './draft.js';
import { TableFrontier } from './frontier.js';
import { droppedSpace, keys, spaceOf } from './keys.js';
import { allRows, type CrawlEntry, decodeJson, type PageMemory, progressOf } from './state.js';
import type { CrawlProgress, CrawlRecord, Frontier, Lease } from './store.js';
import type { Changes, Tables } from './tables.js';
import { Urls } from './urls.js';

/** What drafts begin from, and what they end in. */
export class Crawls implements DraftBase {
  readonly crawls = new Map<string, CrawlEntry>();
  readonly pages = new WeakMap<Lease, PageMemory>();
  nextNumber = 0;
  readonly #frontiers = new Map<string, TableFrontier>();
  /** Of frontiers that are open or written to, by name. */
  readonly #urls = new Map<string, Urls>();

  constructor(readonly tables: Tables) {
    for (const [, value] of allRows(tables, keys.allProgress)) this.#load(value);
    for (const [key] of allRows(tables, keys.allDropped)) this.#avoidSpace(droppedSpace(key));
  }

  /** Reads a crawl's figures, and its record. */
  #load(value: Buffer): string {
    const figures = decodeJson<CrawlEntry>(value);
    const record = this.tables.get(keys.record(figures.order));
    this.crawls.set(figures.id, { ...figures, record: record && decodeJson<CrawlRecord>(record) });
    this.#avoid(figures.order);
    this.#avoidSpace(figures.space);
    return figures.id;
  }

  /** Takes over what another process has written; whoever works on a crawl that it changed has to begin anew. */
  learn(changes: Changes): void {
    for (const [key, value] of changes) {
      const space = spaceOf(key);
      if (space !== undefined) this.#urls.delete(space);
      if (value === undefined) continue;
      if (key.startsWith(keys.allProgress)) this.#close(this.#load(value));
      else if (key.startsWith(keys.allDropped)) {
        this.#urls.delete(droppedSpace(key));
        this.#avoidSpace(droppedSpace(key));
      }
    }
  }

  /** What was on lease waits again, so that what waits has to be read anew as well. */
  #close(id: string): void {
    this.#frontiers.delete(id);
    this.#urls.delete(this.crawls.get(id)?.space ?? '');
  }

  /** @throws CrawlcastError `store.fenced` where the lease is not of the frontier that is open now */
  checkLease(lease: Lease | undefined): void {
    if (lease === undefined || this.#frontiers.get(lease.crawl)?.gave(lease)) return;
    throw new CrawlcastError('store.fenced', 'The page was taken from a frontier that has changed hands since.');
  }

  records(): CrawlRecord[] {
    return [...this.crawls.values()].flatMap(({ record }) => (record ? [record] : []));
  }

  progress(id: string): CrawlProgress | undefined {
    const crawl = this.crawls.get(id);
    return crawl && progressOf(crawl, this.#frontiers.get(id)?.leased ?? 0);
  }

  isHeld(crawl: string, fingerprint: string): boolean {
    return this.#frontiers.get(crawl)?.isHeld(fingerprint) ?? false;
  }

  urlsOf(space: string): Urls {
    const urls = this.#urls.get(space) ?? new Urls(this.tables, space);
    this.#urls.set(space, urls);
    return urls;
  }

  openFrontier(id: string): Frontier {
    const space = this.crawls.get(id)?.space;
    const urls = space === undefined ? new Urls(this.tables, '') : this.urlsOf(space);
    const frontier = new TableFrontier(this.tables, id, space ?? '', urls, this.#frontiers.get(id));
    this.#frontiers.set(id, frontier);
    return frontier;
  }

  /** Takes over what has become durable. */
  publish(draft: Draft): void {
    this.nextNumber = draft.nextNumber;
    for (const [id, crawl] of draft.crawls) {
      const before = this.crawls.get(id) ?? crawl;
      const isHeld = (fingerprint: string) => this.isHeld(id, fingerprint);
      for (const space of new Set([before.space, crawl.space])) {
        const urls = draft.urls.get(space);
        urls?.base.publish(urls, isHeld);
      }
      this.crawls.set(id, crawl);
      this.#frontiers.get(id)?.publish(draft.frontiers.get(id) ?? [], draft.urls.get(before.space));
      if (before.space !== crawl.space) this.#urls.delete(before.space);
    }
  }

  /** Throws a draft away: what it put into the memory of pages was never written. */
  forget(draft: Draft): void {
    for (const lease of draft.leases) this.pages.delete(lease);
  }

  #avoidSpace(space: string): void {
    this.#avoid(Number.parseInt(space, 36));
  }

  /** The number is taken: no crawl or frontier to come gets it. */
  #avoid(number: number): void {
    this.nextNumber = Math.max(this.nextNumber, number + 1);
  }
}
