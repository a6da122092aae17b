/** A frontier that lives in memory only, in first come first served order. */
import type { Frontier, Lease, Offer } from '#src/store/store.js';

/** A frontier for tests of what schedules it. */
export interface TestFrontier extends Frontier {
  offer(url: string, depth?: number): void;
  /** The page has ended. */
  release(lease: Lease): void;
}

/** Makes a frontier with these URLs queued. */
export function createTestFrontier(...urls: string[]): TestFrontier {
  const queues = new Map<string, Offer[]>();
  const listeners = new Set<(host: string) => void>();
  const leases = new Set<Lease>();
  let queued = 0;

  function enqueue(offer: Offer, first: boolean): void {
    const queue = queues.get(offer.host) ?? [];
    queues.set(offer.host, queue);
    if (first) queue.unshift(offer);
    else queue.push(offer);
    queued++;
    for (const listener of listeners) listener(offer.host);
  }

  const frontier: TestFrontier = {
    get queued() {
      return queued;
    },
    get leased() {
      return leases.size;
    },
    hosts: () => [...queues].filter(([, queue]) => queue.length > 0).map(([host]) => host),
    take(host) {
      const offer = queues.get(host)?.shift();
      if (offer === undefined) return undefined;
      queued--;
      const lease: Lease = { ...offer, crawl: 'test', begun: false };
      leases.add(lease);
      return lease;
    },
    putBack(lease) {
      leases.delete(lease);
      enqueue(lease, true);
    },
    onAvailable(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    offer(url, depth = 0) {
      enqueue({ url, fingerprint: url, host: new URL(url).origin, depth }, false);
    },
    release(lease) {
      leases.delete(lease);
    },
  };
  for (const url of urls) frontier.offer(url);
  return frontier;
}
