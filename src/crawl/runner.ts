/** Starts crawls, ends them, and takes up after a restart what was running before it. */
import { existsSync } from 'node:fs';
import type { Subscription } from 'rxjs';
import { CrawlcastError, toCrawlcastError } from '../errors.js';
import type { CrawlSnapshot, CrawlState } from '../events.js';
import type { CrawlRecord } from '../store/store.js';
import { printableUrl } from '../url.js';
import { type CrawlContext, isPublicOnly } from './context.js';
import { crawl } from './crawl.js';
import { allowed, type Ending, ended, isUnderWay, noStats, reasonAt } from './endings.js';
import { newEvent } from './events.js';
import { watchOwners } from './owners.js';
import { tryToWrite } from './probe.js';
import { CrawlRun } from './run.js';
import { publicSettings } from './secrets.js';
import type { Spider } from './spider.js';
import { prepare, refuseProxy, type StartRequest } from './start.js';

/** The crawls of this process. */
export interface Runner {
  /**
   * Starts a crawl; resolves when that is durable.
   * @throws CrawlcastError `spider.invalid`; `crawl.state` where `onlyIf` was false
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
  const endings: (() => void)[] = [];
  /** Crawls whose module is not there, and of which that has been told. */
  const codeless = new Set<string>();
  let stopped = false;

  /** One change of a crawl's state at a time: of a cancel and a natural end, the first decides. */
  function inTurn<Result>(id: string, change: () => Promise<Result>): Promise<Result> {
    const turn = (turns.get(id) ?? Promise.resolve()).then(change, change);
    turns.set(id, turn);
    const forget = () => turns.get(id) === turn && turns.delete(id);
    turn.then(forget, forget);
    return turn;
  }

  /** Where several processes share the store, each crawl is run by one of them. */
  function isOurs({ state, owner }: CrawlRecord): boolean {
    return state === 'running' && owner === store.peers?.self;
  }

  function known(id: string): CrawlRecord {
    const record = store.crawl(id);
    if (record === undefined) throw new CrawlcastError('crawl.unknown', `there is no crawl "${id.slice(0, 100)}"`);
    return record;
  }

  function go(id: string): void {
    const record = known(id);
    if (stopped || live.has(id) || !isOurs(record)) return;
    const spider = spiderOf(record);
    // Without its code every page that is left would fail. The folder may not be there yet.
    if (spider.module !== undefined && !existsSync(spider.module)) {
      awaitModule(id, spider.module);
      return;
    }
    codeless.delete(id);
    const run = new CrawlRun(context, record, spider);
    // The one subscription of the service: all else is pipeline.
    const subscription = crawl(run).subscribe({
      error: (error) => breakOff(id, toCrawlcastError(error)),
      complete: () => void inTurn(id, () => finish(id)).catch((error) => rest(id, toCrawlcastError(error))),
    });
    live.set(id, { run, subscription });
  }

  /** Told once, however often it is looked for. */
  function awaitModule(id: string, file: string): void {
    const error = new CrawlcastError('spider.unknown', `${file} is not there: its crawl goes on when it is`);
    if (!codeless.has(id)) options.onError?.(error, id);
    codeless.add(id);
    wakeLater(id);
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
    halt(id);
    // What another process has changed is no trouble: whose it is now goes on with it.
    if (isOurs(known(id)) && error.code !== 'store.fenced') options.onError?.(error, id);
    if (!stopped) wakeLater(id);
  }

  function wakeLater(id: string): void {
    resting.set(id, setTimeout(() => void wake(id), restMs).unref());
  }

  /** No site is asked for what cannot be written down. */
  async function wake(id: string): Promise<void> {
    const timer = resting.get(id);
    const error = store.failure && (await tryToWrite(store));
    // Somebody has decided otherwise meanwhile.
    if (resting.get(id) !== timer) return;
    if (error !== undefined) return rest(id, error);
    resting.delete(id);
    go(id);
  }

  async function finish(id: string): Promise<void> {
    await close(id, async (run) => {
      await run.skipRest(() => !stopped);
      const { counts, lastFailedOffset = 0 } = store.progress(id) ?? {};
      return counts?.page ? { state: 'finished' } : { state: 'failed', error: reasonAt(store.log, lastFailedOffset) };
    });
  }

