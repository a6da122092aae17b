/** The threads that fetch and extract, as one function from a page to a stream of what becomes of it. */
import { Worker } from 'node:worker_threads';
import { Observable } from 'rxjs';
import { isShortage } from '../descriptors.js';
import { Roster } from '../roster.js';
import type { Fetcher, Network } from './fetcher.js';
import { MainShare } from './main-share.js';
import type { FromWorker, Job, PageUpdate, SpiderSource, WorkerOptions } from './messages.js';
import { flush, type Place, tell, type Underway } from './place.js';

/** Threads that work on pages. */
export interface Pool {
  /**
   * Fetches and extracts one page; unsubscribing aborts the request. The last update tells how it ended; failures are
   * updates as well, the stream itself has no errors.
   */
  visit(job: Job): Observable<PageUpdate>;
  /** A batch that came out of `visit` has been taken care of; until then its page sends only a few more. */
  taken(update: PageUpdate): void;
  /** Has to come before a crawl's first `visit`. */
  addSpider(crawl: string, spider: SpiderSource): void;
  forgetSpider(crawl: string): void;
  /** Told of each update with items how long the last one's extraction took, in milliseconds. */
  onExtracted: (ms: number) => void;
  close(): Promise<void>;
}

type Failure = Extract<PageUpdate, { kind: 'error' }>;

interface Thread extends Place {
  worker: Worker | undefined;
  /** Whether it has ever given a sign of life. */
  hasLived: boolean;
  /** When it last gave a sign of life; `performance.now()`. */
  lastSignMs: number;
  /** Whether it was silent for too long when it was looked at last. */
  isSuspect: boolean;
}

/** How threads work. */
export interface PoolOptions {
  /**
   * A thread without a sign of life for so long is stuck, in a pattern that backtracks without end or in a spider's own
   * code. Default 30 s.
   */
  readonly maxSilenceMs?: number;
  /** Default: the system's own. */
  readonly network?: Network;
  /**
   * With it and one thread, the main thread does some of the work: on a machine with two cores, half of the second would have nothing to do.
   */
  readonly fetcher?: Fetcher;
}

/** Before another one takes the place of a thread that could not even begin: there may be no file descriptors left. */
const restartMs = 1_000;

/**
 * A collection of the young generation costs by what is alive in it, which is what the pages under way hold: with 8 MB there
 * are twice as many collections, with 48 MB half as many, for 30 MB more in each thread.
 */
const maxYoungGenerationSizeMb = 16;

/**
 * Starts the threads.
 * @param size how many
 */
