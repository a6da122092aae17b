/**
 * A table that several processes write to: its transactions are messages of one stream, in one order. A transaction
 * lands only directly behind the newest one that its process knows, so that nobody ever decides on what is out of date.
 */
import { randomBytes } from 'node:crypto';
import { CrawlcastError } from '../errors.js';
import { Arrivals } from './arrivals.js';
import type { Cluster } from './cluster.js';
import type { Position, Replica } from './replica.js';
import type { Changes, News, Row, Tables, Visitor } from './tables.js';
import { Outrun } from './tables.js';
import { type Message, readTail } from './tail.js';
import { Assembler, encodeTransaction, readPart, readRows } from './transaction.js';
import { Turns } from './turns.js';

/** How long a transaction is tried again before those who wait for it are told that it failed. */
export const patienceMs = 5_000;

/** One try of sending. */
const sendTimeoutMs = 2_000;
const betweenTriesMs = 100;
/** How long the next message of a transaction of several may take before others write into it. */
const courtesyMs = 500;
/** Transactions of others that are written to this process's copy together. */
const maxNewsBytes = 2 * 1024 * 1024;

/** The table of one process. */
export class StreamTables implements Tables {
  readonly news: News;
  readonly #arrivals = new Arrivals();
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>;
  readonly #assembler = new Assembler();
  readonly #turns: Turns;
  /** The last message that has been looked at. */
  #seen: number;
  /** What has been looked at, and not been written to the copy yet. */
  #taken: { readonly changes: Map<string, Buffer | undefined>; position: Position } | undefined;
  /** Why this process can go no further. */
  #broken: CrawlcastError | undefined;
  #onNews = () => {};

  constructor(
    private readonly cluster: Cluster,
    private readonly replica: Replica,
    /** What works on the copy and the stream besides. */
    private readonly stopOthers: () => Promise<void> = async () => {},
  ) {
    this.#seen = replica.position.sequence;
    this.#turns = new Turns(cluster);
    this.news = this.#makeNews();
    this.#reading = this.#read();
  }

  get(key: string): Buffer | undefined {
    return this.replica.tables.get(key);
  }

  range(from: string, to: string, limit: number): Row[] {
    return this.replica.tables.range(from, to, limit);
  }

  visit(from: string, to: string, visitor: Visitor): void {
    this.replica.tables.visit(from, to, visitor);
  }

  last(from: string, to: string): Row | undefined {
    return this.replica.tables.last(from, to);
  }

  /**
   * What keeps the copy from being written. It is asked before anything is sent: a transaction that is on the stream, but not in the
   * copy, would be told to have failed.
   */
  async trouble(): Promise<CrawlcastError | undefined> {
    return this.replica.tables.trouble?.();
  }

  async write(changes: Changes): Promise<void> {
    const trouble = await this.trouble();
    if (trouble !== undefined) throw trouble;
    try {
      await this.#letOthers();
      await this.#append(changes);
      this.#turns.take();
    } catch (thrown) {
      if (thrown instanceof Outrun) this.#turns.miss();
      throw thrown;
    }
  }