  async function close(id: string, ending: (run: CrawlRun) => Ending | Promise<Ending>): Promise<void> {
    const run = live.get(id)?.run;
    if (run === undefined || known(id).state !== 'running') return;
    halt(id);
    const last = await ending(run);
    // What is left of its end comes with the next start.
    if (!stopped) await end(id, last, isOurs);
  }

  /** The last figures are those that stand when the last event is written, whatever was still on its way. */
  async function end(id: string, ending: Ending, may: (record: CrawlRecord) => boolean): Promise<void> {
    codeless.delete(id);
    await store.commit({
      crawl: id,
      decide: ({ record, progress }) => ended(id, allowed(record, may, ending.state), progress, ending),
      dropFrontier: true,
    });
  }

  /** From one state to the other, unless another process was first. */
  async function change(id: string, from: CrawlState, to: 'paused' | 'running'): Promise<void> {
    const verb = to === 'paused' ? 'paused' : 'resumed';
    await store.commit({
      crawl: id,
      decide({ record, progress: { stats } }) {
        const before = allowed(record, ({ state }) => state === from, verb);
        const owner = store.peers === undefined ? {} : { owner: store.peers.self };
        const event = newEvent(id, `crawl.${verb}`, undefined, { stats });
        return { record: { ...before, state: to, ...owner }, events: [event] };
      },
    });
  }

  /** A wish that is not granted leaves the crawl as it was. */
  async function tryTo(id: string, wish: () => Promise<void>): Promise<CrawlSnapshot> {
    try {
      await wish();
    } finally {
      go(id);
    }
    return snapshotOf(known(id));
  }

  function snapshotOf(record: CrawlRecord): CrawlSnapshot {
    const { id } = record;
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

  return {
    async start(request) {
      const { spider, record } = prepare(request);
      if (isPublicOnly(context, record)) refuseProxy(spider);
      const first = CrawlRun.start(context, record, spider);
      const started = newEvent(record.id, 'crawl.started', undefined, {
        spider: record.spider,
        start: record.start.map(printableUrl),
        settings: publicSettings(spider.settings),
      });
      const owned = store.peers === undefined ? record : { ...record, owner: store.peers.self };
      await store.commit({
        crawl: record.id,
        record: owned,
        ...first,
        events: [started, ...first.events],
        decide() {
          if (request.onlyIf?.() !== false) return {};
          throw new CrawlcastError('crawl.state', 'another crawl was started first');
        },
      });
      go(record.id);
      return snapshotOf(known(record.id));
    },
    pause: (id) =>
      inTurn(id, async () => {
        allowed(known(id), ({ state }) => state === 'running', 'paused');
        halt(id);
        return tryTo(id, () => change(id, 'running', 'paused'));
      }),
    resume: (id) =>
      inTurn(id, async () => {
        allowed(known(id), ({ state }) => state === 'paused', 'resumed');
        return tryTo(id, () => change(id, 'paused', 'running'));
      }),
    cancel: (id) =>
      inTurn(id, async () => {
        allowed(known(id), isUnderWay, 'cancelled');
        halt(id);
        return tryTo(id, () => end(id, { state: 'cancelled' }, isUnderWay));
      }),
    takeUp() {
      for (const { id } of store.crawls()) go(id);
      if (store.peers === undefined) return;
      const isIdle = (id: string) => !resting.has(id) && !turns.has(id);
      const take = (id: string) => isIdle(id) && go(id);
      const recall = () => [...live.keys()].filter((id) => !isOurs(known(id))).forEach(halt);
      endings.push(store.log.onAppend(recall), watchOwners({ store, peers: store.peers, take, recall }));
    },
    snapshot(id) {
      const record = store.crawl(id);
      return record && snapshotOf(record);
    },
    async stop() {
      stopped = true;
      for (const end of endings) end();
      for (const id of [...live.keys(), ...resting.keys()]) halt(id);
      await Promise.allSettled(turns.values());
    },
  };
}

/** The spider of a stored crawl. */
function spiderOf(record: CrawlRecord): Spider {
  // Checked when the crawl was started, and written by nobody but `prepare`.
  return record.definition as Spider;
}