export function createPool(size: number, { maxSilenceMs = 30_000, network, fetcher }: PoolOptions = {}): Pool {
  const spiders = new Map<string, SpiderSource>();
  const origins = new WeakMap<PageUpdate, () => void>();
  const threads = new Set<Thread>();
  const share = size === 1 && fetcher !== undefined ? new MainShare(fetcher, receive) : undefined;
  let lastId = 0;
  let closed = false;

  for (let i = 0; i < size; i++) threads.add(startThread());
  const watch = setInterval(endStuckThreads, maxSilenceMs / 6).unref();

  function startThread(afterMs = 0): Thread {
    const waiting = Array.from(spiders, ([crawl, spider]) => ({ kind: 'spider', crawl, spider }) as const);
    const thread: Thread = {
      worker: undefined,
      waiting,
      pages: new Roster(),
      hasLived: false,
      lastSignMs: 0,
      isSuspect: false,
    };
    if (afterMs === 0) begin(thread);
    else setTimeout(() => begin(thread), afterMs).unref();
    return thread;
  }

  function begin(thread: Thread): void {
    if (closed) return;
    try {
      thread.worker = startWorker(thread);
    } catch (error) {
      setImmediate(() => replace(thread, error instanceof Error ? error : new Error('no thread can be started')));
      return;
    }
    thread.lastSignMs = performance.now();
    flush(thread);
  }

  function startWorker(thread: Thread): Worker {
    const workerData: WorkerOptions = { signMs: maxSilenceMs / 6, ...(network && { network: network.module }) };
    const options = { stdout: true, workerData, resourceLimits: { maxYoungGenerationSizeMb } };
    const worker = new Worker(new URL('./worker.js', import.meta.url), options);
    // Standard output is for items; what a spider's code prints is for whoever watches.
    worker.stdout.on('data', (text: Buffer) => process.stderr.write(text));
    worker.on('message', (updates: FromWorker) => {
      thread.hasLived = true;
      thread.lastSignMs = performance.now();
      receive(thread, updates);
    });
    worker.on('error', (error) => replace(thread, error));
    worker.on('exit', () => replace(thread, new Error('the thread ended')));
    return worker;
  }

  function receive(place: Place, updates: FromWorker): void {
    for (const [id, update] of updates) {
      const page = place.pages.get(id);
      if (page === undefined) continue;
      if (update.kind === 'code') page.inCode = true;
      else if (place === share?.place && share.isTooMuch(update)) leave(page, update);
      else page.give(update);
    }
  }

  /** The main thread leaves the page, and the next ones of its crawl, to the others. */
  function leave(page: Underway, { head, latencyMs }: Failure): void {
    share?.forgetSpider(page.job.crawl);
    page.give({ kind: 'again', ...(latencyMs !== undefined && { latencyMs }), ...(head && { head }) });
  }

  /**
   * What a thread was working on when it died is tried again by another. Where a spider's own code was running, the code
   * is to blame: its pages have failed, and the others only begin anew.
   */
  function replace(thread: Thread, error: Error): void {
    if (!threads.delete(thread) || closed) return;
    threads.add(startThread(thread.hasLived ? 0 : restartMs));
    const update = {
      kind: 'error',
      code: 'worker.failed',
      message: error.message,
      bytes: 0,
      items: [],
      links: [],
    } as const;
    const pages = thread.pages.values();
    const isCodeToBlame = pages.some(({ inCode }) => inCode);
    // It never worked on them.
    const isInnocent = !thread.hasLived && isShortage(error);
    for (const page of pages) {
      if (isInnocent || (isCodeToBlame && !page.inCode)) sendAgain(page);
      else page.give(update);
    }
  }

  function endStuckThreads(): void {
    for (const thread of threads) {
      const isSilent = performance.now() - thread.lastSignMs > maxSilenceMs;
      // Looked at twice: if the whole process stood still, its sign is on the way. Its exit replaces it.
      if (isSilent && thread.isSuspect) void thread.worker?.terminate();
      thread.isSuspect = isSilent;
    }
  }

  function send(page: Underway): void {
    page.place.pages.set(page.id, page);
    tell(page.place, { kind: 'fetch', id: page.id, job: page.job });
  }

  /** Who had it before may have told some of it. */
  function sendAgain(page: Underway): void {
    page.place = idlest();
    page.job = { ...page.job, begun: true };
    send(page);
  }

  function idlest(): Thread {
    let best: Thread | undefined;
    for (const thread of threads) if (best === undefined || thread.pages.size < best.pages.size) best = thread;
    if (best === undefined) throw new Error('the pool is closed');
    return best;
  }

  function placeFor(job: Job): Place {
    const thread = idlest();
    return share?.takes(job) && share.place.pages.size <= thread.pages.size ? share.place : thread;
  }

  const pool: Pool = {
    onExtracted: () => {},
    visit: (job) =>
      new Observable((subscriber) => {
        const id = ++lastId;
        const give = (update: PageUpdate) => {
          const { place } = page;
          if ('extractionMs' in update && update.extractionMs !== undefined) pool.onExtracted(update.extractionMs);
          if (update.kind === 'batch') {
            origins.set(update, () => tell(place, { kind: 'taken', id }));
            subscriber.next(update);
            return;
          }
          place.pages.delete(id);
          if (update.kind === 'end') share?.seen(job.crawl, update.bytes);
          subscriber.next(update);
          subscriber.complete();
        };
        const page: Underway = { id, job, place: placeFor(job), inCode: false, give };
        send(page);
        return () => {
          if (page.place.pages.delete(id)) tell(page.place, { kind: 'abort', id });
        };
      }),
    taken: (update) => origins.get(update)?.(),
    addSpider(crawl, spider) {
      spiders.set(crawl, spider);
      share?.addSpider(crawl, spider);
      for (const thread of threads) tell(thread, { kind: 'spider', crawl, spider });
    },
    forgetSpider(crawl) {
      spiders.delete(crawl);
      if (spiders.size === 0) fetcher?.rest();
      share?.forgetSpider(crawl);
      for (const thread of threads) tell(thread, { kind: 'forget', crawl });
    },
    async close() {
      closed = true;
      clearInterval(watch);
      await Promise.all(Array.from(threads, ({ worker }) => worker?.terminate()));
      threads.clear();
    },
  };
  return pool;
}
