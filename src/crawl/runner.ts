/** Starts crawls, ends them, and takes up after a restart what was running before it. */
import type { Subscription } from 'rxjs';
import { ulid } from 'ulid';
import { CrawlcastError, toCrawlcastError } from '../errors.js';
import type { CrawlEnd, CrawlSnapshot, CrawlState, CrawlStats } from '../events.js';
import type { CrawlRecord, NewEvent, Step } from '../store/store.js';
import { printableUrl } from '../url.js';
import type { CrawlContext } from './context.js';
import { crawl } from './crawl.js';
import { newEvent } from './events.js';
import { CrawlRun } from './run.js';
import { publicSettings } from './secrets.js';
import { cookieCollection } from './session.js';
import { overrideSettings, parseStart, type Spider } from './spider.js';

/** What a crawl is started with. */
export interface StartRequest {
  readonly spider: Spider;
  /** Replaces the spider's start URLs. */
  readonly start?: unknown;
  /** Overrides some of the spider's settings. */
  readonly settings?: unknown;
  /** Where the spider comes from: one that came in over HTTP may not enter private networks. */
  readonly origin: 'local' | 'http';
}

/** The crawls of this process. */
export interface Runner {
  /**
   * Starts a crawl; resolves when that is durable.
   * @throws CrawlcastError `spider.invalid`
   */
  start(request: StartRequest): Promise<CrawlSnapshot>;
  /** @throws CrawlcastError `crawl.unknown`, `crawl.state` */
  pause(id: string): Promise<CrawlSnapshot>;
  /** @throws CrawlcastError `crawl.unknown`, `crawl.state` */
  resume(id: string): Promise<CrawlSnapshot>;
  /** @throws CrawlcastError `crawl.unknown`, `crawl.state` */
  cancel(id: string): Promise<CrawlSnapshot>;
  /** Goes on with every crawl that was running when the process ended. */
  takeUp(): void;
  snapshot(id: string): CrawlSnapshot | undefined;
  /** Parks what is in flight; the crawls stay as they are, for the next start. */
  stop(): Promise<void>;
}

/** What is told to whoever keeps the service's own log. */
export interface RunnerOptions {
  readonly onError?: (error: CrawlcastError, crawl: string) => void;
}

interface Live {
  readonly run: CrawlRun;
  readonly subscription: Subscription;
}

/** How long a crawl rests when the log could not be written, before it is tried again. */
const restMs = 2_000;

