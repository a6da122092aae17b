/** `GET /crawl` and `GET /results`, as they have been for ten years: snapshots of the built-in spider's crawls. */

import { isUnderWay } from '../crawl/endings.js';
import { CrawlcastError, toCrawlcastError } from '../errors.js';
import type { CrawlSnapshot } from '../events.js';
import type { CrawlRecord, Store } from '../store/store.js';
import { readFormat, sendItems } from './items.js';
import { type Exchange, type Route, readQuery } from './routes.js';

const spiderName = 'quotes';
const itemType = 'quote';

export const classicRoutes: readonly Route[] = [
  { path: '/crawl', GET: startOrTell },
  { path: '/results', GET: results },
];

/** Starts that are under way: two requests at the same instant start one crawl. */
const starting = new WeakMap<Store, Promise<CrawlSnapshot>>();

async function startOrTell(exchange: Exchange): Promise<void> {
  const { request, store, access } = exchange;
  const restarts = isTrue('restart', readQuery(request.query, ['restart']).restart);
  const newest = crawlsOf(store).at(-1);
  if (hasBegun(store)) return say(exchange, 'SCRAPE IN PROGRESS');
  if (!restarts && newest?.state === 'finished') return say(exchange, 'SCRAPE COMPLETE');
  // It starts nothing.
  if (request.method === 'HEAD') return say(exchange, '');
  // What comes now changes something, although it is a GET: that a crawl failed is said once.
  access.check(request, 'write');
  const failure = restarts || newest === undefined ? undefined : await takeFailure(store, newest);
  if (failure !== undefined) {
    const { code, message } = failure;
    return say(exchange, 'SCRAPE FAILED', { 'x-crawl-error': headerText(`${code}: ${message}`) });
  }
  say(exchange, (await start(exchange)) ? 'SCRAPING' : 'SCRAPE IN PROGRESS');
}

/** Why a crawl failed, for the first who asks. */
async function takeFailure(store: Store, { id, error }: CrawlRecord): Promise<CrawlRecord['error']> {
  if (error === undefined || error.told === true) return undefined;
  const telling = store.commit({
    crawl: id,
    decide({ record }) {
      if (record?.error === undefined || record.error.told === true) {
        throw new CrawlcastError('crawl.state', 'that it failed has been told');
      }
      return { record: { ...record, error: { ...record.error, told: true } } };
    },
  });
  return (await isFirst(telling)) ? error : undefined;
}

/** False where another request was first, or another process that shares the store. */
async function start({ store, runner, spiders }: Exchange): Promise<boolean> {
  if (hasBegun(store)) return false;
  const onlyIf = () => !isOneUnderWay(store);
  const begun = runner.start({ spider: spiders.get(spiderName), origin: 'local', onlyIf });
  starting.set(store, begun);
  return isFirst(begun).finally(() => starting.delete(store));
}

/** Whether what can be done once has been done by us; somebody else may have been first. */
async function isFirst(deed: Promise<unknown>): Promise<boolean> {
  try {
    await deed;
    return true;
  } catch (error) {
    if (toCrawlcastError(error).code === 'crawl.state') return false;
    throw error;
  }
}

function hasBegun(store: Store): boolean {
  return starting.has(store) || isOneUnderWay(store);
}

/** Any of them: one that was started later by name may be over before it. */
function isOneUnderWay(store: Store): boolean {
  return crawlsOf(store).some(isUnderWay);
}

async function results(exchange: Exchange): Promise<void> {
  const { store, request } = exchange;
  const query = readQuery(request.query, ['partial', 'format', 'at']);
  const format = readFormat(query.format);
  const until = readOffset(query.at, store);
  const isPartial = isTrue('partial', query.partial);
  const standing =
    until === undefined ? crawlsOf(store) : crawlsOf(store).filter(({ id }) => stoodAt(store, id, until));
  const completed = isPartial ? undefined : standing.findLast((crawl) => hasCompleted(store, crawl, until));
  // Who names an offset wants what had been scraped by then, also in the midst of the first crawl.
  if (completed === undefined && !isPartial && until === undefined) {
    return say(exchange, 'Scrape Still Progress');
  }
  const shown = completed ?? standing.at(-1);
  return sendItems(
    exchange,
    { crawl: shown?.id ?? '', types: [itemType], until: Math.min(until ?? store.log.last, store.log.last) },
    format,
  );
}

/** Whether a crawl has completed; at an offset: whether it had completed there. */
function hasCompleted(store: Store, { id, state }: CrawlRecord, until: number | undefined): boolean {
  return state === 'finished' && (until === undefined || (store.progress(id)?.lastOffset ?? 0) <= until);
}

function stoodAt(store: Store, id: string, until: number): boolean {
  const first = store.progress(id)?.firstOffset ?? 0;
  return first > 0 && first <= until;
}

function crawlsOf(store: Store): CrawlRecord[] {
  return store.crawls().filter(({ spider, origin }) => spider === spiderName && origin === 'local');
}

/** @throws CrawlcastError `query.invalid` */
function isTrue(name: string, value = 'false'): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw new CrawlcastError('query.invalid', `"${name}" is true or false`);
}

/** @throws CrawlcastError `query.invalid` */
function readOffset(at: string | undefined, store: Store): number | undefined {
  if (at === undefined) return undefined;
  const [, epoch, offset] = /^(?:([0-9a-f]{4,16})-)?(\d{1,20})$/.exec(at) ?? [];
  if (offset === undefined || (epoch !== undefined && epoch !== store.log.epoch)) {
    throw new CrawlcastError('query.invalid', '"at" is an offset of this log, or an id: 42, 7f3a-42');
  }
  return Number(offset);
}

/** The snapshot's cursor goes with these texts as well: they are snapshots too. */
function say({ response, store, cors }: Exchange, text: string, headers: Record<string, string> = {}): void {
  response.send(
    200,
    {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'crawlcast-cursor': `${store.log.epoch}-${store.log.last}`,
      ...cors,
      ...headers,
    },
    text,
  );
}

function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 500);
}
