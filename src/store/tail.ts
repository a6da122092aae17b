/** Reads the stream of transactions from any place on, for as long as somebody wants it. */
import { setTimeout as pause } from 'node:timers/promises';
import { AckPolicy, type Consumer, DeliverPolicy } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Cluster } from './cluster.js';

/** A message of the stream. */
export interface Message {
  /** From 1, without a gap. */
  readonly sequence: number;
  readonly data: Uint8Array;
}

/** Messages asked for at once: what a slow reader has to hold in memory. */
const fetchSize = 64;
/** A reader that has heard nothing from the server for two of these begins anew. */
const heartbeatMs = 2_500;
/** Between two tries of a reader whose consumer is gone. */
const retryMs = 250;
/** A stream that ends earlier than it did for longer than this has lost something: a server that has just taken over may need a moment. */
const lostAfterMs = 10_000;
/** How long a reader may be away before the server forgets it. */
const forgetAfterMs = 60_000;

/** False where the consumer that it came from can no longer be used. */
type Take = (message: Message, isFirst: boolean) => Promise<boolean>;

/**
 * Hands over every message from a sequence on, one at a time, until the signal aborts: whatever happens to the
 * connection or the servers. Where the stream begins later by now, so do the messages. `lost` where it goes on ending
 * earlier than it did, or is another one: who waits for more would not notice.
 */
export async function readTail(
  cluster: Cluster,
  from: number,
  take: (message: Message) => Promise<void>,
  signal: AbortSignal,
): Promise<'stopped' | 'lost'> {
  let next = from;
  const takeNext: Take = async (message, isFirst) => {
    // A message that was on its way when the connection broke is lost to this consumer.
    if (!isFirst && message.sequence !== next) return false;
    await take(message);
    next = message.sequence + 1;
    return true;
  };
  let shortSinceMs: number | undefined;
  while (!signal.aborted) {
    try {
      const consumer = await cluster.answer(consumerFrom(cluster, next));
      const { created, last } = await cluster.state();
      if (created !== cluster.created) return 'lost';
      if (last < next - 1) {
        shortSinceMs ??= performance.now();
        if (performance.now() - shortSinceMs > lostAfterMs) return 'lost';
        throw new Error('the stream ends earlier than it did');
      }
      shortSinceMs = undefined;
      while (!signal.aborted && (await fetchSome(cluster, consumer, takeNext, signal)));
    } catch {
      // The consumer is gone, or cannot be made just now: the next one goes on behind what has been taken.
      await pause(retryMs, undefined, { signal }).catch(() => {});
    }
  }
  return 'stopped';
}

async function consumerFrom({ manager, jetstream, url: { stream } }: Cluster, sequence: number): Promise<Consumer> {
  const { name } = await manager.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: Math.max(1, sequence),
    inactive_threshold: nanos(forgetAfterMs),
    mem_storage: true,
    num_replicas: 1,
  });
  return jetstream.consumers.get(stream, name);
}

/** One request's worth of messages: asking only when there is room is what keeps a slow reader's memory flat. */
async function fetchSome(cluster: Cluster, consumer: Consumer, take: Take, signal: AbortSignal): Promise<boolean> {
  const waiting = { expires: 4 * heartbeatMs, idle_heartbeat: heartbeatMs };
  const messages = await consumer.fetch({ max_messages: fetchSize, ...waiting });
  let isWhole = true;
  const stop = () => {
    isWhole = false;
    messages.stop();
  };
  signal.addEventListener('abort', stop, { once: true });
  cluster.whenBack.add(stop);
  try {
    for await (const { seq, data, info } of messages) {
      if (!(await take({ sequence: seq, data }, info.deliverySequence === 1))) return false;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    cluster.whenBack.delete(stop);
  }
  return isWhole;
}
