/** What a subscriber asks for: which events, from where on. The same for the query of a stream and a WebSocket's frame. */
import { z } from 'zod';
import { complain } from '../crawl/complaints.js';
import { CrawlcastError } from '../errors.js';
import type { GapReason } from '../events.js';
import { eventTime } from '../events-json.js';
import type { EventLog } from '../store/store.js';

/** Which events, from where on; as asked. */
export interface Subscription {
  /** Absent: all types. */
  readonly type?: readonly string[];
  /** A crawl's id, or `latest`. */
  readonly crawl?: string;
  /** An id, an offset, an RFC 3339 time, `0` or `now`. Default `now`. */
  readonly since?: string;
  /** Pairs of a path within the data and the value that must be there; all must hold. */
  readonly data: readonly (readonly [path: string, value: string])[];
}

/** Where a stream begins, and what its reader has to be told first. */
export interface Position {
  /** The first event is the one after this offset. */
  readonly after: number;
  readonly gap?: { readonly requested: string; readonly reason: GapReason };
  /** The offset that was asked for, where this log has not got there. */
  readonly ahead?: number;
}

const maxConditions = 100;
const maxValueLength = 2_000;

/** All events from now on. */
const everything: Subscription = { data: [] };

/**
 * Reads the query of a stream.
 * @throws CrawlcastError `query.unknown`, `query.invalid`: names the parameter
 */
export function parseSubscriptionQuery(query: string): Subscription {
  if (query === '') return everything;
  const type: string[] = [];
  const data: [string, string][] = [];
  const single: { crawl?: string; since?: string } = {};
  for (const [name, value] of new URLSearchParams(query)) {
    // It was looked at before.
    if (name === 'access_token') continue;
    if (value.length > maxValueLength) throw invalid(name, `is longer than ${maxValueLength} characters`);
    if (name === 'type') type.push(...value.split(','));
    else if (name === 'crawl' || name === 'since') {
      if (single[name] !== undefined) throw invalid(name, 'is given twice');
      single[name] = value;
    } else if (name.startsWith('data.') && name.length > 'data.'.length) data.push([name.slice('data.'.length), value]);
    else
      throw new CrawlcastError('query.unknown', `"${name}" is no parameter here: use type, crawl, since or data.NAME`);
  }
  return checked({ ...(type.length > 0 ? { type } : {}), ...single, data });
}

/** The library leaves this name out without a word: without its condition a subscription would be a wider one. */
const speakable = z
  .unknown()
  .refine((data) => typeof data !== 'object' || data === null || !Object.hasOwn(data, '__proto__'), {
    error: '"__proto__" is no name that can be asked for',
  });

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const scalars = z.union([scalar, z.array(scalar)], { error: 'write text, a number, true, false, or a list of those' });
const types = z.union([z.string().transform((name) => name.split(',')), z.array(z.string())], {
  error: 'write a list of types, or text with commas',
});
const since = z.union([z.string(), z.int().nonnegative().transform(String)], {
  error: 'write an id, an offset or a time',
});
const subscribeFrame = z.strictObject({
  subscribe: z.strictObject({
    type: types.optional(),
    crawl: z.string().optional(),
    since: since.optional(),
    data: speakable.pipe(z.record(z.string(), scalars)).optional(),
  }),
});

/**
 * Reads a control frame from a WebSocket client.
 * @throws CrawlcastError `message.invalid`
 */
