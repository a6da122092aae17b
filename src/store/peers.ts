/** The processes that share a cluster: each answers to its name for as long as it can work. */
import { randomBytes } from 'node:crypto';
import { RequestError } from '@nats-io/transport-node';
import { CrawlcastError } from '../errors.js';
import type { Cluster } from './cluster.js';
import type { Peers } from './store.js';
import type { StreamTables } from './stream-tables.js';

const answerWithinMs = 2_000;

/**
 * Gives this process a name that no other has or ever had, and answers to it until the connection ends, or it can go no further.
 * @throws CrawlcastError `store.unusable` where nobody would hear it answer
 */
export async function joinPeers({ connection, place, url }: Cluster, tables: StreamTables): Promise<Peers> {
  const self = randomBytes(8).toString('hex');
  const subjectOf = (name: string) => `${url.stream}.alive.${name}`;
  connection.subscribe(subjectOf(self), {
    callback: (error, message) => void (error === null && !tables.isBroken && message.respond()),
  });
  const ask: Peers['ask'] = async (owner) => {
    try {
      await connection.request(subjectOf(owner), undefined, { timeout: answerWithinMs });
      return 'alive';
    } catch (thrown) {
      return thrown instanceof RequestError && thrown.isNoResponders() ? 'gone' : 'silent';
    }
  };
  // A connection that has just begun may be slow.
  for (let attempt = 0; attempt < 3; attempt++) {
    if ((await ask(self)) === 'alive') return { self, ask, isCurrent: () => tables.isCurrent() };
  }
  const message = `${place} cannot hold the log: a message to ourselves does not come back; the user has to be allowed to publish and subscribe to ${url.stream}.>`;
  throw new CrawlcastError('store.unusable', message);
}
