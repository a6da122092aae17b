/** Keeps the stream of transactions from growing for ever: it is cut where a snapshot holds what it told. */
import type { Cluster } from './cluster.js';
import type { Replica } from './replica.js';
import type { Snapshots } from './snapshots.js';

/** When a stream is cut. */
export interface CompactionOptions {
  /** Not before it has grown by so much since the last snapshot, nor by less than that one takes. Default 64 MiB. */
  readonly leastBytes?: number;
  /** How often somebody looks. Default about a minute. */
  readonly intervalMs?: number;
}

const defaults = { leastBytes: 64 * 1024 * 1024, intervalMs: 60_000 } as const;

/** Looks from time to time; the function that it returns ends it. */
export function keepCompact(
  cluster: Cluster,
  replica: Replica,
  snapshots: Snapshots,
  { leastBytes = defaults.leastBytes, intervalMs = defaults.intervalMs }: CompactionOptions = {},
): () => Promise<void> {
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let looking = Promise.resolve();

  async function look(): Promise<void> {
    const [{ bytes }, newest] = await Promise.all([cluster.state(), snapshots.newest()]);
    const grown = bytes - (newest?.streamBytes ?? 0);
    if (grown >= Math.max(leastBytes, newest?.bytes ?? 0)) await snapshots.write(replica, stop.signal);
  }

  function lookLater(): void {
    // Not all processes at the same moment.
    const delayMs = intervalMs * (0.5 + Math.random());
    timer = setTimeout(() => {
      // What did not succeed is tried again the next time; the log itself lacks nothing.
      looking = look()
        .catch(() => {})
        .then(() => {
          if (!stop.signal.aborted) lookLater();
        });
    }, delayMs).unref();
  }

  lookLater();
  return async () => {
    stop.abort();
    clearTimeout(timer);
    await looking;
  };
}
