/** One crawl under way: what the pipeline asks, and what it makes of the answers. */
import type { Observable } from 'rxjs';
import { errorFacts, toCrawlcastError } from '../errors.js';
import type { SkipReason } from '../events.js';
import type { Committed, CrawlRecord, Lease, NewEvent, Step } from '../store/store.js';
import { printableUrl } from '../url.js';
import { Conduct } from './conduct.js';
import { type CrawlContext, isPublicOnly } from './context.js';
import { Detours, leadOn } from './detours.js';
import { newEvent } from './events.js';
import { Gate, type Sorted } from './gate.js';
import type { PageUpdate } from './messages.js';
import { backoffMs, parseRetryAfter } from './politeness.js';
import { endRest } from './rest.js';
import { createScheduler, type Scheduler } from './scheduler.js';
import { Session } from './session.js';
import { type Settings, type Spider, sourceOf } from './spider.js';
import { Validators } from './validators.js';

type End = Extract<PageUpdate, { kind: 'end' }>;
type Redirect = Extract<PageUpdate, { kind: 'redirect' }>;
type Failure = Extract<PageUpdate, { kind: 'error' }>;
type Found = Pick<End, 'items' | 'links'>;
/** Why a page is given up, and what had come of it. */
type GivenUp = Pick<Failure, 'code' | 'message'> & Partial<Pick<Failure, 'bytes' | keyof Found>>;

/** What robots.txt says to one page; postponed where the host could not say. */
export type Permission = 'granted' | 'refused' | 'postponed';

/** Of a page to be asked for again with which nothing went wrong: it goes back when the pipeline lets go of it, and waits for its host's turn. */
const unfinished: Committed = { events: [], queued: 0 };

/** The state of a running crawl that need not outlive the process. */
export class CrawlRun {
  readonly settings: Settings;
  readonly #context: CrawlContext;
  readonly #id: string;
  readonly #scheduler: Scheduler;
  readonly #gate: Gate;
  readonly #session: Session;
  readonly #validators: Validators;
  readonly #conduct: Conduct;
  readonly #detours = new Detours();
  readonly #attempts = new Map<string, number>();

