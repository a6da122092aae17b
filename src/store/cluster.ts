/** A connection to NATS and the stream of transactions on it. What its client library calls things stays in here. */
import { setTimeout as pause } from 'node:timers/promises';
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
} from '@nats-io/jetstream';
import { connect, type NatsConnection, TimeoutError } from '@nats-io/transport-node';
import { CrawlcastError, messageOf } from '../errors.js';
import type { StoreUrl } from '../store-url.js';

/** What became of a message that was sent. */
export type Sent =
  /** Durable, and directly behind the sequence that was expected. */
  | 'landed'
  /** Nothing was written: the stream goes on behind another sequence. */
  | { readonly last: number }
  /** Nobody can say: it may land yet. */
  | 'unknown';

const headerBytes = 1_024;
/** Of `max_payload`: with less there is no room for anything beside the headers. */
const leastPayloadBytes = 4_096;
/** Of that no more is used; a server that says nothing has as much. */
const maxPayloadBytes = 1_048_576;
const connectTimeoutMs = 5_000;
const requestTimeoutMs = 5_000;
const reconnectMs = 250;
/** How long a cluster without a leader is waited for at the start. */
const electionMs = 10_000;
const betweenTriesMs = 250;

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
    const payload = payloadBytes(connection);
    if (payload < leastPayloadBytes)
      throw new Error(`its max_payload is ${payload} bytes, and has to be ${leastPayloadBytes}`);
    const manager = await patiently(() => jetstreamManager(connection, { timeout: requestTimeoutMs }));
    return new Cluster(url, connection, manager, await ensureStream(manager, url, url.stream, [`${url.stream}.log`]));
  } catch (thrown) {
    await connection.close();
    throw unusable(url, thrown);
  }
}

function payloadBytes({ info }: NatsConnection): number {
  return info?.max_payload ?? maxPayloadBytes;
}

/** Servers that have just been started choose a leader first. */
async function patiently<Result>(work: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + electionMs;
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      const isPassing =
        thrown instanceof TimeoutError || (thrown instanceof JetStreamApiError && thrown.status === 503);
      if (!isPassing || performance.now() > deadline) throw thrown;
      await pause(betweenTriesMs);
    }
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
 * @throws CrawlcastError `store.unusable`, also where one of that name is something else
 */
export async function ensureStream(
  manager: JetStreamManager,
  url: StoreUrl,
  name: string,
  subjects: readonly string[],
): Promise<StreamInfo> {
  const { config, ...info } = await patiently(() => findOrMake(manager, url, name, subjects)).catch((thrown) => {
    throw unusable(url, thrown);
  });
  const isOurs = config.storage === StorageType.File && subjects.every((subject) => config.subjects?.includes(subject));
  const isWhole = config.retention === RetentionPolicy.Limits && config.max_msgs <= 0 && config.max_age === 0;
  // One that is full may refuse what is new, but not forget what is old.
  const keepsAll = config.max_bytes <= 0 || config.discard === DiscardPolicy.New;
  const keepsEach = config.max_msgs_per_subject <= 0 && !config.no_ack;
  if (isOurs && isWhole && keepsAll && keepsEach) return { config, ...info };
  throw new CrawlcastError(
    'store.unusable',
    `the stream ${name} is something else, or has limits: choose another with ?stream=NAME`,
  );
}

async function findOrMake(
  manager: JetStreamManager,
  { replicas }: StoreUrl,
  name: string,
  subjects: readonly string[],
): Promise<StreamInfo> {
  try {
    return await manager.streams.info(name);
  } catch (thrown) {
    if (codeOf(thrown) !== streamNotFound) throw thrown;
    const kept = { storage: StorageType.File, retention: RetentionPolicy.Limits, num_replicas: replicas };
    await manager.streams.add({ name, subjects: [...subjects], ...kept });
    // Of several that make it at once, one may be told another time of its making than the stream keeps.
    return manager.streams.info(name);
  }
}

