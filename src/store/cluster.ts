/** A connection to NATS and the stream of transactions on it. What its client library calls things stays in here. */
import {
  AckPolicy,
  type Consumer,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
} from '@nats-io/jetstream';
import { connect, type NatsConnection, nanos } from '@nats-io/transport-node';
import { CrawlcastError } from '../errors.js';
import type { StoreUrl } from '../store-url.js';

/** A message of the stream. */
export interface Message {
  /** From 1, without a gap. */
  readonly sequence: number;
  readonly data: Uint8Array;
}

/** What became of a message that was sent. */
export type Sent =
  /** Durable, and directly behind the sequence that was expected. */
  | 'landed'
  /** Nothing was written: the stream goes on behind another sequence. */
  | { readonly last: number }
  /** Nobody can say: it may land yet. */
  | 'unknown';

const connectTimeoutMs = 5_000;
const requestTimeoutMs = 5_000;
const reconnectMs = 250;
/** Messages asked for at once: what a slow reader has to hold in memory. */
const fetchSize = 64;
/** Between two tries of a reader whose consumer is gone. */
const retryMs = 250;
/** How long a reader may be away before the server forgets it. */
const forgetAfterMs = 60_000;
/** Without a word from the server for two of these, a reader begins anew. */
const heartbeatMs = 2_500;

/** Codes of JetStream's own errors. */
const wrongLastSequence = 10_071;
const streamNotFound = 10_059;
const noRoom: readonly number[] = [10_023, 10_047, 10_077];

/**
 * Connects; makes the stream where it is missing.
 * @throws CrawlcastError `store.unreachable`, `store.unusable`
 */
export async function openCluster(url: StoreUrl): Promise<Cluster> {
  const connection = await open(url);
  try {
    const manager = await jetstreamManager(connection, { timeout: requestTimeoutMs });
    const info = await ensureStream(manager, url, url.stream, [`${url.stream}.log`]);
    return new Cluster(url, connection, manager, info);
  } catch (thrown) {
    await connection.close();
    throw unusable(url, thrown);
  }
}

async function open({ servers, tls, user, password, token }: StoreUrl): Promise<NatsConnection> {
  try {
    return await connect({
      servers: [...servers],
      name: 'crawlcast',
      timeout: connectTimeoutMs,
      maxReconnectAttempts: -1,
      reconnectTimeWait: reconnectMs,
      ignoreAuthErrorAbort: true,
      pingInterval: 10_000,
      ...(tls && { tls: {} }),
      ...(user !== undefined && { user }),
      ...(password !== undefined && { pass: password }),
      ...(token !== undefined && { token }),
    });
  } catch (cause) {
    const message = `NATS at ${servers.join(', ')} cannot be reached: ${messageOf(cause)}`;
    throw new CrawlcastError('store.unreachable', message, { cause });
  }
}

/**
 * Finds a stream of ours, or makes it.
 * @throws CrawlcastError `store.unusable` where one of that name is something else
 */
export async function ensureStream(
  manager: JetStreamManager,
  { replicas }: Pick<StoreUrl, 'replicas'>,
  name: string,
  subjects: readonly string[],
): Promise<StreamInfo> {
  const info = await manager.streams.info(name).catch((thrown: unknown) => {
    if (codeOf(thrown) !== streamNotFound) throw thrown;
    const kept = { storage: StorageType.File, retention: RetentionPolicy.Limits, num_replicas: replicas };
    return manager.streams.add({ name, subjects: [...subjects], ...kept });
  });
  const { config } = info;
  const isOurs = config.storage === StorageType.File && subjects.every((subject) => config.subjects.includes(subject));
  const isWhole = config.retention === RetentionPolicy.Limits && config.max_msgs <= 0 && config.max_age === 0;
  if (isOurs && isWhole) return info;
  throw new CrawlcastError(
    'store.unusable',
    `the stream ${name} is something else, or has limits: choose another with ?stream=NAME`,
  );
}

/** The stream of transactions, and who else reads it. */
export class Cluster {
  /** When this stream was made: another one of its name is not the same. */
  readonly created: string;
  readonly maxMessageBytes: number;
  /** Set while there is no connection: since when, by `performance.now()`. */
  downSinceMs: number | undefined;
  readonly #jetstream: JetStreamClient;
  readonly #subject: string;
  readonly #whenBack = new Set<() => void>();

  constructor(
    readonly url: StoreUrl,
    readonly connection: NatsConnection,
    readonly manager: JetStreamManager,
    info: StreamInfo,
  ) {
    this.created = info.created;
    // What is in the headers counts as well.
    this.maxMessageBytes = Math.min(connection.info?.max_payload ?? 1_048_576, 1_048_576) - 1_024;
    this.#jetstream = jetstream(connection, { timeout: requestTimeoutMs });
    this.#subject = `${url.stream}.log`;
    void this.#watch();
  }

