/** What one step means: which events are new, which offers are, and how the figures change. */
import { isItemEvent } from '../events.js';
import { fingerprint } from '../url.js';
import type { Draft } from './draft.js';
import { keys } from './keys.js';
import { type CrawlEntry, encodeJson, type PageMemory } from './state.js';
import type { DocumentChange, Lease, NewEvent, Offer, Step } from './store.js';
import type { Known, UrlsDraft } from './urls.js';

/** What a step came to: its events lie between two places of the group's. */
export interface Outcome {
  readonly from: number;
  readonly to: number;
  readonly queued: number;
}

/** Carries out a step on a draft. `nextOffset` is the one that the group's first event will get. */
export function applyStep(draft: Draft, step: Step, nextOffset: number): Outcome {
  const from = draft.events.length;
  for (const change of step.documents ?? []) changeDocument(draft, change);
  if (!concernsCrawl(step)) return { from, to: from, queued: 0 };
  const crawl = draft.crawl(step.crawl);
  if (step.record) {
    crawl.record = step.record;
    draft.put(keys.record(crawl.order), encodeJson(step.record));
  }
  const page = step.lease && draft.page(crawl, step.lease, step.release === true);
  for (const event of step.events ?? []) {
    if (isNew(draft, crawl, event, page)) append(draft, crawl, event, nextOffset);
  }
  let queued = 0;
  for (const offer of step.offers ?? []) queued += offerUrl(draft, crawl, offer, page, step.isBounded) ? 1 : 0;
  if (step.isBounded && step.lease && leadsFurther(step)) draft.urlsOf(crawl).see(furtherMark(step.lease.fingerprint));
  for (const { key, value } of step.ownDocuments ?? [])
    draft.put(keys.ownDocument(crawl.space, key), encodeJson({ key, value }));
  if (step.lease && page) (step.release ? endPage : savePage)(draft, crawl, step.lease, page);
  crawl.stats.bytes += step.bytes ?? 0;
  if (step.dropFrontier) dropFrontier(draft, crawl);
  return { from, to: draft.events.length, queued };
}

/** A step may be about documents only. */
function concernsCrawl(step: Step): boolean {
  const { record, events, offers, lease, bytes, dropFrontier, ownDocuments } = step;
  return Boolean(record || events?.length || offers?.length || lease || bytes || dropFrontier || ownDocuments?.length);
}

function changeDocument(draft: Draft, { collection, key, value, needs }: DocumentChange): void {
  const row = keys.document(collection, key);
  if (value === undefined) draft.remove(row);
  // First, so that whoever looks for it need not read what may be long.
  else draft.put(row, encodeJson(needs === undefined ? { key, value } : { needs, key, value }));
}

function isNew(draft: Draft, crawl: CrawlEntry, event: NewEvent, page: PageMemory | undefined): boolean {
  if (event.identity !== undefined && page && !page.remember(`i${event.identity}`)) return false;
  if (event.once === undefined) return true;
  if (page && !page.remember(`n${event.once}`)) return false;
  if (draft.urlsOf(crawl).see(`once ${event.once}`)) return true;
  crawl.stats.duplicates += 1;
  return false;
}

function append(draft: Draft, crawl: CrawlEntry, { type, tail }: NewEvent, nextOffset: number): void {
  const offset = nextOffset + draft.events.length;
  draft.events.push({ type, crawl: crawl.id, tail });
  crawl.lastOffset = offset;
  if (crawl.firstOffset === 0) crawl.firstOffset = offset;
  // An item type may have the name of an inherited property, such as `constructor`.
  crawl.counts[type] = (Object.hasOwn(crawl.counts, type) ? (crawl.counts[type] ?? 0) : 0) + 1;
  if (isItemEvent(type)) crawl.stats.items += 1;
  else if (type === 'page') crawl.stats.pages += 1;
  else if (type === 'page.failed') {
    crawl.stats.failed += 1;
    crawl.lastFailedOffset = offset;
  } else if (type === 'page.skipped') crawl.stats.skipped += 1;
}

/** Whether a page has links, also such as were not followed. */
function leadsFurther({ offers, events }: Step): boolean {
  return Boolean(offers?.length) || events?.some(({ type }) => type === 'page.skipped') === true;
}

