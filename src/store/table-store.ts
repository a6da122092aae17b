/** A store over one ordered table: steps wait in a queue, and those that wait together share one transaction. */
import { setImmediate as endOfTurn, setTimeout as pause } from 'node:timers/promises';
import { CrawlcastError, toCrawlcastError } from '../errors.js';
import { applyStep, type Outcome } from './apply.js';
import { Chores } from './chores.js';
import { type Chunk, cutChunks } from './chunk.js';
import { Crawls } from './crawls.js';
import { decided } from './decide.js';
import { Done } from './done.js';
import { Draft } from './draft.js';
import { readEpoch } from './epoch.js';
import { keys } from './keys.js';
import { TableLog } from './log.js';
import { allRows, decodeJson } from './state.js';
import type {
  Committed,
  CrawlProgress,
  CrawlRecord,
  Frontier,
  OwnDocument,
  Peers,
  Retention,
  Step,
  Store,
} from './store.js';
import { type Changes, type News, Outrun, type Tables } from './tables.js';

/** How a store is opened. */
export interface StoreOptions {
  /** Default: everything is kept. */
  readonly retention?: Retention;
  /** Who else uses the same store; absent: nobody. */
  readonly peers?: Peers;
}

/** What shares one transaction is bounded, so that the last of a long queue is not kept waiting for the first. */
const groupLimits = { events: 2000, offers: 4000, bytes: 1_048_576 } as const;

/** The wait between two rounds of chores while no step is waiting. */
const restMs = 5;

/** The wait before another try, where what others wrote could not be taken in. */
const troubleMs = 100;

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
  return new TableStore(tables, await readEpoch(tables), options);
}

class TableStore implements Store {
  readonly log: TableLog;
  readonly peers: Peers | undefined;
  readonly #crawls: Crawls;
  readonly #chores: Chores;
  readonly #queue: Waiting[] = [];
  /** Steps that are being written. */
  #underWay: readonly Waiting[] = [];
  readonly #timer: NodeJS.Timeout | undefined;
  #resting: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #failure: CrawlcastError | undefined;
  /** Whether that one is for good. */
  #isBroken = false;
  #hasChores = true;
  #closed = false;

  constructor(
    private readonly tables: Tables,
    epoch: string,
    { retention = {}, peers }: StoreOptions,
  ) {
    this.peers = peers;
    this.log = new TableLog(tables, epoch);
    this.#crawls = new Crawls(tables);
    this.#chores = new Chores(tables, this.log, retention);
    const { intervalMs } = this.#chores;
    if (intervalMs !== undefined) this.#timer = setInterval(() => this.#wake(), intervalMs).unref();
    tables.news?.listen(() => this.#start());
    this.#wake();
  }

  get failure(): CrawlcastError | undefined {
    return this.tables.news?.failure ?? this.#failure;
  }

  async trouble(): Promise<CrawlcastError | undefined> {
    return this.tables.trouble?.();
  }

  get isCommitting(): boolean {
    return this.#queue.length > 0 || this.#underWay.length > 0;
  }

  commit(step: Step): Promise<Committed> {
    if (this.#closed) return Promise.reject(new CrawlcastError('service.stopping', 'The store has been closed.'));
    if (this.#isBroken && this.#failure !== undefined) return Promise.reject(this.#failure);
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

  *ownDocuments(crawl: string): Iterable<OwnDocument> {
    const space = this.#crawls.crawls.get(crawl)?.space;
    if (space === undefined) return;
    for (const [, row] of allRows(this.tables, keys.ownDocuments(space))) yield decodeJson(row);
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
    this.#start();
  }

  #start(): void {
    if (this.#isBroken || (this.#closed && this.#queue.length === 0)) return;
    this.#running ??= this.#run();
  }

  /** Chores pause between two rounds, so that a step that comes meanwhile finds the disk free. */
  #rest(): void {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#wake(), restMs).unref();
  }

  async #run(): Promise<void> {
    // All steps of this turn share the first transaction, and the rest of the turn's work does not wait for it.
    await endOfTurn();
    try {
      while (this.#queue.length > 0 || (!this.#closed && (this.#hasChores || this.tables.news?.isWaiting))) {
        if (this.tables.news?.isWaiting) await this.#takeIn(this.tables.news);
        else await this.#commitGroup();
        this.#underWay = [];
      }
    } catch (thrown) {
      this.#break(thrown);
    }
    this.#running = undefined;
  }

  /** What is in memory may differ from what is on disk: nothing is written any more on top of that. */
  #break(cause: unknown): void {
    this.#isBroken = true;
    const { message } = toCrawlcastError(cause);
    const error = new CrawlcastError('store.failed', `The log is written no more until a restart: ${message}`, {
      cause,
    });
    this.#fail([...this.#underWay, ...this.#queue.splice(0)], error);
    this.#underWay = [];
  }

  /** What others have written comes first: steps are carried out on what is true by then. */
  async #takeIn(news: News): Promise<void> {
    let changes: Changes;
    try {
      changes = await news.take();
    } catch (thrown) {
      this.#fail(this.#queue.splice(0), thrown);
      await pause(troubleMs);
      return;
    }
    this.#crawls.learn(changes);
    this.#chores.dropped();
    this.log.learn(changes);
  }

