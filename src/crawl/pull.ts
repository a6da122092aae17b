/** Work that is asked for instead of pushed: RxJS has no backpressure, so a slot takes its next lease when it is free. */
import { defer, mergeMap, Observable, type ObservableInput, range, type Subscription } from 'rxjs';

/**
 * Works on leases in `width` slots, each of which asks for its next one only when it is free.
 *
 * A slot ends when it is given `undefined`; the stream completes when all slots have ended. An error of `lease` or
 * `project` is the stream's error. Unsubscribing tears down what is in flight; a lease that is given after that is lost.
 * @param lease must answer asynchronously, as a promise does: a slot that never waits would overflow the stack
 */
export function pull<L, R>(
  width: number,
  lease: () => ObservableInput<L | undefined>,
  project: (lease: L) => ObservableInput<R>,
): Observable<R> {
  return range(0, width).pipe(mergeMap(() => slot(lease, project)));
}

/** Written out, as the same of `repeat` and `concatMap` makes a dozen objects for each page that live as long as it does. */
function slot<L, R>(
  lease: () => ObservableInput<L | undefined>,
  project: (lease: L) => ObservableInput<R>,
): Observable<R> {
  return new Observable((subscriber) => {
    let underway: Subscription | undefined;
    const fail = (error: unknown) => subscriber.error(error);
    const ask = () => {
      underway = defer(lease).subscribe({ next: work, error: fail });
    };
    const work = (leased: L | undefined) => {
      if (leased === undefined) return subscriber.complete();
      const working = defer(() => project(leased)).subscribe({
        next: (result) => subscriber.next(result),
        error: fail,
        complete: ask,
      });
      // Where it has ended at once, the next lease is under way already.
      if (!working.closed) underway = working;
    };
    ask();
    return () => underway?.unsubscribe();
  });
}
