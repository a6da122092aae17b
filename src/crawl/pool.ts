/** The threads that fetch and extract, as one function from a page to a stream of what becomes of it. */
import { Worker } from 'node:worker_threads';
import { Observable } from 'rxjs';
import type { FromWorker, Job, PageUpdate, SpiderSource, ToWorker } from './messages.js';

/** Threads that work on pages. */
export interface Pool {
  /**
   * Fetches and extracts one page; unsubscribing aborts the request. The last update tells how it ended; failures are
   * updates as well, the stream itself has no errors.
   */
  visit(job: Omit<Job, 'id'>): Observable<PageUpdate>;
  /** A batch that came out of `visit` has been taken care of; until then its page sends only a few more. */
  taken(update: PageUpdate): void;
  /** Has to come before a crawl's first `visit`. */
  addSpider(crawl: string, spider: SpiderSource): void;
  forgetSpider(crawl: string): void;
  close(): Promise<void>;
}

interface Thread {
  readonly worker: Worker;
  readonly pages: Map<number, (update: PageUpdate) => void>;
  /** When it last gave a sign of life; `performance.now()`. */
  lastSignMs: number;
}

/** A thread without a sign of life for so long is stuck, in a pattern that backtracks without end for example. */
const maxSilenceMs = 30_000;

/**
 * Starts the threads.
 * @param size how many
 */
export function createPool(size: number): Pool {
  const spiders = new Map<string, SpiderSource>();
  const origins = new WeakMap<PageUpdate, () => void>();
  const threads = new Set<Thread>();
  let lastId = 0;
  let closed = false;

  for (let i = 0; i < size; i++) threads.add(startThread());
  const watch = setInterval(endStuckThreads, maxSilenceMs / 6).unref();

  function startThread(): Thread {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { stderr: false });
    const thread: Thread = { worker, pages: new Map(), lastSignMs: performance.now() };
    for (const [crawl, spider] of spiders) tell(thread, { kind: 'spider', crawl, spider });
    worker.on('message', (updates: FromWorker) => {
      thread.lastSignMs = performance.now();
      for (const [id, update] of updates) thread.pages.get(id)?.(update);
    });
    worker.on('error', (error) => replace(thread, error));
    worker.on('exit', () => replace(thread, new Error('the thread ended')));
    return thread;
  }

  /** What a thread was working on when it died is tried again by another. */
  function replace(thread: Thread, error: Error): void {
    if (!threads.delete(thread) || closed) return;
    threads.add(startThread());
    const update = {
      kind: 'error',
      code: 'worker.failed',
      message: error.message,
      bytes: 0,
      items: [],
      links: [],
    } as const;
    for (const page of [...thread.pages.values()]) page(update);
  }

  function endStuckThreads(): void {
    for (const { worker, lastSignMs } of threads) {
      // Its exit replaces it.
      if (performance.now() - lastSignMs > maxSilenceMs) void worker.terminate();
    }
  }

  function idlest(): Thread {
    let best: Thread | undefined;
    for (const thread of threads) if (best === undefined || thread.pages.size < best.pages.size) best = thread;
    if (best === undefined) throw new Error('the pool is closed');
    return best;
  }

  return {
    visit: (job) =>
      new Observable((subscriber) => {
        const thread = idlest();
        const id = ++lastId;
        thread.pages.set(id, (update) => {
          if (update.kind === 'batch') {
            origins.set(update, () => tell(thread, { kind: 'taken', id }));
            subscriber.next(update);
            return;
          }
          thread.pages.delete(id);
          subscriber.next(update);
          subscriber.complete();
        });
        tell(thread, { kind: 'fetch', job: { ...job, id } });
        return () => {
          if (thread.pages.delete(id)) tell(thread, { kind: 'abort', id });
        };
      }),
    taken: (update) => origins.get(update)?.(),
    addSpider(crawl, spider) {
      spiders.set(crawl, spider);
      for (const thread of threads) tell(thread, { kind: 'spider', crawl, spider });
    },
    forgetSpider(crawl) {
      spiders.delete(crawl);
      for (const thread of threads) tell(thread, { kind: 'forget', crawl });
    },
    async close() {
      closed = true;
      clearInterval(watch);
      await Promise.all(Array.from(threads, ({ worker }) => worker.terminate()));
      threads.clear();
    },
  };
}

function tell({ worker }: Thread, message: ToWorker): void {
  worker.postMessage(message);
}
