/** Work that is asked for instead of pushed: RxJS has no backpressure, so a slot takes its next lease when it is free. */
import { concatMap, defer, EMPTY, mergeMap, type Observable, type ObservableInput, of, range, repeat } from 'rxjs';

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

function slot<L, R>(
  lease: () => ObservableInput<L | undefined>,
  project: (lease: L) => ObservableInput<R>,
): Observable<R> {
  return defer(() => {
    let open = true;
    return defer(lease).pipe(
      concatMap((leased) => {
        if (leased !== undefined) return project(leased);
        open = false;
        return EMPTY;
      }),
      // `repeat` goes on when its notifier emits, and completes when that completes without a word.
      repeat({ delay: () => (open ? of(true) : EMPTY) }),
    );
  });
}