  /** As people are told of it: without user and password. */
  get place(): string {
    return `NATS at ${this.url.servers.join(', ')}`;
  }

  /**
   * Sends a message that lands only directly behind a sequence. Sent again with the same sequence it lands once.
   * @throws CrawlcastError `store.full`, `store.failed`: it was refused for good
   */
  async send(message: Uint8Array, expected: number, timeoutMs: number): Promise<Sent> {
    try {
      await this.#jetstream.publish(this.#subject, message, {
        expect: { lastSequence: expected },
        timeout: timeoutMs,
        retries: 0,
      });
      return 'landed';
    } catch (thrown) {
      const code = codeOf(thrown);
      if (code === wrongLastSequence) return { last: Number(/\d+$/.exec(messageOf(thrown))?.[0] ?? Number.NaN) };
      if (code === undefined) return 'unknown';
      if (noRoom.includes(code)) {
        const text = `${this.place} has no room: ${messageOf(thrown)}`;
        throw new CrawlcastError('store.full', text, { cause: thrown });
      }
      if (thrown instanceof JetStreamApiError && thrown.status >= 500) return 'unknown';
      throw new CrawlcastError('store.failed', `${this.place} refused a write: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
  }

  /** Where the stream begins and ends just now. */
  async state(): Promise<{ first: number; last: number; bytes: number }> {
    const { first_seq, last_seq, bytes } = (await this.manager.streams.info(this.url.stream)).state;
    return { first: first_seq, last: last_seq, bytes };
  }

  /** Deletes the messages ahead of a sequence. */
  async purge(before: number): Promise<void> {
    await this.manager.streams.purge(this.url.stream, { seq: before });
  }

  /**
   * Hands over every message from a sequence on, one at a time, until the signal aborts: whatever happens to the
   * connection or the servers. Where the stream begins later by now, so do the messages.
   */
  async read(from: number, take: (message: Message) => Promise<void>, signal: AbortSignal): Promise<void> {
    let next = from;
    while (!signal.aborted) {
      try {
        const consumer = await this.#consumerFrom(next);
        for (let isWhole = true; isWhole && !signal.aborted; ) {
          isWhole = await this.#fetch(consumer, signal, async (message, isFirst) => {
            // A message that was on its way when the connection broke is lost to this consumer.
            if (!isFirst && message.sequence !== next) return false;
            await take(message);
            next = message.sequence + 1;
            return true;
          });
        }
      } catch {
        // The consumer is gone, or cannot be made just now: the next one goes on behind what has been taken.
        if (!signal.aborted) await this.#back(signal);
      }
    }
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  async #consumerFrom(sequence: number): Promise<Consumer> {
    const { stream } = this.url;
    const { name } = await this.manager.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: Math.max(1, sequence),
      inactive_threshold: nanos(forgetAfterMs),
      mem_storage: true,
      num_replicas: 1,
    });
    return this.#jetstream.consumers.get(stream, name);
  }

  /** One request's worth of messages; false where the consumer is of no more use. */
  async #fetch(
    consumer: Consumer,
    signal: AbortSignal,
    take: (message: Message, isFirst: boolean) => Promise<boolean>,
  ): Promise<boolean> {
    const messages = await consumer.fetch({
      max_messages: fetchSize,
      expires: 4 * heartbeatMs,
      idle_heartbeat: heartbeatMs,
    });
    const stop = () => messages.stop();
    signal.addEventListener('abort', stop, { once: true });
    this.#whenBack.add(stop);
    try {
      for await (const { seq, data, info } of messages) {
        if (!(await take({ sequence: seq, data }, info.deliverySequence === 1))) return false;
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#whenBack.delete(stop);
    }
    return this.downSinceMs === undefined;
  }

  /** Waits until it is worth another try. */
  #back(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, retryMs);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === 'disconnect') this.downSinceMs ??= performance.now();
      if (type !== 'reconnect') continue;
      this.downSinceMs = undefined;
      for (const stop of [...this.#whenBack]) stop();
    }
    this.downSinceMs ??= performance.now();
  }
}

/** JetStream's own number for what went wrong. */
function codeOf(thrown: unknown): number | undefined {
  return thrown instanceof JetStreamApiError ? thrown.code : undefined;
}

/** The message of anything thrown. */
function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function unusable(url: StoreUrl, thrown: unknown): CrawlcastError {
  if (thrown instanceof CrawlcastError) return thrown;
  const message = `NATS at ${url.servers.join(', ')} cannot hold the log: ${messageOf(thrown)}`;
  return new CrawlcastError('store.unusable', message, { cause: thrown });
}
