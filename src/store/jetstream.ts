/** The store on a NATS JetStream cluster, shared by many processes; each keeps a copy to read from. */
import { CrawlcastError } from '../errors.js';
import type { StoreUrl } from '../store-url.js';
import { type Cluster, openCluster, unusable } from './cluster.js';
import { type CompactionOptions, keepCompact } from './compaction.js';
import { joinPeers } from './peers.js';
import { isOnStream, openReplica, type Replica, renewReplica } from './replica.js';
import { Snapshots } from './snapshots.js';
import type { Store } from './store.js';
import { StreamTables } from './stream-tables.js';
import { openTableStore, type StoreOptions } from './table-store.js';

/** How such a store is opened. */
export interface JetStreamOptions extends StoreOptions {
  readonly compaction?: CompactionOptions;
}

/**
 * Opens the store; reads what this process's copy in the data directory lacks.
 * @throws CrawlcastError `store.unreachable`, `store.unusable`, `data.in_use`, `data.unusable`
 */
export async function openJetStreamStore(url: StoreUrl, data: string, options: JetStreamOptions = {}): Promise<Store> {
  const cluster = await openCluster(url);
  let close = () => cluster.close();
  try {
    const snapshots = await Snapshots.open(cluster);
    const replica = await prepareReplica(cluster, snapshots, data);
    const tables = new StreamTables(cluster, replica, keepCompact(cluster, replica, snapshots, options.compaction));
    close = () => tables.close();
    await tables.catchUp();
    const peers = await joinPeers(cluster, tables);
    return await openTableStore(tables, { ...options, peers });
  } catch (thrown) {
    await close();
    throw unusable(url, thrown);
  }
}

/** A copy that goes on where the stream does; the newest snapshot where this process has none that would do. */
async function prepareReplica(cluster: Cluster, snapshots: Snapshots, data: string): Promise<Replica> {
  const stream = `${cluster.url.stream} ${cluster.created}`;
  const { first } = await cluster.state();
  const known = await openReplica(data, stream);
  try {
    if (await isOf(cluster, known, first)) return known;
  } catch (thrown) {
    // Nobody knows: a good copy is not thrown away because of that.
    await known.close();
    throw thrown;
  }
  await known.close();
  for (;;) {
    const replica = await renewReplica(data, stream);
    try {
      const loaded = await snapshots.load(replica);
      if (loaded === 'none' && first <= 1) return replica;
      if (loaded === 'none') throw withoutBeginning(cluster.url.stream);
      if (loaded === 'whole') {
        if (await isOf(cluster, replica, (await cluster.state()).first)) return replica;
        // A newer one took its place while it was read; or else it is of another log.
        if ((await snapshots.newest())?.sequence === replica.position.sequence) throw apart(cluster.url.stream);
      }
    } catch (thrown) {
      await replica.close();
      throw thrown;
    }
    await replica.close();
  }
}

function withoutBeginning(stream: string): CrawlcastError {
  const message = `the stream ${stream} has lost its beginning, and there is no snapshot of it`;
  return new CrawlcastError('store.unusable', message);
}

function apart(stream: string): CrawlcastError {
  const message =
    `the snapshot in ${stream}-snapshots does not belong to the stream ${stream}: restore both from one backup, ` +
    'or delete both, and a new log begins';
  return new CrawlcastError('store.unusable', message);
}

/** Whether a copy has something, and the stream holds what it ends with, and what follows. */
async function isOf(cluster: Cluster, { position }: Replica, first: number): Promise<boolean> {
  if (position.sequence === 0) return false;
  if (position.sequence < first) return position.sequence + 1 === first;
  return isOnStream(cluster, position);
}
