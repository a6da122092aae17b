/** The processes that share a cluster: each answers to its name for as long as it lives. */
import { randomBytes } from 'node:crypto';
import { type NatsConnection, RequestError } from '@nats-io/transport-node';
import type { Peers } from './store.js';

const answerWithinMs = 2_000;

/** Gives this process a name that no other has or ever had, and answers to it until the connection ends. */
export function joinPeers(connection: NatsConnection, stream: string): Peers {
  const self = randomBytes(8).toString('hex');
  const subjectOf = (name: string) => `${stream}.alive.${name}`;
  connection.subscribe(subjectOf(self), { callback: (_error, message) => void message.respond() });
  return {
    self,
    async ask(owner) {
      try {
        await connection.request(subjectOf(owner), undefined, { timeout: answerWithinMs });
        return 'alive';
      } catch (thrown) {
        return thrown instanceof RequestError && thrown.isNoResponders() ? 'gone' : 'silent';
      }
    },
  };
}
