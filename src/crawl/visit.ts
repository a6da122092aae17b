/** What a thread does with one page: fetch, decode, extract, and tell as soon as there is something to tell. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CrawlcastError, toCrawlcastError } from '../errors.js';
import { printableUrl, resolveLocation } from '../url.js';
import type { Cancellation } from './cancellation.js';
import { charsetOfContentType, createDecoder } from './charset.js';
import type { Credit } from './credit.js';
import { decodeBody } from './decompress.js';
import { saysNofollow } from './directives.js';
import type { FetchBody, Fetcher, FetchResponse } from './fetcher.js';
import { formatOf, packingOf } from './formats.js';
import { Harvest } from './harvest.js';
import type { Job, PageUpdate, ResponseHead } from './messages.js';
import type { OpenReader } from './reader.js';
import { userAgentToken } from './robots.js';

/** All that is needed for one page. */
export interface PageVisit {
  readonly job: Job;
  readonly openReader: OpenReader;
  readonly fetcher: Fetcher;
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
    else
      await extract(response, visit, harvest, (size) => {
        bytes += size;
      });
    tell({
      kind: 'end',
      head,
      bytes,
      ms: Math.round(performance.now() - startedMs),
      ...harvest.end(),
    });
  } catch (thrown) {
    if (visit.caller.ended !== undefined) return;
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
  const packing = packingOf(head.headers['content-type']?.[0], visit.job.url);
  const { contentType } = packing;
  const chunks = packing.packed ? unpack(body, visit.job) : body;
  const format = formatOf(contentType);
  const decoder = createDecoder(format === 'json' ? 'application/json; charset=utf-8' : contentType);
  const agent = userAgentToken(visit.job.options.userAgent);
  const nofollow = saysNofollow(head.headers['x-robots-tag'] ?? [], agent);
  const { maxBytes, totalTimeoutMs } = visit.job.options;
  const reader = visit.openReader({
    head,
    maxBytes,
    totalTimeoutMs,
    caller: visit.caller,
    onCode: visit.onCode,
    pause: () => pause(visit, harvest),
    url: visit.job.url,
    agent,
    format,
    sitemap: visit.job.sitemap,
    charset: () => decoder.encoding,
    onItem: (item) => harvest.item(item),
    onLink: (link) => harvest.link(nofollow ? { ...link, nofollow } : link),
  });
  let isFirst = true;
  for await (const chunk of chunks) {
    if (isFirst) checkContent(contentType, chunk, visit.job.url);
    isFirst = false;
    harvest.received();
    reader.write(decoder.write(chunk));
    onBytes(chunk.length);
    harvest.tellSoon();
    await visit.credit.available();
  }
  reader.write(decoder.end());
  await reader.end();
}

function unpack(body: FetchBody, { url, options }: Job): AsyncIterable<Uint8Array> {
  return decodeBody(body, ['gzip'], { host: new URL(url).host, maxBytes: options.maxBytes });
}

/** Lets go out what a spider's code has found so far. */
async function pause({ credit }: PageVisit, harvest: Harvest): Promise<void> {
  harvest.tellSoon();
  await nextTurn();
  await credit.available();
}

const redirectStatus = new Set([301, 302, 303, 307, 308]);

/** Where a redirect leads; `undefined` where the answer is a page. A 3xx without `Location` is one. */
function redirectTarget({ head, body }: FetchResponse, url: string): string | undefined {
  const location = head.headers.location?.[0];
  if (!redirectStatus.has(head.status) || location === undefined) return undefined;
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

const documents = /^(text\/|application\/(xhtml\+xml|xml|json|[\w.-]+\+(xml|json)))/i;

/** Says no to what is no document: by its type, or, where the type claims otherwise or nothing, by its first bytes. */
function checkContent(contentType: string | undefined, first: Uint8Array, url: string): void {
  const type = contentType?.split(';')[0]?.trim() ?? '';
  if (type !== '' && !documents.test(type)) {
    throw new CrawlcastError('body.not_html', `${new URL(url).pathname} is "${type.slice(0, 100)}", not a document`);
  }
  // Where UTF-16 is declared there need be no mark.
  if (isBinary(first) && charsetOfContentType(contentType)?.startsWith('utf-16') !== true)
    throw new CrawlcastError('body.not_html', `${new URL(url).pathname} is binary data, not a document`);
}

/** A NUL is in no text but UTF-16, which begins with a byte order mark. */
function isBinary(bytes: Uint8Array): boolean {
  const marked = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  return !marked && bytes.subarray(0, 1_024).includes(0);
}
