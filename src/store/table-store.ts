/** A store over one ordered table: steps wait in a queue, and those that wait together share one transaction. */
import { randomBytes } from 'node:crypto';
import { CrawlcastError, toCrawlcastError } from '../errors.js';
import { applyStep, type Outcome } from './apply.js';
import { Chores } from './chores.js';
import { cutChunks } from './chunk.js';
import { Crawls } from './crawls.js';
import { Draft } from './draft.js';
import { keys } from './keys.js';
import { TableLog } from './log.js';
import { allRows, decodeJson } from './state.js';
import type { Committed, CrawlProgress, CrawlRecord, Frontier, Retention, Step, Store } from './store.js';
import type { Tables } from './tables.js';

/** How a store is opened. */
export interface StoreOptions {
  /** Default: everything is kept. */
  readonly retention?: Retention;
}

/** What shares one transaction is bounded, so that the last of a long queue is not kept waiting for the first. */
const groupLimits = { events: 2000, offers: 4000, bytes: 1_048_576 } as const;

/** Between two rounds of chores that no step waits for. */
const restMs = 5;

interface Waiting {
  readonly step: Step;
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: CrawlcastError) => void;
}

interface Applied {
  readonly waiting: Waiting;
  readonly outcome: Outcome;
}

/** Goes on with what the table holds; an empty one becomes a new log. */
export async function openTableStore(tables: Tables, options: StoreOptions = {}): Promise<Store> {
  const known = tables.get(keys.epoch)?.toString();
  const epoch = known ?? randomBytes(4).toString('hex');
  if (known === undefined) await tables.write(new Map([[keys.epoch, Buffer.from(epoch)]]));
  return new TableStore(tables, epoch, options.retention ?? {});
}

class TableStore implements Store {
  readonly log: TableLog;
  failure: CrawlcastError | undefined;
  readonly #crawls: Crawls;
  readonly #chores: Chores;
  readonly #queue: Waiting[] = [];
  readonly #timer: NodeJS.Timeout | undefined;
  #resting: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #hasChores = true;
  #closed = false;

  constructor(
    private readonly tables: Tables,
    epoch: string,
    retention: Retention,
  ) {
    this.log = new TableLog(tables, epoch);
    this.#crawls = new Crawls(tables);
    this.#chores = new Chores(tables, this.log, retention, this.#crawls.seens);
    const { intervalMs } = this.#chores;
    if (intervalMs !== undefined) this.#timer = setInterval(() => this.#wake(), intervalMs).unref();
    this.#wake();
  }

  commit(step: Step): Promise<Committed> {
    if (this.#closed) return Promise.reject(new CrawlcastError('service.stopping', 'The store has been closed.'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ step, resolve, reject });
      this.#wake();
    });
  }

  crawls(): readonly CrawlRecord[] {
    return this.#crawls.records();
  }

  crawl(id: string): CrawlRecord | undefined {
    return this.#crawls.crawls.get(id)?.record;
  }

  progress(id: string): CrawlProgress | undefined {
    return this.#crawls.progress(id);
  }

  openFrontier(crawl: string): Frontier {
    return this.#crawls.openFrontier(crawl);
  }

  document(collection: string, key: string): unknown {
    const row = this.tables.get(keys.document(collection, key));
    return row && decodeJson<{ value: unknown }>(row).value;
  }

  *documents(collection: string): Iterable<{ key: string; value: unknown }> {
    for (const [, row] of allRows(this.tables, keys.collection(collection))) yield decodeJson(row);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#resting);
    await this.#running;
    await this.tables.close();
  }

  #wake(): void {
    this.#hasChores = true;
    this.#running ??= this.#run();
  }

  /** Chores alone take their time: a step that comes meanwhile finds the disk free. */
  #rest(): void {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#wake(), restMs).unref();
  }

  async #run(): Promise<void> {
    // Steps that are handed in during the same turn share a transaction from the first one on.
    await Promise.resolve();
    while (this.#queue.length > 0 || (this.#hasChores && !this.#closed)) await this.#commitGroup();
    this.#running = undefined;
  }

  async #commitGroup(): Promise<void> {
    const { draft, applied } = this.#applyWaiting();
    draft.settle();
    const { epoch, last, time, position } = this.log;
    const place = { offset: last + 1, time: Math.max(time, Date.now()), position };
    const chunks = cutChunks(epoch, place, draft.events);
    for (const { chunk, value } of chunks) draft.put(keys.chunk(chunk.offset), value);
    try {
      const round = this.#chores.plan(draft.newMarks);
      for (const [key, value] of round.changes) if (!draft.changes.has(key)) draft.changes.set(key, value);
      await this.#write(draft);
      this.log.first = round.first;
      round.done();
      this.#hasChores = applied.length > 0;
      if (round.more && applied.length === 0) this.#rest();
    } catch (thrown) {
      this.#crawls.forget(draft);
      this.#chores.forget();
      this.#hasChores = false;
      const error = toCrawlcastError(thrown, 'store.failed');
      this.failure = error;
      for (const { waiting } of applied) waiting.reject(error);
      return;
    }
    if (draft.changes.size > 0) this.failure = undefined;
    const events = chunks.flatMap(({ chunk }) => chunk.events);
    this.#crawls.publish(draft);
    this.log.publish(chunks.map(({ chunk }) => chunk));
    for (const { waiting, outcome } of applied) {
      waiting.resolve({ events: events.slice(outcome.from, outcome.to), queued: outcome.queued });
    }
  }

  async #write({ changes }: Draft): Promise<void> {
    if (changes.size === 0) return;
    this.#crawls.isWriting = true;
    try {
      await this.tables.write(changes);
    } finally {
      this.#crawls.isWriting = false;
    }
  }

  /** Takes steps from the queue, as many as may share a transaction. */
  #applyWaiting(): { draft: Draft; applied: Applied[] } {
    const draft = new Draft(this.#crawls);
    const applied: Applied[] = [];
    let bytes = 0;
    let offers = 0;
    while (draft.events.length < groupLimits.events && offers < groupLimits.offers && bytes < groupLimits.bytes) {
      const waiting = this.#queue.shift();
      if (waiting === undefined) break;
      try {
        applied.push({ waiting, outcome: applyStep(draft, waiting.step, this.log.last + 1) });
      } catch (thrown) {
        // The draft holds half of that step: the others begin again without it.
        waiting.reject(toCrawlcastError(thrown, 'store.failed'));
        this.#crawls.forget(draft);
        this.#queue.unshift(...applied.map((done) => done.waiting));
        return this.#applyWaiting();
      }
      offers += waiting.step.offers?.length ?? 0;
      for (const { tail } of waiting.step.events ?? []) bytes += tail.length;
    }
    return { draft, applied };
  }
}