export function parseSubscribeFrame(text: string): Subscription {
  const result = subscribeFrame.safeParse(parseJson(text), { error: complain });
  if (!result.success) {
    const [issue] = result.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.map(String).join('.')}: `;
    throw new CrawlcastError(
      'message.invalid',
      `${place}${issue?.message ?? 'cannot be read'}; write {"subscribe":{"type":[…],"crawl":"…","since":"…","data":{…}}}`,
    );
  }
  const { type, crawl, since, data = {} } = result.data.subscribe;
  const pairs = Object.entries(data).flatMap(([path, value]) => [value].flat().map((one) => [path, one] as const));
  const subscription = { ...(type?.length ? { type } : {}), data: pairs, ...(crawl === undefined ? {} : { crawl }) };
  try {
    return checked(since === undefined ? subscription : { ...subscription, since });
  } catch (error) {
    throw error instanceof CrawlcastError ? new CrawlcastError('message.invalid', error.message) : error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CrawlcastError('message.invalid', 'the frame is not JSON');
  }
}

/** @throws CrawlcastError `query.invalid` */
export function checkTypes(type: readonly string[]): void {
  if (type.some((name) => !/^[A-Za-z][\w.-]{0,63}$/.test(name)))
    throw invalid('type', 'has a name that no type can have');
}

function checked(subscription: Subscription): Subscription {
  const { type = [], data } = subscription;
  checkTypes(type);
  if (type.length + data.length > maxConditions)
    throw invalid('type', `and data have more than ${maxConditions} values`);
  return subscription;
}

function invalid(parameter: string, problem: string): CrawlcastError {
  return new CrawlcastError('query.invalid', `"${parameter}" ${problem}`);
}

const idForm = /^([0-9a-f]{4,16})-(\d{1,20})$/;

/**
 * Where the value of `since` is in this log.
 * @param floor events up to here are of no interest anyway (a crawl's first offset): older gaps do not matter
 * @param end nor are those behind it (a crawl's last offset so far): who is there has lost nothing, however much is gone
 * @throws CrawlcastError `query.invalid`
 */
export function locate(since: string, log: EventLog, floor: number, end = Number.POSITIVE_INFINITY): Position {
  if (since === 'now') return { after: log.last };
  if (/^\d{1,20}$/.test(since)) return locateOffset(Number(since), since, log, floor, end);
  if (idForm.test(since)) return locateId(since, log, floor, end);
  const timeMs = parseTime(since);
  if (Number.isNaN(timeMs)) {
    throw invalid('since', 'is none of: an id (7f3a-42), an offset, a time (2026-01-31T12:00:00Z), 0, now');
  }
  return locateTime(timeMs, since, log, floor);
}

const timeForm = /^((\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/i;

/** Milliseconds of an RFC 3339 time, with or without its seconds, or NaN. A plus sign that a query did not escape has become a space. */
function parseTime(text: string): number {
  const time = text.replace(/ (?=\d\d:\d\d$)/, '+');
  const [, minute, day = '', seconds, fraction = '', zone] = timeForm.exec(time) ?? [];
  if (zone === undefined || !isDay(day)) return Number.NaN;
  // JavaScript's clock has no leap seconds: such a one is the second after.
  return seconds === '60' ? Date.parse(`${minute}:59${fraction}${zone}`) + 1_000 : Date.parse(time);
}

/** Whether the calendar has such a day: JavaScript takes 30 February for 2 March. */
function isDay(day: string): boolean {
  const midnightMs = Date.parse(`${day}T00:00Z`);
  return !Number.isNaN(midnightMs) && new Date(midnightMs).toISOString().startsWith(day);
}

/** Batches that are looked through for the first event of a time; each was appended at once. */
const maxBatchesAtTime = 16;

/** The log knows when events were appended, which is a little later than what they say themselves. */
function locateTime(timeMs: number, requested: string, log: EventLog, floor: number): Position {
  if (timeMs > Date.now()) return { after: log.last };
  let after = log.offsetAt(timeMs);
  // Of what is no longer kept nobody knows the time.
  if (after < log.first && log.first > 1 && floor < log.first - 1) {
    return { after: log.first - 1, gap: { requested, reason: 'truncated' } };
  }
  for (let round = 0; round < maxBatchesAtTime; round++) {
    const batch = log.lend(after);
    let earlier = 0;
    while (earlier < batch.length && eventTime(batch.jsonAt(earlier)) <= timeMs) earlier++;
    after += earlier;
    if (earlier < batch.length || batch.length === 0) break;
  }
  return { after: Math.max(after, floor) };
}

/** Where a stream goes on after the last id that its reader says it saw, whatever that is. */
export function locateLastEventId(
  lastEventId: string,
  log: EventLog,
  floor: number,
  end = Number.POSITIVE_INFINITY,
): Position {
  if (lastEventId === '') return { after: log.last };
  if (idForm.test(lastEventId)) return locateId(lastEventId, log, floor, end);
  return { after: log.last, gap: { requested: printable(lastEventId), reason: 'malformed' } };
}

function locateId(id: string, log: EventLog, floor: number, end: number): Position {
  const [, epoch, offset] = idForm.exec(id) ?? [];
  if (epoch === log.epoch) return locateOffset(Number(offset), id, log, floor, end);
  return { after: Math.max(log.first - 1, floor), gap: { requested: id, reason: 'epoch' } };
}

function locateOffset(offset: number, requested: string, log: EventLog, floor: number, end: number): Position {
  if (offset > log.last) return { after: log.last, gap: { requested, reason: 'ahead' }, ahead: offset };
  const after = Math.max(offset, floor);
  const oldest = Math.max(after, log.first - 1);
  return after >= Math.min(oldest, end)
    ? { after: oldest }
    : { after: oldest, gap: { requested, reason: 'truncated' } };
}

/** What came from outside goes into an event only short and plain. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
}
