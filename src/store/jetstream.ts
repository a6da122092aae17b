/** The store on a NATS JetStream cluster, shared by many processes; each keeps a copy to read from. */
import { CrawlcastError } from '../errors.js';
import type { StoreUrl } from '../store-url.js';
import { type Cluster, openCluster } from './cluster.js';
import { type CompactionOptions, keepCompact } from './compaction.js';
import { joinPeers } from './peers.js';
import { openReplica, type Replica, renewReplica } from './replica.js';
import { Snapshots } from './snapshots.js';
import type { Store } from './store.js';
import { StreamTables } from './stream-tables.js';
import { openTableStore, type StoreOptions } from './table-store.js';
import { readPart } from './transaction.js';

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
  try {
    const snapshots = await Snapshots.open(cluster);
    const replica = await prepareReplica(cluster, snapshots, data);
    const stopCompacting = keepCompact(cluster, replica, snapshots, options.compaction);
    const tables = new StreamTables(cluster, replica, stopCompacting);
    try {
      await tables.catchUp();
      return await openTableStore(tables, { ...options, peers: joinPeers(cluster.connection, url.stream) });
    } catch (thrown) {
      await tables.close();
      throw thrown;
    }
  } catch (thrown) {
    await cluster.close();
    throw thrown;
  }
}

/** A copy that goes on where the stream does; the newest snapshot where this process has none that would do. */
async function prepareReplica(cluster: Cluster, snapshots: Snapshots, data: string): Promise<Replica> {
  const stream = `${cluster.url.stream} ${cluster.created}`;
  let replica = await openReplica(data, stream);
  try {
    const { first } = await cluster.state();
    if (!(await isOf(cluster, replica, first))) {
      await replica.close();
      replica = await renewReplica(data, stream);
    }
    if (replica.position.sequence > 0 || (await snapshots.load(replica)) || first <= 1) return replica;
    throw new CrawlcastError(
      'store.unusable',
      `the stream ${cluster.url.stream} has lost its beginning, and there is no snapshot of it`,
    );
  } catch (thrown) {
    await replica.close();
    throw thrown;
  }
}

/** Whether the stream holds what this copy ends with, and what follows. */
async function isOf(cluster: Cluster, { position }: Replica, first: number): Promise<boolean> {
  if (position.sequence === 0) return true;
  if (position.sequence < first) return position.sequence + 1 === first;
  const message = await cluster.message(position.sequence);
  return message !== undefined && readPart(message)?.id === position.transaction;
}