/** The stream of transactions, and who else reads it. */
export class Cluster {
  /** When this stream was made: another one of its name is not the same. */
  readonly created: string;
  /** Set while there is no connection: since when, by `performance.now()`. */
  downSinceMs: number | undefined;
  readonly jetstream: JetStreamClient;
  readonly #subject: string;
  /** Called when a connection that broke is there again. */
  readonly whenBack = new Set<() => void>();

  constructor(
    readonly url: StoreUrl,
    readonly connection: NatsConnection,
    readonly manager: JetStreamManager,
    info: StreamInfo,
  ) {
    this.created = info.created;
    this.jetstream = jetstream(connection, { timeout: requestTimeoutMs });
    this.#subject = `${url.stream}.log`;
    void this.#watch();
  }

  /** As the server says by now. What is in the headers counts as well. */
  get maxMessageBytes(): number {
    return Math.min(payloadBytes(this.connection), maxPayloadBytes) - headerBytes;
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
    const options = { expect: { lastSequence: expected }, timeout: timeoutMs, retries: 0 };
    try {
      await this.answer(this.jetstream.publish(this.#subject, message, options));
      return 'landed';
    } catch (thrown) {
      return this.#explain(thrown);
    }
  }

  /**
   * What a server answers; fails as soon as a connection that broke in the meantime is there again, as what was asked
   * before that is not answered any more.
   */
  async answer<Result>(asked: Promise<Result>): Promise<Result> {
    let giveUp = () => {};
    const broken = new Promise<never>((_, reject) => {
      giveUp = () => reject(new Error('the connection broke'));
    });
    this.whenBack.add(giveUp);
    try {
      return await Promise.race([asked, broken]);
    } finally {
      this.whenBack.delete(giveUp);
    }
  }

  #explain(thrown: unknown): Sent {
    const code = codeOf(thrown);
    if (code === wrongLastSequence) return { last: Number(/\d+$/.exec(messageOf(thrown))?.[0] ?? Number.NaN) };
    if (noRoom.includes(code ?? 0)) {
      throw new CrawlcastError('store.full', `${this.place} has no room: ${messageOf(thrown)}`, { cause: thrown });
    }
    // No answer, or one of a cluster that has no leader just now.
    if (!(thrown instanceof JetStreamApiError) || thrown.status >= 500) return 'unknown';
    throw new CrawlcastError('store.failed', `${this.place} refused a write: ${messageOf(thrown)}`, { cause: thrown });
  }

  /** Where the stream begins and ends just now. */
  async state(): Promise<{ created: string; first: number; last: number; bytes: number }> {
    const { created, state } = await this.answer(this.manager.streams.info(this.url.stream));
    return { created, first: state.first_seq, last: state.last_seq, bytes: state.bytes };
  }

  /** One message; `undefined` where there is none of that sequence. */
  async message(sequence: number): Promise<Uint8Array | undefined> {
    return (await this.manager.streams.getMessage(this.url.stream, { seq: sequence }))?.data;
  }

  /** Whether a write was refused because another was first. */
  isOutrun(thrown: unknown): boolean {
    return codeOf(thrown) === wrongLastSequence;
  }

  /** Deletes the messages ahead of a sequence. */
  async purge(before: number): Promise<void> {
    await this.manager.streams.purge(this.url.stream, { seq: before });
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === 'disconnect') this.downSinceMs ??= performance.now();
      if (type !== 'reconnect') continue;
      this.downSinceMs = undefined;
      for (const stop of [...this.whenBack]) stop();
    }
    this.downSinceMs ??= performance.now();
  }
}

/** JetStream's own number for what went wrong. */
function codeOf(thrown: unknown): number | undefined {
  return thrown instanceof JetStreamApiError ? thrown.code : undefined;
}

/** What stands in the way, as people are told of it. */
export function unusable(url: StoreUrl, thrown: unknown): CrawlcastError {
  if (thrown instanceof CrawlcastError) return thrown;
  const message = `NATS at ${url.servers.join(', ')} cannot hold the log: ${messageOf(thrown)}`;
  return new CrawlcastError('store.unusable', message, { cause: thrown });
}
