/** Following a subscription over as many connections as it takes. */
import {
  concatMap,
  defer,
  filter,
  from,
  type Observable,
  type OperatorFunction,
  of,
  switchMap,
  takeWhile,
  tap,
  throwError,
} from 'rxjs';
import type { CloudEvent, EventData } from '#src/events.js';
import { readJson } from './crawls.js';
import { CrawlcastClientError, LogGapError } from './errors.js';
import { type Open, silenceMs } from './frame.js';
import type { Gate } from './gate.js';
import { onceInOrder } from './in-order.js';
import { proveComplete } from './proof.js';
import { backoffMs, reconnectWith } from './reconnect.js';
import type { Service } from './service.js';
import type { Standing } from './state.js';
import { isFinal, type Request, requestOf, type Subscription, typesOf } from './subscription.js';

/** Every event that a subscription asks for, once, in order, whatever happens in between; cold. */
export function follow(
  service: Service,
  open: Open,
  subscription: Subscription,
  gate: Gate,
  standing: Standing,
): Observable<CloudEvent> {
  return defer(() => {
    const types = typesOf(subscription);
    let request = requestOf(subscription);
    let trouble: string | undefined;
    const connection$ = defer(() => {
      standing.connecting(trouble);
      return from(pinCrawl(service, request));
    }).pipe(
      tap((pinned) => {
        request = pinned;
      }),
      switchMap(() => open(service, request, gate)),
      filter(({ isOpening }) => isOpening !== true || isMoment(request.since)),
    );
    return connection$.pipe(
      reconnectWith((error, failures) => {
        trouble = error instanceof Error ? error.message : String(error);
        return waitAfter(error, failures);
      }),
      onceInOrder((id) => {
        request = { ...request, since: id };
        standing.moved(id);
      }),
      tellGaps(subscription.since, types),
      // Before the proof, which has a last word behind the last event.
      untilCrawlEnds(subscription.crawl !== undefined),
      proveComplete(types),
      filter(({ type }) => types?.has(type) ?? true),
    );
  });
}

function waitAfter(error: unknown, failures: number): number | undefined {
  if (!(error instanceof CrawlcastClientError) || !error.retryable) return undefined;
  return error.waitMs === 0 ? 0 : Math.max(error.waitMs ?? 0, backoffMs(failures));
}

/** A start that only the service can place: until an event has come, the place that it names is where to go on. */
function isMoment(since: string): boolean {
  return since === 'now' || since.includes(':');
}

/** The newest crawl must stay the same one, also when a newer one has begun before we come back. */
async function pinCrawl(service: Service, request: Request): Promise<Request> {
  if (request.crawl !== 'latest') return request;
  const signal = AbortSignal.timeout(silenceMs);
  const crawls = await readJson<unknown>(await service.ask(service.locate('crawls'), { signal }));
  const known: { id?: unknown; startedAt?: unknown }[] = Array.isArray(crawls) ? crawls : [];
  const newest = known.sort((a, b) => (String(a.startedAt) < String(b.startedAt) ? -1 : 1)).at(-1);
  return typeof newest?.id === 'string' ? { ...request, crawl: newest.id } : request;
}

/**
 * A gap in the log is an event for whoever asked for events of that type, or for all; anyone else must not go on as if
 * there were none. Who asks for all that is kept (since 0) misses nothing by what is no longer kept.
 */
export function tellGaps(
  since: Subscription['since'],
  types: ReadonlySet<string> | undefined,
): OperatorFunction<CloudEvent, CloudEvent> {
  return concatMap((event) => {
    if (!isGap(event) || (types?.has(event.type) ?? true)) return of(event);
    const isExpected = String(since) === '0' && event.data.requested === '0';
    return isExpected ? of(event) : throwError(() => new LogGapError(event));
  });
}

function isGap(event: CloudEvent): event is CloudEvent<'log.gap', EventData['log.gap']> {
  return event.type === 'log.gap';
}

/** Completes behind the last event of a crawl, where there is only the one. */
export function untilCrawlEnds(isOneCrawl: boolean): OperatorFunction<CloudEvent, CloudEvent> {
  return takeWhile(({ type }) => !(isOneCrawl && isFinal(type)), true);
}
