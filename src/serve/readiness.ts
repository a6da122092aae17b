/** Whether the service can do its work just now. */
import { tryToWrite } from '../crawl/probe.js';
import type { CrawlcastError } from '../errors.js';
import type { Store } from '../store/store.js';

/** Asked by `/readyz`. */
export interface Readiness {
  /** Why not; `undefined` where it can. */
  problem(): Promise<string | undefined>;
  /** It stops: from now on it is not ready. */
  stop(): void;
}

/**
 * After a write to the log that failed, each request tries whether the next one succeeds. Otherwise only the disk is looked at: anybody may ask,
 * as often as they like.
 */
export function createReadiness(store: Store): Readiness {
  let stopping = false;
  let trying: Promise<CrawlcastError | undefined> | undefined;

  return {
    async problem() {
      if (stopping) return 'the service is stopping';
      if (store.failure === undefined) return (await store.trouble())?.message;
      trying ??= tryToWrite(store).finally(() => {
        trying = undefined;
      });
      return (await trying)?.message;
    },
    stop() {
      stopping = true;
    },
  };
}
