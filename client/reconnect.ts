/** Coming back after a break. */
import { type MonoTypeOperatorFunction, retry, throwError, timer } from 'rxjs';

/**
 * Subscribes again after each error that can heal; any other is passed on. Failures are counted from the last value.
 * @param waitMs how long to wait before the next attempt, after so many failures in a row (from 1); undefined: it cannot heal
 */
export function reconnectWith<T>(
  waitMs: (error: unknown, failures: number) => number | undefined,
): MonoTypeOperatorFunction<T> {
  return retry({
    resetOnSuccess: true,
    delay: (error: unknown, failures) => {
      const ms = waitMs(error, failures);
      return ms === undefined ? throwError(() => error) : timer(ms);
    },
  });
}

const firstWaitMs = 250;
const longestWaitMs = 10_000;

/** Twice as long after each failure, up to ten seconds; by chance up to half of it less, so that not all come at once. */
export function backoffMs(failures: number, chance = Math.random()): number {
  return Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(failures - 1, 10)) * (1 - chance / 2);
}
