/** What one step means: which events are new, which offers are, and how the figures change. */
import { isItemEvent } from '../events.js';
import type { Draft } from './draft.js';
import { keys, placeOf } from './keys.js';
import type { SeenPlace } from './seen-entry.js';
import { type CrawlEntry, decodeOffer, encodeJson, encodeOffer, type PageMemory } from './state.js';
import type { DocumentChange, Lease, NewEvent, Offer, Step } from './store.js';

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
  const page = step.lease && draft.page(crawl, step.lease);
  for (const event of step.events ?? []) {
    if (isNew(draft, crawl, event, page)) append(draft, crawl, event, nextOffset);
  }
  let queued = 0;
  for (const offer of step.offers ?? []) queued += offerUrl(draft, crawl, offer, page) ? 1 : 0;
  if (step.lease && page) (step.release ? endPage : savePage)(draft, crawl, step.lease, page);
  crawl.stats.bytes += step.bytes ?? 0;
  if (step.dropFrontier) dropFrontier(draft, crawl);
  return { from, to: draft.events.length, queued };
}

/** A step may be about documents only. */
function concernsCrawl(step: Step): boolean {
  const { record, events, offers, lease, bytes, dropFrontier } = step;
  return Boolean(record || events?.length || offers?.length || lease || bytes || dropFrontier);
}

function changeDocument(draft: Draft, { collection, key, value }: DocumentChange): void {
  const row = keys.document(collection, key);
  if (value === undefined) draft.remove(row);
  else draft.put(row, encodeJson({ key, value }));
}

function isNew(draft: Draft, crawl: CrawlEntry, event: NewEvent, page: PageMemory | undefined): boolean {
  if (event.identity !== undefined && page && !page.remember(`i${event.identity}`)) return false;
  if (event.once === undefined) return true;
  if (page && !page.remember(`n${event.once}`)) return false;
  const seen = draft.seen(crawl);
  const name = `once ${event.once}`;
  if (seen.find(name) === undefined) {
    seen.add(name);
    return true;
  }
  crawl.stats.duplicates += 1;
  return false;
}

function append(draft: Draft, crawl: CrawlEntry, { type, tail }: NewEvent, nextOffset: number): void {
  const offset = nextOffset + draft.events.length;
  draft.events.push({ type, crawl: crawl.id, tail });
  crawl.lastOffset = offset;
  if (crawl.firstOffset === 0) crawl.firstOffset = offset;
  crawl.counts[type] = (crawl.counts[type] ?? 0) + 1;
  if (isItemEvent(type)) crawl.stats.items += 1;
  else if (type === 'page') crawl.stats.pages += 1;
  else if (type === 'page.failed') crawl.stats.failed += 1;
  else if (type === 'page.skipped') crawl.stats.skipped += 1;
}

/** True where the URL is new. */
function offerUrl(draft: Draft, crawl: CrawlEntry, offer: Offer, page: PageMemory | undefined): boolean {
  const { fingerprint, host, depth, priority = 0 } = offer;
  if (page && !page.remember(`o${fingerprint}`)) return false;
  const queued = draft.seen(crawl).find(fingerprint);
  if (queued === undefined) {
    const place = enqueue(draft, crawl, offer);
    draft.countHost(crawl.space, host, 1);
    crawl.stats.queued += 1;
    draft.tell(crawl.id, { kind: 'added', place, offer });
    return true;
  }
  crawl.stats.duplicates += 1;
  const isBetter = depth < queued.depth || priority > queued.priority;
  if (isBetter && !draft.base.isHeld(crawl.id, fingerprint)) improve(draft, crawl, offer, placeIn(host, queued));
  return false;
}

function enqueue(draft: Draft, crawl: CrawlEntry, offer: Offer): string {
  crawl.sequence += 1;
  const { fingerprint, host, depth, priority = 0 } = offer;
  const { sequence } = crawl;
  draft.seen(crawl).add(fingerprint, { priority, depth, sequence });
  const place = placeOf(host, priority, depth, sequence);
  draft.put(keys.queued(crawl.space, place), encodeOffer(offer));
  return place;
}

function placeIn(host: string, { priority, depth, sequence }: SeenPlace): string {
  return placeOf(host, priority, depth, sequence);
}

/** A URL that still waits gets the better of both depths and of both priorities. */
function improve(draft: Draft, crawl: CrawlEntry, better: Offer, from: string): void {
  const row = draft.get(keys.queued(crawl.space, from));
  if (row === undefined) return;
  const queued = decodeOffer(better.host, row);
  const depth = Math.min(queued.depth, better.depth);
  const priority = Math.max(queued.priority ?? 0, better.priority ?? 0);
  const offer = { ...queued, depth, ...(priority === 0 ? {} : { priority }) };
  draft.remove(keys.queued(crawl.space, from));
  draft.tell(crawl.id, { kind: 'moved', place: enqueue(draft, crawl, offer), offer, from });
}

/** The page goes on: what it wrote must be known when it is fetched again. */
function savePage(draft: Draft, crawl: CrawlEntry, lease: Lease, page: PageMemory): void {
  const fresh = page.takeFresh();
  if (fresh.length === 0) return;
  draft.put(keys.pageStep(crawl.space, lease.fingerprint, page.steps), encodeJson(fresh));
  page.steps += 1;
  lease.begun = true;
}

/** The page has ended: its URL leaves the frontier, wherever it has moved to meanwhile. */
function endPage(draft: Draft, crawl: CrawlEntry, lease: Lease, page: PageMemory): void {
  for (let step = 0; step < page.steps; step += 1) draft.remove(keys.pageStep(crawl.space, lease.fingerprint, step));
  draft.tell(crawl.id, { kind: 'released', fingerprint: lease.fingerprint });
  const row = queuedRow(draft, crawl, lease);
  if (row === undefined) return;
  draft.remove(row);
  draft.countHost(crawl.space, lease.host, -1);
  crawl.stats.queued -= 1;
}

function queuedRow(draft: Draft, crawl: CrawlEntry, { key, host, fingerprint }: Lease): string | undefined {
  const row = keys.queued(crawl.space, key);
  if (draft.get(row) !== undefined) return row;
  const place = draft.seen(crawl).find(fingerprint);
  const moved = place && keys.queued(crawl.space, placeIn(host, place));
  return moved !== undefined && draft.get(moved) !== undefined ? moved : undefined;
}

/** What belonged to the frontier stays behind under its old number, to be swept away at leisure. */
function dropFrontier(draft: Draft, crawl: CrawlEntry): void {
  draft.put(keys.dropped(crawl.space), Buffer.from('1'));
  crawl.space = keys.space(draft.nextNumber++);
  crawl.stats.queued = 0;
  draft.tell(crawl.id, { kind: 'dropped' });
}