  #fail(steps: readonly Waiting[], thrown: unknown): void {
    const error = toCrawlcastError(thrown, 'store.failed');
    this.#failure = error;
    for (const { reject } of steps) reject(error);
  }

  async #commitGroup(): Promise<void> {
    const { draft, applied } = this.#applyWaiting();
    this.#underWay = applied.map(({ waiting }) => waiting);
    let chunks: readonly Chunk[];
    try {
      chunks = this.#settle(draft);
      const round = this.#chores.plan(applied.length === 0);
      for (const [key, value] of round.changes) if (!draft.changes.has(key)) draft.changes.set(key, value);
      if (draft.changes.size > 0) await this.tables.write(draft.changes);
      if (draft.isDropping) this.#chores.dropped();
      this.log.first = round.first;
      this.#hasChores = applied.length > 0;
      if (round.more && applied.length === 0) this.#rest();
    } catch (thrown) {
      this.#crawls.forget(draft);
      if (thrown instanceof Outrun) {
        this.#queue.unshift(...this.#underWay);
        return;
      }
      this.#hasChores = false;
      // A store that closes makes no further try: the steps that are still queued fail as well.
      this.#fail(this.#closed ? [...this.#underWay, ...this.#queue.splice(0)] : this.#underWay, thrown);
      return;
    }
    if (draft.changes.size > 0) this.#failure = undefined;
    const batches = chunks.map(({ events }) => events);
    this.#crawls.publish(draft);
    this.log.publish(chunks);
    for (const { waiting, outcome } of applied) waiting.resolve(new Done(batches, outcome));
  }

  /** Adds to a draft what its steps come to in all, and gives the chunks that its events make. */
  #settle(draft: Draft): Chunk[] {
    draft.settle();
    const { epoch, last, time, position } = this.log;
    const place = { offset: last + 1, time: Math.max(time, Date.now()), position };
    const chunks = cutChunks(epoch, place, draft.events);
    for (const { chunk, value } of chunks) draft.put(keys.chunk(chunk.offset), value);
    return chunks.map(({ chunk }) => chunk);
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
      const step = this.#decide(draft, waiting);
      if (step === undefined) continue;
      try {
        applied.push({ waiting, outcome: applyStep(draft, step, this.log.last + 1) });
      } catch (thrown) {
        // The draft holds half of that step: the others begin again without it.
        waiting.reject(toCrawlcastError(thrown, 'store.failed'));
        this.#crawls.forget(draft);
        this.#queue.unshift(...applied.map((done) => done.waiting));
        return this.#applyWaiting();
      }
      offers += step.offers?.length ?? 0;
      for (const { tail } of step.events ?? []) bytes += tail.length;
    }
    return { draft, applied };
  }

  /** The step as it is to be carried out; `undefined` where it has been refused. */
  #decide(draft: Draft, { step, reject }: Waiting): Step | undefined {
    try {
      this.#crawls.checkLease(step.lease);
      return decided(draft, step);
    } catch (thrown) {
      reject(toCrawlcastError(thrown, 'store.failed'));
      return undefined;
    }
  }
}