/** Makes a runner; nothing runs before `start` or `takeUp`. */
export function createRunner(context: CrawlContext, options: RunnerOptions = {}): Runner {
  const { store } = context;
  const live = new Map<string, Live>();
  const resting = new Map<string, NodeJS.Timeout>();
  const turns = new Map<string, Promise<unknown>>();
  let stopped = false;

  /** One change of a crawl's state at a time: of a cancel and a natural end, the first decides. */
  function inTurn<Result>(id: string, change: () => Promise<Result>): Promise<Result> {
    const turn = (turns.get(id) ?? Promise.resolve()).then(change, change);
    turns.set(id, turn);
    const forget = () => turns.get(id) === turn && turns.delete(id);
    turn.then(forget, forget);
    return turn;
  }

  function known(id: string): CrawlRecord {
    const record = store.crawl(id);
    if (record === undefined) throw new CrawlcastError('crawl.unknown', `there is no crawl "${id.slice(0, 100)}"`);
    return record;
  }

  function inState(id: string, states: readonly CrawlState[], wish: string): CrawlRecord {
    const record = known(id);
    if (states.includes(record.state)) return record;
    throw new CrawlcastError('crawl.state', `the crawl is ${record.state}: it cannot be ${wish}`);
  }

  function go(id: string): void {
    if (stopped || live.has(id)) return;
    const record = known(id);
    const run = new CrawlRun(context, record, spiderOf(record));
    // The one subscription of the service: all else is pipeline.
    const subscription = crawl(run).subscribe({
      error: (error) => breakOff(id, toCrawlcastError(error)),
      complete: () => void inTurn(id, () => finish(id)).catch((error) => rest(id, toCrawlcastError(error))),
    });
    live.set(id, { run, subscription });
  }

  /** Stops working on a crawl; what was in flight is queued again. Its steps that are on their way still land. */
  function halt(id: string): void {
    clearTimeout(resting.get(id));
    resting.delete(id);
    const { run, subscription } = live.get(id) ?? {};
    live.delete(id);
    subscription?.unsubscribe();
    run?.stop();
  }

  function breakOff(id: string, error: CrawlcastError): void {
    const { code, message } = error;
    const fail = () => close(id, () => ({ state: 'failed', error: { code, message } }));
    if (code !== 'login.failed') rest(id, error);
    else inTurn(id, fail).catch((thrown) => rest(id, toCrawlcastError(thrown)));
  }

  /** The log cannot be written: nothing is lost, the crawl goes on when it can. */
  function rest(id: string, error: CrawlcastError): void {
    options.onError?.(error, id);
    halt(id);
    if (!stopped) resting.set(id, setTimeout(() => go(id), restMs).unref());
  }

  async function finish(id: string): Promise<void> {
    await close(id, async (run) => {
      await run.skipRest();
      const pages = store.progress(id)?.counts.page ?? 0;
      return pages > 0 ? { state: 'finished' } : { state: 'failed', error: run.lastFailure ?? nothingFetched };
    });
  }

  async function close(id: string, ending: (run: CrawlRun) => Ending | Promise<Ending>): Promise<void> {
    const run = live.get(id)?.run;
    if (stopped || run === undefined || known(id).state !== 'running') return;
    halt(id);
    await end(id, await ending(run));
  }

  async function end(id: string, ending: Ending): Promise<void> {
    const { counts = {}, stats = noStats } = store.progress(id) ?? {};
    const last = { stats: { ...stats, queued: 0 }, counts: { ...counts, [`crawl.${ending.state}`]: 1 } };
    await store.commit({
      crawl: id,
      record: { ...known(id), ...ending, finishedAt: new Date().toISOString() },
      events: [lastEvent(id, ending, last)],
      dropFrontier: true,
      documents: [{ collection: cookieCollection, key: id, value: undefined }],
    });
  }

  async function change(id: string, state: CrawlState, event: NewEvent): Promise<void> {
    await store.commit({ crawl: id, record: { ...known(id), state }, events: [event] });
  }

  function snapshot(id: string): CrawlSnapshot | undefined {
    const record = store.crawl(id);
    if (record === undefined) return undefined;
    const { stats = noStats, firstOffset = 0, lastOffset = 0 } = store.progress(id) ?? {};
    const run = live.get(id)?.run;
    return {
      id,
      spider: record.spider,
      state: record.state,
      start: record.start.map(printableUrl),
      startedAt: record.startedAt,
      finishedAt: record.finishedAt ?? null,
      stats: run === undefined ? stats : { ...stats, queued: run.queued, inFlight: run.inFlight },
      firstOffset,
      lastOffset,
    };
  }

  function snapshotOf(id: string): CrawlSnapshot {
    const shot = snapshot(id);
    if (shot === undefined) throw new CrawlcastError('crawl.unknown', `there is no crawl "${id}"`);
    return shot;
  }

  return {
    async start(request) {
      const { spider, record } = prepare(request);
      if (record.origin === 'http' && !context.allowPrivateNetworks) refuseProxy(spider);
      const first = CrawlRun.start(context, record, spider);
      const started = newEvent(record.id, 'crawl.started', undefined, {
        spider: record.spider,
        start: record.start.map(printableUrl),
        settings: record.settings,
      });
      const step: Step = { crawl: record.id, record, ...first, events: [started, ...(first.events ?? [])] };
      await store.commit(step);
      go(record.id);
      return snapshotOf(record.id);
    },
    pause: (id) =>
      inTurn(id, async () => {
        inState(id, ['running'], 'paused');
        halt(id);
        await change(id, 'paused', newEvent(id, 'crawl.paused', undefined, { stats: snapshotOf(id).stats }));
        return snapshotOf(id);
      }),
    resume: (id) =>
      inTurn(id, async () => {
        inState(id, ['paused'], 'resumed');
        await change(id, 'running', newEvent(id, 'crawl.resumed', undefined, { stats: snapshotOf(id).stats }));
        go(id);
        return snapshotOf(id);
      }),
    cancel: (id) =>
      inTurn(id, async () => {
        inState(id, ['running', 'paused'], 'cancelled');
        halt(id);
        await end(id, { state: 'cancelled' });
        return snapshotOf(id);
      }),
    takeUp() {
      for (const { id, state } of store.crawls()) if (state === 'running') go(id);
    },
    snapshot,
    async stop() {
      stopped = true;
      for (const id of [...live.keys(), ...resting.keys()]) halt(id);
      await Promise.allSettled(turns.values());
    },
  };
}

/** How a crawl ends. */
type Ending =
  | { readonly state: 'finished' | 'cancelled' }
  | { readonly state: 'failed'; readonly error: { readonly code: string; readonly message: string } };

function lastEvent(id: string, ending: Ending, last: CrawlEnd): NewEvent {
  if (ending.state !== 'failed') return newEvent(id, `crawl.${ending.state}`, undefined, last);
  const { code, message } = ending.error;
  return newEvent(id, 'crawl.failed', undefined, { ...last, error: code, message });
}

const nothingFetched = {
  code: 'start.skipped',
  message: 'none of the start URLs could be fetched: the events page.skipped and page.failed say why',
};

const noStats: CrawlStats = {
  pages: 0,
  items: 0,
  failed: 0,
  skipped: 0,
  duplicates: 0,
  bytes: 0,
  queued: 0,
  inFlight: 0,
};

/** What a proxy connects to is its own affair, and so nothing that the address guard can answer for. */
function refuseProxy({ settings }: Spider): void {
  if (settings.proxy === undefined) return;
  throw new CrawlcastError(
    'spider.invalid',
    'settings.proxy: a spider that came in over HTTP may use a proxy only where the service allows private networks',
  );
}

function prepare({ spider: given, start, settings, origin }: StartRequest): { spider: Spider; record: CrawlRecord } {
  const spider: Spider = {
    ...given,
    start: start === undefined ? given.start : parseStart(start),
    settings: settings === undefined ? given.settings : overrideSettings(given.settings, settings),
  };
  const record: CrawlRecord = {
    id: ulid(),
    spider: spider.name,
    definition: spider,
    origin,
    start: spider.start,
    settings: publicSettings(spider.settings),
    state: 'running',
    startedAt: new Date().toISOString(),
  };
  return { spider, record };
}

/** The spider of a stored crawl. */
function spiderOf(record: CrawlRecord): Spider {
  // Checked when the crawl was started, and written by nobody but `prepare`.
  return record.definition as Spider;
}