  constructor(context: CrawlContext, record: CrawlRecord, spider: Spider) {
    const { store, politeness, pool } = context;
    this.#context = context;
    this.#id = record.id;
    this.settings = spider.settings;
    const publicOnly = isPublicOnly(context, record);
    this.#gate = new Gate({ crawl: record.id, spider, publicOnly });
    this.#session = new Session(store, record, spider, publicOnly);
    this.#validators = new Validators(store, record.id, spider);
    this.#conduct = new Conduct(this.settings, context.robots.for(this.#session.options), politeness);
    pool.addSpider(record.id, sourceOf(spider));
    this.#scheduler = createScheduler({
      crawl: record.id,
      frontier: store.openFrontier(record.id),
      politeness,
      manners: (host) => this.#conduct.manners(host),
      pagesLeft: this.#pagesLeft(),
      isRefused: (lease) => this.#conduct.isRefused(lease),
      heldMs: (host) => this.#conduct.heldMs(host),
    });
  }

  get inFlight(): number {
    return this.#scheduler.leased;
  }

  get queued(): number {
    return this.#scheduler.queued;
  }

  /**
   * Logs in, where the spider wants it; again when the crawl goes on later.
   * @throws CrawlcastError `login.failed`
   */
  async logIn(signal: AbortSignal): Promise<void> {
    const hasLoggedIn = await this.#session.logIn(this.#context.fetcher, this.#gate.rules, signal);
    if (hasLoggedIn) await this.#commit({});
  }

  /** The next URL that may be asked for, once there is one; `undefined` when the crawl has nothing left. */
  lease(): Promise<Lease | undefined> {
    return this.#scheduler.lease();
  }

  /** Asks the host's robots.txt whether the page may be fetched. Where the host cannot be reached, the page fails. */
  async permit(lease: Lease): Promise<Permission> {
    const verdict = await this.#conduct.judge(lease);
    if (typeof verdict === 'string') return verdict;
    this.#scheduler.retry(lease, verdict.retryInMs);
    return 'postponed';
  }

  /** Fetches and extracts the page; unsubscribing aborts the request. */
  fetch(lease: Lease): Observable<PageUpdate> {
    const options = this.#session.optionsFor(lease.url, this.#validators.conditionsFor(lease));
    this.#detours.ask(lease, options);
    return this.#context.pool.visit({
      crawl: this.#id,
      url: lease.url,
      options,
      // A start URL, or reached from there by sitemaps and redirects alone.
      sitemap: lease.depth === 0,
      begun: lease.begun,
    });
  }

  /** Makes durable what a page has told. */
  async append(lease: Lease, update: PageUpdate): Promise<Committed> {
    const { latencyMs, kind } = update;
    if (latencyMs !== undefined) this.#context.politeness.answered(lease.host, { latencyMs, ok: kind !== 'error' });
    if (update.kind === 'error') return this.#failOrRetry(lease, update);
    if (update.head !== undefined) this.#session.take(lease.url, update.head);
    if (update.kind === 'again') return unfinished;
    if (update.kind === 'redirect') return this.#redirect(lease, update);
    if (update.kind === 'end') {
      this.#scheduler.answered(lease);
      return update.head.status === 304 ? this.#unchanged(lease, update) : this.#end(lease, update);
    }
    const committed = await this.#commit(this.#harvest(lease, update));
    this.#validators.collect(lease, update.links, committed);
    this.#context.pool.taken(update);
    return committed;
  }

  /** Ends a page that must not be fetched. */
  skip(lease: Lease, reason: SkipReason): Promise<Committed> {
    return this.#pass(lease, { events: [this.#gate.skipped(lease.url, reason)] });
  }

  /** Tries a page again, or ends it, on which something went wrong outside of the fetch. */
  fail(lease: Lease, error: unknown): Promise<Committed> {
    const { code, message } = toCrawlcastError(error);
    return this.#failOrRetry(lease, { kind: 'error', code, message, bytes: 0, items: [], links: [] });
  }

  /** The pipeline has let go of the page, however it ended: unfinished, its URL goes back to the frontier. */
  leave(lease: Lease): void {
    this.#detours.forget(lease);
    this.#scheduler.park(lease);
  }

  /** Skips what is still queued when the crawl may fetch no more pages, as long as that is wanted. */
  skipRest(isWanted: () => boolean): Promise<void> {
    const skip = (lease: Lease) => {
      const events = lease.again === true ? [] : [this.#gate.skipped(lease.url, 'budget')];
      return this.#commit({ lease, release: true, events });
    };
    return endRest(this.#context.store.openFrontier(this.#id), skip, isWanted);
  }

  /** Gives out no more leases; those that are out go back. */
  stop(): void {
    this.#scheduler.close();
    this.#context.pool.forgetSpider(this.#id);
  }

  /** The steps of the start URLs, for the step that creates the crawl. */
  static start(context: CrawlContext, record: CrawlRecord, spider: Spider): Sorted {
    const publicOnly = isPublicOnly(context, record);
    return new Gate({ crawl: record.id, spider, publicOnly }).start(record.start);
  }

  #pagesLeft(): () => number {
    const { maxPages } = this.settings;
    if (maxPages === undefined) return () => Number.POSITIVE_INFINITY;
    return () => maxPages - (this.#context.store.progress(this.#id)?.stats.pages ?? 0);
  }

  /** Items become events, links become offers or are skipped; `last` comes behind them. */
  #harvest(lease: Lease, { items, links }: Found, ...last: NewEvent[]): Omit<Step, 'crawl'> {
    const { events, offers } = this.#gate.follow(links, lease);
    return { lease, events: lease.again === true ? events : [...items, ...events, ...last], offers };
  }

  /** The page is as it was when an earlier crawl fetched it: it gives what it gave then. */
  async #unchanged(lease: Lease, update: End): Promise<Committed> {
    const given = this.#validators.yieldOf(lease);
    if (given !== undefined) {
      const counts = { itemCount: given.items.length, linkCount: given.links.length };
      return this.#end(lease, { ...update, ...given, ...counts }, { notModified: true });
    }
    // What it gave has left the log just now: it has to be fetched after all.
    return unfinished;
  }

  async #end(lease: Lease, update: End, more: { notModified?: true } = {}): Promise<Committed> {
    const { head, bytes, ms, itemCount, linkCount } = update;
    const url = printableUrl(lease.url);
    const page = newEvent(this.#id, 'page', url, {
      url,
      status: head.status,
      depth: lease.depth,
      bytes,
      ms,
      items: itemCount,
      links: linkCount,
      ...more,
    });
    const committed = await this.#commit({ release: true, bytes, ...this.#harvest(lease, update, page) });
    this.#remember(lease, update, committed);
    this.#done(lease);
    return committed;
  }

  /** Only now are the offsets of its items known. Nobody waits for it: a page that is not remembered is fetched again. */
  #remember(lease: Lease, update: End, committed: Committed): void {
    const change = this.#validators.changeFor(lease, update, committed);
    if (change !== undefined) this.#commit({ documents: [change] }).catch(() => {});
  }

  /** A redirect is a link that nobody needs to click: it goes through the gate and the frontier like any other. */
  async #redirect(lease: Lease, { location }: Redirect): Promise<Committed> {
    const via = this.#detours.through(lease);
    if (via.length > this.settings.redirects) {
      const message = `${printableUrl(lease.url)} is the end of more than ${this.settings.redirects} redirects in a row`;
      return this.#giveUp(lease, { code: 'redirect.too_many', message });
    }
    const admission = this.#gate.redirect(location, lease);
    if ('skip' in admission) return this.#pass(lease, { events: [this.#gate.skipped(admission.url, admission.skip)] });
    const offer = leadOn(admission.offer, via, this.#session.optionsFor(admission.offer.url));
    if (offer !== undefined) return this.#pass(lease, { offers: [offer] });
    const message = `${printableUrl(lease.url)} leads back to ${printableUrl(location)}`;
    return this.#giveUp(lease, { code: 'redirect.loop', message });
  }

  /** Ends a page that gives nothing itself. */
  async #pass(lease: Lease, found: Pick<Step, 'events' | 'offers'>): Promise<Committed> {
    const committed = await this.#commit({ lease, release: true, ...found });
    this.#done(lease);
    return committed;
  }

  /** The page has ended, and its last step is committed: what was remembered of it is let go of. */
  #done(lease: Lease): void {
    this.#attempts.delete(lease.fingerprint);
    this.#validators.forget(lease);
    this.#scheduler.done(lease);
  }

  #attemptsAt(lease: Lease): number {
    return this.#attempts.get(lease.fingerprint) ?? 0;
  }

  #tryAgain(lease: Lease, delayMs: number): void {
    this.#attempts.set(lease.fingerprint, this.#attemptsAt(lease) + 1);
    this.#scheduler.retry(lease, delayMs);
  }

  async #failOrRetry(lease: Lease, failure: Failure): Promise<Committed> {
    const { head, code } = failure;
    if (head !== undefined) this.#session.take(lease.url, head);
    const retryAfterMs = parseRetryAfter(head?.headers['retry-after']?.[0]);
    const attempt = this.#attemptsAt(lease) + 1;
    // Who says that it is too much is left alone as a host, not only for this page.
    if (retryAfterMs !== undefined || code === 'http.429') {
      this.#context.politeness.hold(lease.host, retryAfterMs ?? backoffMs(attempt));
    }
    if (errorFacts(code).retryable !== true || attempt > this.settings.retries) return this.#giveUp(lease, failure);
    const committed = await this.#commit(this.#harvest(lease, failure));
    this.#tryAgain(lease, Math.max(backoffMs(attempt), retryAfterMs ?? 0));
    return committed;
  }

  async #giveUp(lease: Lease, { code, message, bytes = 0, items = [], links = [] }: GivenUp): Promise<Committed> {
    const url = printableUrl(lease.url);
    const attempts = this.#attemptsAt(lease) + 1;
    const failed = newEvent(this.#id, 'page.failed', url, { url, error: code, message, attempts });
    const committed = await this.#commit({ release: true, bytes, ...this.#harvest(lease, { items, links }, failed) });
    this.#done(lease);
    return committed;
  }

  #commit(step: Omit<Step, 'crawl'>): Promise<Committed> {
    const { store } = this.#context;
    const ownDocuments = this.#session.takeChanges();
    const own: Step = { crawl: this.#id, isBounded: this.settings.maxDepth !== undefined, ...step };
    return store.commit(ownDocuments.length === 0 ? own : { ...own, ownDocuments });
  }
}
