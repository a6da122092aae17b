/**
 * Snapshots of the shared table, in a stream of their own: whoever starts with nothing reads the newest one and then what
 * the stream of transactions holds behind it, so that the older part of that one can be deleted.
 */
import { randomBytes } from 'node:crypto';
import { CrawlcastError } from '../errors.js';
import type { Cluster } from './cluster.js';
import { ensureStream } from './cluster.js';
import { isLocal } from './keys.js';
import { isOnStream, type Replica } from './replica.js';
import { allRows } from './state.js';
import { Assembler, encodeTransaction, readPart, readRows } from './transaction.js';

/** What is written last of a snapshot: without it, its parts count for nothing. */
export interface Snapshot {
  readonly id: string;
  /** Every transaction up to this one is in it; of later ones some may be. */
  readonly sequence: number;
  /** That transaction's id, as decimal digits. */
  readonly transaction: string;
  readonly messages: number;
  readonly bytes: number;
  /** How long the stream of transactions was then. */
  readonly streamBytes: number;
}

/** A snapshot, and where its last message is. */
interface Found {
  readonly snapshot: Snapshot;
  readonly at: number;
}

const messageBytes = 256 * 1024;
/** Rows that are read at once: few, because everybody else waits meanwhile. */
const rowsAtOnce = 32;

/** The snapshots of one stream of transactions. */
export class Snapshots {
  readonly #name: string;
  readonly #done: string;

  private constructor(private readonly cluster: Cluster) {
    const { stream } = cluster.url;
    this.#name = `${stream}-snapshots`;
    this.#done = `${stream}.snapshot.done`;
  }

  /** @throws CrawlcastError `store.unusable` */
  static async open(cluster: Cluster): Promise<Snapshots> {
    const snapshots = new Snapshots(cluster);
    const subjects = [snapshots.#subject('*'), snapshots.#done];
    await ensureStream(cluster.manager, cluster.url, snapshots.#name, subjects);
    return snapshots;
  }

  async newest(): Promise<Snapshot | undefined> {
    return (await this.#find())?.snapshot;
  }

  /**
   * Fills an empty copy from the newest snapshot. Where a newer one took its place meanwhile, what was read of it is no
   * state at all: begin with an empty copy again.
   */
  async load(replica: Replica): Promise<'whole' | 'none' | 'outdated'> {
    const snapshot = await this.newest();
    if (snapshot === undefined) return 'none';
    if (await this.#read(snapshot, replica)) return 'whole';
    if ((await this.newest())?.id !== snapshot.id) return 'outdated';
    throw new CrawlcastError('store.unusable', `the newest snapshot in ${this.#name} lacks a part`);
  }

  /**
   * Writes a snapshot while the table is in use, and deletes what it makes superfluous.
   * @returns false where it was broken off, or another process was first
   */
  async write(replica: Replica, signal: AbortSignal): Promise<boolean> {
    const before = await this.#find();
    const { sequence, transaction } = replica.position;
    // A copy that lags behind, or of a log that is gone, would take the place of what others need.
    if (before !== undefined && sequence <= before.snapshot.sequence) return false;
    if (!(await isOnStream(this.cluster, replica.position))) return false;
    // Not what is older than the new one: processes that lag behind still read that.
    if (before !== undefined) await this.cluster.purge(before.snapshot.sequence + 1);
    const id = randomBytes(8).toString('hex');
    const { bytes: streamBytes } = await this.cluster.state();
    const written = await this.#writeParts(id, replica, signal);
    if (written === undefined) return false;
    const { first, ...size } = written;
    const snapshot: Snapshot = { id, sequence, transaction: String(transaction), ...size, streamBytes };
    const isFirst = await this.#conclude(snapshot, before?.at ?? 0);
    const { streams } = this.cluster.manager;
    if (!isFirst) await streams.purge(this.#name, { filter: this.#subject(id) });
    // What lies ahead of it are older snapshots, and those that nobody ended. Told to purge up to 1, NATS purges all.
    else if (first > 1) await streams.purge(this.#name, { seq: first });
    return isFirst;
  }

  /** Gives the sequence of its first message, and how large it is; `undefined` where it was broken off. */
  async #writeParts(
    id: string,
    replica: Replica,
    signal: AbortSignal,
  ): Promise<{ first: number; messages: number; bytes: number } | undefined> {
    const written = { first: 0, messages: 0, bytes: 0 };
    for (const message of messagesOf(replica, Math.min(messageBytes, this.cluster.maxMessageBytes))) {
      if (signal.aborted) return undefined;
      const { seq } = await this.cluster.jetstream.publish(this.#subject(id), message);
      written.first ||= seq;
      written.messages += 1;
      written.bytes += message.length;
    }
    return written;
  }

  /** False where another process has ended a snapshot since. */
  async #conclude(snapshot: Snapshot, before: number): Promise<boolean> {
    const expect = { lastSubjectSequence: before };
    try {
      await this.cluster.jetstream.publish(this.#done, JSON.stringify(snapshot), { expect });
      return true;
    } catch (thrown) {
      if (this.cluster.isOutrun(thrown)) return false;
      throw thrown;
    }
  }

  async #find(): Promise<Found | undefined> {
    const message = await this.cluster.manager.streams.getMessage(this.#name, { last_by_subj: this.#done });
    if (message === null) return undefined;
    return { snapshot: message.json<Snapshot>(), at: message.seq };
  }

  /** False where a part is missing. */
  async #read({ id, messages, sequence, transaction }: Snapshot, replica: Replica): Promise<boolean> {
    const assembler = new Assembler();
    let next = 1;
    for (let count = 0; count < messages; count += 1) {
      const query = { seq: next, next_by_subj: this.#subject(id) };
      const message = await this.cluster.manager.streams.getMessage(this.#name, query);
      if (message === null) return false;
      next = message.seq + 1;
      const part = readPart(message.data);
      // Another version has written it: without it the table would be empty, and a new log begin.
      if (part === undefined)
        throw new CrawlcastError(
          'store.failed',
          'The snapshot in the cluster was written by another version of Crawlcast',
        );
      const body = assembler.add(part);
      if (body === undefined) continue;
      const rows = new Map<string, Buffer | undefined>();
      readRows(body, rows);
      await replica.tables.write(rows);
    }
    await replica.write(new Map(), { sequence, transaction: BigInt(transaction) });
    return true;
  }

  #subject(id: string): string {
    return `${this.cluster.url.stream}.snapshot.part.${id}`;
  }
}

/** All rows that are shared, some at a time. */
function* messagesOf({ tables }: Replica, maxBytes: number): Generator<Buffer> {
  let number = 0n;
  let rows = new Map<string, Buffer>();
  let bytes = 0;
  for (const [key, value] of allRows(tables, '', rowsAtOnce)) {
    if (isLocal(key)) continue;
    rows.set(key, value);
    bytes += key.length + value.length;
    if (bytes < maxBytes) continue;
    yield* encodeTransaction(number++, 0n, rows, maxBytes);
    rows = new Map();
    bytes = 0;
  }
  if (rows.size > 0) yield* encodeTransaction(number, 0n, rows, maxBytes);
}
