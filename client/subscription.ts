/** What a subscriber asks for, and how the service is told. */

/** A value that an event's data must have. */
export type Condition = string | number | boolean;

/** Which events, from where on. */
export interface Subscription<Type extends string = string> {
  /** Only these types. Default: all. */
  readonly type?: Type | readonly Type[];
  /** Only this crawl, by its id, or the `latest`; the stream completes after its last event. */
  readonly crawl?: string;
  /** Starts after: an id, an offset, a time, `0` for all that is kept, `now`. Default `now`. */
  readonly since?: string | number | Date;
  /** Only events whose data has these values, by path; in a list: contains it. All must hold. */
  readonly data?: Readonly<Record<string, Condition | readonly Condition[]>>;
}

/** A subscription as it goes over the wire. */
export interface Request {
  /** Undefined: all. */
  readonly type?: readonly string[];
  readonly crawl?: string;
  readonly since: string;
  readonly data: Readonly<Record<string, readonly string[]>>;
}

/** The events from which a reader knows that it saw a whole crawl. */
const frame = ['crawl.started', 'crawl.finished', 'crawl.failed', 'crawl.cancelled'];

/** The service takes a hundred types and conditions; a subscription near that goes without proof. */
const maxTypes = 90;

/** Whether a type is the last event of its crawl. */
export function isFinal(type: string): boolean {
  return type !== 'crawl.started' && frame.includes(type);
}

/** The types that were asked for; undefined: all. */
export function typesOf({ type }: Subscription): ReadonlySet<string> | undefined {
  return type === undefined ? undefined : new Set([type].flat().flatMap((names) => names.split(',')));
}

/**
 * What to ask the service for: besides what was subscribed to, the first and last events of crawls, by which the client
 * proves that nothing is missing. A condition on data would leave them out anyway.
 */
export function requestOf(subscription: Subscription): Request {
  const { crawl, since = 'now', data = {} } = subscription;
  const types = typesOf(subscription);
  const wanted = types === undefined || types.size > maxTypes ? types : new Set([...types, ...frame]);
  return {
    // A date that is none becomes `null`, which the service refuses like any other time that is none.
    since: String(since instanceof Date ? since.toJSON() : since),
    ...(wanted && { type: [...wanted] }),
    ...(crawl !== undefined && { crawl }),
    data: Object.fromEntries(Object.entries(data).map(([path, value]) => [path, [value].flat().map(String)])),
  };
}

/** A request as the query of a stream. */
export function queryOf({ type, crawl, since, data }: Request): URLSearchParams {
  const query = new URLSearchParams({ since });
  if (type !== undefined) query.set('type', type.join(','));
  if (crawl !== undefined) query.set('crawl', crawl);
  for (const [path, values] of Object.entries(data)) for (const value of values) query.append(`data.${path}`, value);
  return query;
}