  async #append(changes: Changes): Promise<void> {
    const id = randomBytes(8).readBigUInt64BE();
    const { transaction } = this.replica.position;
    let sequence = this.#seen;
    for (const part of encodeTransaction(id, transaction, changes, this.cluster.maxMessageBytes)) {
      await this.#land(part, sequence);
      sequence += 1;
    }
    await this.replica.write(changes, { sequence, transaction: id });
    this.#seen = sequence;
    this.#assembler.reset();
    this.#arrivals.dropUpTo(sequence);
  }

  /** It can go no further. */
  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  /** Whether the stream holds nothing by now that has not been taken in. */
  async isCurrent(): Promise<boolean> {
    return (await this.cluster.state()).last <= this.#seen;
  }

  /** Takes in all that the stream holds by now. */
  async catchUp(): Promise<void> {
    const { last } = await this.cluster.state();
    while (this.#seen < last) {
      if (!(await this.#arrivals.has(this.#seen + 1, performance.now() + 4 * patienceMs))) throw this.#silent();
      await this.news.take();
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#arrivals.close();
    await this.stopOthers();
    await this.#reading;
    await this.cluster.close();
    await this.replica.close();
  }

  #makeNews(): News {
    const isWaiting = () =>
      this.#broken === undefined && (this.#arrivals.newest > this.#seen || this.#taken !== undefined);
    const failure = () => this.#broken ?? (this.cluster.downSinceMs === undefined ? undefined : this.#silent());
    return {
      get isWaiting() {
        return isWaiting();
      },
      get failure() {
        return failure();
      },
      take: () => this.#takeIn(),
      listen: (listener) => {
        this.#onNews = listener;
      },
    };
  }

  async #read(): Promise<void> {
    const end = await readTail(this.cluster, this.#seen + 1, (message) => this.#arrive(message), this.#stop.signal);
    if (end === 'lost') this.#break('has lost transactions that it had confirmed');
  }

  /** A reader that is slow lets the stream wait, and fills no memory. */
  async #arrive(message: Message): Promise<void> {
    this.#arrivals.add(message);
    if (message.sequence > this.#seen) this.#onNews();
    await this.#arrivals.room();
  }

  async #takeIn(): Promise<Changes> {
    if (this.#broken !== undefined) throw this.#broken;
    this.#taken ??= { changes: new Map(), position: this.replica.position };
    const { changes } = this.#taken;
    for (let bytes = 0; bytes < maxNewsBytes; ) {
      const message = this.#arrivals.shift();
      if (message === undefined) break;
      if (message.sequence <= this.#seen) continue;
      this.#lookAt(message, this.#taken);
      bytes += message.data.length;
    }
    const { position } = this.#taken;
    if (position !== this.replica.position) await this.replica.write(changes, position);
    this.#taken = undefined;
    return changes;
  }

  #lookAt({ sequence, data }: Message, taken: { changes: Map<string, Buffer | undefined>; position: Position }): void {
    if (sequence !== this.#seen + 1) throw this.#break('has deleted what this process had not read yet');
    const part = readPart(data);
    if (part === undefined) throw this.#break('holds what this version cannot read');
    this.#seen = sequence;
    const body = this.#assembler.add(part);
    if (body === undefined) return;
    if (part.previous !== taken.position.transaction) throw this.#break('has lost transactions that it had confirmed');
    readRows(body, taken.changes);
    taken.position = { sequence, transaction: part.id };
  }

  /** Somebody's transaction of several messages is half there, or somebody has waited for long: it is not our turn. */
  async #letOthers(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    const endMs = this.#assembler.isOpen ? performance.now() + courtesyMs : 0;
    const isOutrun = await this.#arrivals.has(this.#seen + 1, Math.max(endMs, this.#turns.othersUntilMs));
    this.#turns.othersUntilMs = 0;
    if (isOutrun) throw new Outrun();
  }

  /** Resolves when a message is durable directly behind `expected`. */
  async #land(message: Uint8Array, expected: number): Promise<void> {
    const deadline = (this.cluster.downSinceMs ?? performance.now()) + patienceMs;
    for (;;) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw this.#silent();
      const sent = await this.cluster.send(message, expected, Math.min(leftMs, sendTimeoutMs));
      if (sent === 'landed') return;
      if (sent !== 'unknown') {
        if (sent.last < expected) throw this.#break('has lost transactions that it had confirmed');
        // Ours, when an earlier try had landed and we were not told.
        if (await this.#isNext(message, expected + 1, deadline)) return;
        throw new Outrun();
      }
      await this.#arrivals.has(expected + 1, performance.now() + betweenTriesMs);
    }
  }

  /** Whether the stream goes on with this very message. */
  async #isNext(message: Uint8Array, sequence: number, deadline: number): Promise<boolean> {
    if (!(await this.#arrivals.has(sequence, Math.max(deadline, performance.now() + sendTimeoutMs)))) {
      throw this.#silent();
    }
    const arrived = this.#arrivals.at(sequence);
    return arrived !== undefined && Buffer.compare(arrived.data, message) === 0;
  }

  #silent(): CrawlcastError {
    return new CrawlcastError('store.failed', `${this.cluster.place} does not answer: nothing can be written there.`);
  }

  /** What this process has shown to its readers is not what the stream says, or will never be known. */
  #break(reason: string): CrawlcastError {
    const { place, url } = this.cluster;
    const message = `The stream ${url.stream} on ${place} ${reason}: restart this process, it then reads the log anew.`;
    this.#broken = new CrawlcastError('store.failed', message);
    return this.#broken;
  }
}
