/** What is left in a frontier when its crawl may fetch no more. */
import type { Frontier, Lease } from '../store/store.js';

/** Steps of so many share transactions. */
const atOnce = 1_000;

/** Ends all that is queued, many at a time, as long as that is wanted. */
export async function endRest(
  frontier: Frontier,
  end: (lease: Lease) => Promise<unknown>,
  isWanted: () => boolean,
): Promise<void> {
  for (const host of [...frontier.hosts()]) {
    while (isWanted()) {
      const leases = take(frontier, host);
      if (leases.length === 0) break;
      await Promise.all(leases.map(end));
    }
  }
}

function take(frontier: Frontier, host: string): Lease[] {
  const leases: Lease[] = [];
  while (leases.length < atOnce) {
    const lease = frontier.take(host);
    if (lease === undefined) break;
    leases.push(lease);
  }
  return leases;
}
