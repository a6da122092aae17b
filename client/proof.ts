/** The proof that nothing is missing: a crawl's last event says how many of each type there are. */
import { concat, concatMap, defer, type OperatorFunction, of, throwError } from 'rxjs';
import type { CloudEvent, EventCounts } from '#src/events.js';
import { MissedEventsError } from './errors.js';
import { isFinal } from './subscription.js';

/**
 * Counts what comes of each crawl that is seen from its first event on, and compares it with what its last event says.
 * @param types those that come through; undefined: all
 * @throws MissedEventsError behind the last event of a crawl
 */
export function proveComplete(types: ReadonlySet<string> | undefined): OperatorFunction<CloudEvent, CloudEvent> {
  return (events$) =>
    defer(() => {
      const crawls = new Map<string, Map<string, number>>();
      return events$.pipe(
        concatMap((event) => {
          const { source, type } = event;
          // What a gap leaves out has been told: it is not missed on top of that.
          if (type === 'log.gap') crawls.clear();
          if (type === 'crawl.started') crawls.set(source, new Map());
          const seen = crawls.get(source);
          if (seen === undefined) return of(event);
          seen.set(type, (seen.get(type) ?? 0) + 1);
          if (!isFinal(type)) return of(event);
          crawls.delete(source);
          const error = compare(event, seen, types);
          return error === undefined
            ? of(event)
            : concat(
                of(event),
                throwError(() => error),
              );
        }),
      );
    });
}

function compare(
  { source, data }: CloudEvent,
  seen: ReadonlyMap<string, number>,
  types: ReadonlySet<string> | undefined,
): MissedEventsError | undefined {
  const all = countsOf(data);
  if (all === undefined) return undefined;
  const subscribed = (counts: Iterable<[string, number]>) =>
    new Map([...counts].filter(([type]) => types?.has(type) ?? true));
  const expected = subscribed(Object.entries(all));
  const arrived = subscribed(seen);
  const isSame = expected.size === arrived.size && [...expected].every(([type, count]) => arrived.get(type) === count);
  if (isSame) return undefined;
  return new MissedEventsError(source, Object.fromEntries(expected), Object.fromEntries(arrived));
}

function countsOf(data: unknown): EventCounts | undefined {
  if (typeof data !== 'object' || data === null || !('counts' in data)) return undefined;
  const { counts } = data;
  if (typeof counts !== 'object' || counts === null) return undefined;
  return Object.fromEntries(Object.entries(counts).map(([type, count]) => [type, Number(count)]));
}
