/** The store on a NATS JetStream cluster, shared by many processes; each keeps a copy to read from. */
import type { StoreUrl } from '../store-url.js';
import { openCluster } from './cluster.js';
import { joinPeers } from './peers.js';
import { openReplica } from './replica.js';
import type { Store } from './store.js';
import { StreamTables } from './stream-tables.js';
import { openTableStore, type StoreOptions } from './table-store.js';

/**
 * Opens the store; reads what this process's copy in the data directory lacks.
 * @throws CrawlcastError `store.unreachable`, `store.unusable`, `data.in_use`, `data.unusable`
 */
export async function openJetStreamStore(url: StoreUrl, data: string, options: StoreOptions = {}): Promise<Store> {
  const cluster = await openCluster(url);
  try {
    const replica = await openReplica(data, `${url.stream} ${cluster.created}`);
    const tables = new StreamTables(cluster, replica);
    try {
      await tables.catchUp();
      const peers = joinPeers(cluster.connection, url.stream);
      return await openTableStore(tables, { ...options, peers });
    } catch (thrown) {
      await tables.close();
      throw thrown;
    }
  } catch (thrown) {
    await cluster.close();
    throw thrown;
  }
}
