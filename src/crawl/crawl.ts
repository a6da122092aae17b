/** The pipeline, whole: from the frontier to the log. */
import { catchError, concat, concatMap, EMPTY, finalize, from, Observable, throwError } from 'rxjs';
import { CrawlcastError } from '../errors.js';
import type { Committed, Lease } from '../store/store.js';
import { pull } from './pull.js';
import type { CrawlRun } from './run.js';

/**
 * One crawl, from where its frontier stands until nothing is queued and nothing in flight; each value is a step that
 * has become durable. Subscribing starts it, unsubscribing aborts what is in flight, whose URLs stay in the frontier.
 * Its only errors are those of the store and of a login: what goes wrong with a page is an event.
 */
export function crawl(run: CrawlRun): Observable<Committed> {
  const visit = (lease: Lease) =>
    from(run.permit(lease)).pipe(
      concatMap((permission) => {
        if (permission === 'postponed') return EMPTY;
        if (permission === 'refused') return run.skip(lease, 'robots');
        // Appended inside the slot: a slow disk slows the crawl instead of filling the memory.
        return run.fetch(lease).pipe(concatMap((update) => run.append(lease, update)));
      }),
      catchError((error) => (isStoreError(error) ? throwError(() => error) : from(run.fail(lease, error)))),
      finalize(() => run.leave(lease)),
    );

  return concat(
    loggingIn(run),
    pull(run.settings.concurrency, () => run.lease(), visit),
  );
}

/** Ends when the crawl is logged in, or need not be. */
function loggingIn(run: CrawlRun): Observable<never> {
  return new Observable((subscriber) => {
    const abort = new AbortController();
    run.logIn(abort.signal).then(
      () => subscriber.complete(),
      (error) => subscriber.error(error),
    );
    return () => abort.abort();
  });
}

function isStoreError(error: unknown): boolean {
  return error instanceof CrawlcastError && error.code.startsWith('store.');
}
