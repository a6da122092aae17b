/** How a crawl ends, and what may still be done to it. */
import { CrawlcastError } from '../errors.js';
import type { CrawlStats } from '../events.js';
import { dataOf } from '../events-json.js';
import type { CrawlProgress, CrawlRecord, EventLog, NewEvent, Step } from '../store/store.js';
import { printableUrl } from '../url.js';
import { newEvent } from './events.js';

/** How a crawl ends. */
export type Ending =
  | { readonly state: 'finished' | 'cancelled' }
  | { readonly state: 'failed'; readonly error: { readonly code: string; readonly message: string } };

/** Why a crawl failed that fetched no page, where no page that failed can tell. */
const nothingFetched = {
  code: 'start.skipped',
  message: 'none of the start URLs could be fetched: the events page.skipped and page.failed say why',
};

/** Why a crawl failed that fetched no page: the reason of its last page that failed, which is at an offset. */
export function reasonAt(log: EventLog, offset: number): { readonly code: string; readonly message: string } {
  if (offset < log.first) return nothingFetched;
  try {
    const event = log.read(offset - 1, 1).at(0);
    if (event?.offset !== offset) return nothingFetched;
    const { error, message } = dataOf(event.json, 'page.failed');
    return { code: error, message };
  } catch {
    return nothingFetched;
  }
}

/** The figures of a crawl that has none yet. */
export const noStats: CrawlStats = {
  pages: 0,
  items: 0,
  failed: 0,
  skipped: 0,
  duplicates: 0,
  bytes: 0,
  queued: 0,
  inFlight: 0,
};

/** Whether a crawl is not over. */
export function isUnderWay({ state }: CrawlRecord): boolean {
  return state === 'running' || state === 'paused';
}

/**
 * The crawl, where it is in a state for what somebody wishes.
 * @throws CrawlcastError `crawl.state`
 */
export function allowed(
  record: CrawlRecord | undefined,
  may: (record: CrawlRecord) => boolean,
  wish: string,
): CrawlRecord {
  if (record !== undefined && may(record)) return record;
  throw new CrawlcastError('crawl.state', `the crawl is ${record?.state}: it cannot be ${wish}`);
}

/** The last record and the last event of a crawl: what only a crawl under way needs, secrets above all, is not kept. */
export function ended(
  id: string,
  record: CrawlRecord,
  { stats, counts }: CrawlProgress,
  ending: Ending,
): Pick<Step, 'record' | 'events'> {
  const last = { stats: { ...stats, queued: 0 }, counts: { ...counts, [`crawl.${ending.state}`]: 1 } };
  const { definition: _, ...known } = record;
  const start = record.start.map(printableUrl);
  return {
    record: { ...known, start, ...ending, finishedAt: new Date().toISOString() },
    events: [lastEvent(id, ending, last)],
  };
}

function lastEvent(id: string, ending: Ending, last: Pick<CrawlProgress, 'stats' | 'counts'>): NewEvent {
  if (ending.state !== 'failed') return newEvent(id, `crawl.${ending.state}`, undefined, last);
  const { code, message } = ending.error;
  return newEvent(id, 'crawl.failed', undefined, { ...last, error: code, message });
}
