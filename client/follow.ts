/** Following a subscription over as many connections as it takes. */
import {
  concatMap,
  defer,
  filter,
  Observable,
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
      return pinCrawl(service, request);
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
function pinCrawl(service: Service, request: Request): Observable<Request> {
  if (request.crawl !== 'latest') return of(request);
  return new Observable((subscriber) => {
    const gone = new AbortController();
    newestCrawl(service, AbortSignal.any([gone.signal, AbortSignal.timeout(silenceMs)])).then(
      (crawl) => {
        subscriber.next({ ...request, crawl });
        subscriber.complete();
      },
      (error: unknown) => subscriber.error(error),
    );
    return () => gone.abort();
  });
}

/** Its id; `latest` where there is none yet, which the service refuses. */
async function newestCrawl(service: Service, signal: AbortSignal): Promise<string> {
  const url = service.locate('crawls', new URLSearchParams({ limit: '1' }));
  const crawls = await readJson<unknown>(await service.ask(url, { signal }));
  const newest: { id?: unknown } | undefined = Array.isArray(crawls) ? crawls.at(-1) : undefined;
  return typeof newest?.id === 'string' ? newest.id : 'latest';
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