function furtherMark(page: string): string {
  return `further ${page}`;
}

/** True where the URL is new, or is to be read again. */
function offerUrl(
  draft: Draft,
  crawl: CrawlEntry,
  offer: Offer,
  page: PageMemory | undefined,
  isBounded: boolean | undefined,
): boolean {
  // A page may link to another twice, or be read again: that is no duplicate, but may be the better path.
  const isAgain = page !== undefined && !page.remember(`o${offer.fingerprint}`);
  const urls = draft.urlsOf(crawl);
  const known = urls.find(offer.fingerprint);
  if (known === undefined) {
    urls.queue(offer);
    crawl.stats.queued += 1;
    return true;
  }
  if (!isAgain) crawl.stats.duplicates += 1;
  const isBetter = offer.depth < known.depth || (offer.priority ?? 0) > known.priority;
  const waits = isWaiting(draft, crawl, offer.fingerprint, known);
  if (isBetter && waits) improve(urls, known, offer);
  return isBounded === true && !waits && offer.depth < known.depth && readAgain(draft, crawl, offer);
}

function isWaiting(draft: Draft, crawl: CrawlEntry, page: string, { number }: Known): boolean {
  return !draft.urlsOf(crawl).isEnded(number) && !draft.base.isHeld(crawl.id, page);
}

/**
 * Queues a page once more where some of its links may have been too deep by the path that it was read by; and yet again where a still
 * shorter path is found after that.
 */
function readAgain(draft: Draft, crawl: CrawlEntry, offer: Offer): boolean {
  const urls = draft.urlsOf(crawl);
  const page = offer.fingerprint;
  // Whether a page that is under way has links, nobody knows yet.
  if (!draft.base.isHeld(crawl.id, page) && urls.find(furtherMark(page)) === undefined) return false;
  for (let time = 1; ; time += 1) {
    const better = { again: true, ...offer, fingerprint: fingerprint(`again ${time} ${page}`) };
    const before = urls.find(better.fingerprint);
    if (before === undefined) {
      urls.queue(better);
      crawl.stats.queued += 1;
      return true;
    }
    const isBetter = offer.depth < before.depth;
    if (isBetter && isWaiting(draft, crawl, better.fingerprint, before)) improve(urls, before, better);
    else if (isBetter) continue;
    return false;
  }
}

/** A URL that still waits gets the better of both depths and of both priorities. */
function improve(urls: UrlsDraft, { number, depth, priority }: Known, better: Offer): void {
  const best = Math.max(priority, better.priority ?? 0);
  const { priority: _, ...queued } = urls.offer(number, better.host);
  urls.queue({ ...queued, depth: Math.min(depth, better.depth), ...(best !== 0 && { priority: best }) }, number);
}

/** The page goes on: what it wrote must be known when it is fetched again. */
function savePage(draft: Draft, crawl: CrawlEntry, lease: Lease, page: PageMemory): void {
  const fresh = page.takeFresh();
  if (fresh.length === 0) return;
  draft.put(keys.pageStep(crawl.space, lease.fingerprint, page.steps), encodeJson(fresh));
  page.steps += 1;
  draft.tell(crawl.id, { kind: 'begun', fingerprint: lease.fingerprint });
}

/** The page has ended: its URL leaves the frontier, wherever it has moved to meanwhile. */
function endPage(draft: Draft, crawl: CrawlEntry, lease: Lease, page: PageMemory): void {
  for (let step = 0; step < page.steps; step += 1) draft.remove(keys.pageStep(crawl.space, lease.fingerprint, step));
  draft.tell(crawl.id, { kind: 'released', fingerprint: lease.fingerprint });
  const urls = draft.urlsOf(crawl);
  const known = urls.find(lease.fingerprint);
  if (known === undefined || urls.isEnded(known.number)) return;
  urls.end(known.number);
  crawl.stats.queued -= 1;
}

/** What belonged to the frontier stays behind under its old number, to be swept away at leisure. */
function dropFrontier(draft: Draft, crawl: CrawlEntry): void {
  draft.put(keys.dropped(crawl.space), Buffer.from('1'));
  draft.isDropping = true;
  crawl.space = keys.space(draft.nextNumber++);
  crawl.stats.queued = 0;
  draft.tell(crawl.id, { kind: 'dropped' });
}
