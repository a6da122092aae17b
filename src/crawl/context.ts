/** What the crawls of one process have in common. */
import type { CrawlRecord, Store } from '../store/store.js';
import type { Fetcher } from './fetcher.js';
import type { Politeness } from './politeness.js';
import type { Pool } from './pool.js';
import type { RobotsDesk } from './robots-desk.js';

/** What all crawls of a process share. */
export interface CrawlContext {
  readonly store: Store;
  readonly pool: Pool;
  readonly politeness: Politeness;
  readonly robots: RobotsDesk;
  /** For what is fetched outside of the pool: login forms. */
  readonly fetcher: Fetcher;
  /** Let spiders that came in over HTTP fetch private addresses. */
  readonly allowPrivateNetworks: boolean;
}

/** Whether a crawl may fetch from public addresses only. */
export function isPublicOnly(context: CrawlContext, record: CrawlRecord): boolean {
  return record.origin === 'http' && !context.allowPrivateNetworks;
}
