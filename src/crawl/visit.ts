/** What a thread does with one page: fetch, decode, extract, and tell as soon as there is something to tell. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CrawlcastError, toCrawlcastError } from '../errors.js';
import { printableUrl, resolveLocation } from '../url.js';
import type { Cancellation } from './cancellation.js';
import { createDecoder, type Decoder } from './charset.js';
import type { Credit } from './credit.js';
import { decodeBody } from './decompress.js';
import { saysNofollow } from './directives.js';
import { type FetchBody, type Fetcher, type FetchResponse, locationOf } from './fetcher.js';
import { createContentCheck, type Format, formatOf, packingOf } from './formats.js';
import { Harvest } from './harvest.js';
import type { Job, PageUpdate, ResponseHead } from './messages.js';
import type { OpenReader, PageReader } from './reader.js';
import { userAgentToken } from './robots.js';

/** All that is needed for one page. */
export interface PageVisit {
  readonly job: Job;
  readonly openReader: OpenReader;
  readonly fetcher: Pick<Fetcher, 'fetch'>;
  readonly credit: Credit;
  /** Whoever wants the page. */
  readonly caller: Cancellation;
  readonly tell: (update: PageUpdate) => void;
  /** Told before the spider's own code reads the page. */
  readonly onCode: () => void;
}

/** Visits the page. Never rejects: the last update tells how it ended; where its caller has ended it none is told. */
export async function visitPage(visit: PageVisit): Promise<void> {
  const startedMs = performance.now();
  let head: ResponseHead | undefined;
  let latencyMs: number | undefined;
  let bytes = 0;
  const count = (size: number) => {
    bytes += size;
  };
  const tell = (update: PageUpdate) => {
    visit.tell(latencyMs === undefined ? update : { latencyMs, ...update });
    latencyMs = undefined;
  };
  const harvest = new Harvest(visit.job, visit.credit, tell);
  try {
    const response = await visit.fetcher.fetch(visit.job, visit.caller);
    head = told(response.head);
    latencyMs = head.latencyMs;
    const location = redirectTarget(response, visit.job.url);
    if (location !== undefined) {
      tell({ kind: 'redirect', head, location });
      return;
    }
    checkStatus(response, visit.job.url);
    harvest.begin(head);
    // An answer to a condition: there is no document.
    if (head.status === 304) response.body.discard();
    else await extract(response, visit, harvest, count);
    if (visit.caller.ended !== undefined) return;
    tell({ kind: 'end', head, bytes, ms: Math.round(performance.now() - startedMs), ...harvest.end() });
  } catch (thrown) {
    if (visit.caller.ended !== undefined) return;
    await tellLong(visit, harvest);
    const { code, message } = toCrawlcastError(thrown);
    tell({ kind: 'error', code, message, bytes, ...(head && { head }), ...harvest.rest() });
  } finally {
    harvest.stop();
  }
}

/** The head with what the pipeline uses of it: every header costs time on its way to the other thread. */
function told(head: ResponseHead): ResponseHead {
  const headers: Record<string, readonly string[]> = {};
  for (const name of toldHeaders) if (head.headers[name] !== undefined) headers[name] = head.headers[name];
  return { ...head, headers };
}

const toldHeaders = ['etag', 'last-modified', 'retry-after', 'set-cookie'];

/** Feeds the body to the reader, chunk by chunk, and tells the size of each. */
async function extract(
  { head, body }: FetchResponse,
  visit: PageVisit,
  harvest: Harvest,
  onBytes: (size: number) => void,
): Promise<void> {
  const { url } = visit.job;
  const { packed, contentType } = packingOf(head.headers['content-type']?.[0], url);
  const format = formatOf(contentType);
  const decoder = createDecoder(format === 'json' ? 'application/json; charset=utf-8' : contentType);
  const reader = openPage(head, visit, harvest, format, decoder);
  const check = createContentCheck(contentType, url);
  for await (const chunk of packed ? unpack(body, visit.job) : body) {
    check(chunk);
    harvest.received();
    reader.write(decoder.write(chunk));
    onBytes(chunk.length);
    if (harvest.isLong) await tellLong(visit, harvest);
    harvest.tellSoon();
    await visit.credit.available();
  }
  reader.write(decoder.end());
  await reader.end();
  await tellLong(visit, harvest);
}

/** Tells batch by batch, as fast as they are taken care of, until the rest goes into one: JSON, and what looks ahead, gives all at its end. */
async function tellLong({ credit, caller }: PageVisit, harvest: Harvest): Promise<void> {
  while (harvest.isLong && caller.ended === undefined) {
    harvest.tellNow();
    await credit.available();
  }
}

/** Begins to read the page; what is found goes into the harvest. */
function openPage(
  head: ResponseHead,
  visit: PageVisit,
  harvest: Harvest,
  format: Format | undefined,
  decoder: Decoder,
): PageReader {
  const { url, sitemap, options } = visit.job;
  const agent = userAgentToken(options.userAgent);
  const nofollow = saysNofollow(head.headers['x-robots-tag'] ?? [], agent);
  return visit.openReader({
    head,
    maxBytes: options.maxBytes,
    totalTimeoutMs: options.totalTimeoutMs,
    caller: visit.caller,
    onCode: visit.onCode,
    pause: () => pause(visit, harvest),
    // Its links are resolved against it: what it was asked for with would be in each of them.
    url: printableUrl(url),
    agent,
    format,
    sitemap,
    charset: () => decoder.encoding,
    onItem: (item) => harvest.item(item),
    onLink: (link) => harvest.link(nofollow ? { ...link, nofollow } : link),
  });
}

function unpack(body: FetchBody, { url, options }: Job): AsyncIterable<Uint8Array> {
  return decodeBody(body, ['gzip'], { host: new URL(url).host, maxBytes: options.maxBytes });
}

/** Lets go out what a spider's code has found so far. */
async function pause(visit: PageVisit, harvest: Harvest): Promise<void> {
  await tellLong(visit, harvest);
  harvest.tellSoon();
  await nextTurn();
  await visit.credit.available();
}

/** Where a redirect leads; `undefined` where the answer is a page. */
function redirectTarget({ head, body }: FetchResponse, url: string): string | undefined {
  const location = locationOf(head);
  if (location === undefined) return undefined;
  body.discard();
  const target = resolveLocation(location, url);
  if (target === undefined)
    throw new CrawlcastError('redirect.invalid', `${printableUrl(url)} redirects to what is no URL`);
  return target;
}

function checkStatus({ head, body }: FetchResponse, url: string): void {
  if (head.status < 400) return;
  body.discard();
  throw new CrawlcastError(`http.${head.status}`, `${new URL(url).host} answered with status ${head.status}`);
}
