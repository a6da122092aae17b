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
 * While the last write to the log failed, each question is a try whether the next one succeeds. Else the disk is looked at alone: anybody may ask,
 * and as often as he likes.
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
