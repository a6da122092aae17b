/** Whether the log can be written again, after it could not. */
import { type CrawlcastError, toCrawlcastError } from '../errors.js';
import type { Store } from '../store/store.js';

/** Writes next to nothing; gives what is wrong, where that failed. */
export async function tryToWrite(store: Store): Promise<CrawlcastError | undefined> {
  try {
    await store.commit({ crawl: '', documents: [{ collection: 'readiness', key: 'try', value: Date.now() }] });
    return undefined;
  } catch (error) {
    return toCrawlcastError(error, 'store.failed');
  }
}
