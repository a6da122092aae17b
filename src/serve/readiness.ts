/** Whether the service can do its work just now. */
import { type CrawlcastError, toCrawlcastError } from '../errors.js';
import type { Store } from '../store/store.js';

/** Asked by `/readyz`. */
export interface Readiness {
  /** Why not; `undefined` where it can. */
  problem(): Promise<string | undefined>;
  /** It stops: from now on it is not ready. */
  stop(): void;
}

/** While the last write to the log failed, each question is a try whether the next one succeeds. */
export function createReadiness(store: Store): Readiness {
  let stopping = false;
  let trying: Promise<CrawlcastError | undefined> | undefined;

  async function tryToWrite(): Promise<CrawlcastError | undefined> {
    try {
      await store.commit({ crawl: '', documents: [{ collection: 'readiness', key: 'try', value: Date.now() }] });
      return undefined;
    } catch (error) {
      return toCrawlcastError(error, 'store.failed');
    }
  }

  return {
    async problem() {
      if (stopping) return 'the service is stopping';
      if (store.failure === undefined) return undefined;
      trying ??= tryToWrite().finally(() => {
        trying = undefined;
      });
      return (await trying)?.message;
    },
    stop() {
      stopping = true;
    },
  };
}
