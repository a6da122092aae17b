/** Where a crawl that is over ends in the log, and whether a reader of it has had all. */
import { isUnderWay } from '../crawl/endings.js';
import type { Store } from '../store/store.js';
import type { Plan } from './subscriber.js';

/** Offset of a crawl's last event, where it is over. */
export function endOf(store: Store, crawl: string | undefined): number | undefined {
  const record = crawl === undefined ? undefined : store.crawl(crawl);
  if (record === undefined || isUnderWay(record)) return undefined;
  return lastOf(store, record.id);
}

/** Offset of the last event so far that a reader of one crawl, or of all, may have missed. */
export function lastOf(store: Store, crawl: string | undefined): number {
  return crawl === undefined ? Number.POSITIVE_INFINITY : (store.progress(crawl)?.lastOffset ?? 0);
}

/** So many batches are looked through for something that is left; a reader that is further behind gets a stream. */
const batchesLookedThrough = 64;

/** Whether a reader that comes back to a crawl that is over has had all that matches. */
export function hasHadAll(store: Store, { crawl, filter, position }: Plan): boolean {
  const lastOffset = endOf(store, crawl);
  if (crawl === undefined || lastOffset === undefined || position.gap !== undefined) return false;
  if (position.after < (store.progress(crawl)?.firstOffset ?? 0)) return false;
  let after = position.after;
  for (let looked = 0; after < lastOffset && looked < batchesLookedThrough; looked++) {
    const batch = store.log.lend(after);
    if (filter(batch).length > 0) return false;
    after = batch.last;
  }
  return after >= lastOffset;
}
