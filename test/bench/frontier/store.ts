/** The embedded store with one long frontier, in a process of its own. */
import { openEmbeddedStore } from '#src/store/embedded.js';
import { GrowingFrontier } from '../../support/frontier-load.js';
import { recordOf } from '../../support/log-service.js';
import { takeOrders } from '../support/child.js';

/** How long it is to be, answered with {@link FrontierRates}; 0 is answered as soon as it is ready. */
export type FrontierOrder = number;

/** A second. */
export interface FrontierRates {
  readonly offers: number;
  readonly leases: number;
  /** How many leases that were. */
  readonly leased: number;
}

const store = await openEmbeddedStore(process.argv[2] ?? '');
await store.commit({ crawl: 'a', record: recordOf('a') });
const frontier = new GrowingFrontier(store);

takeOrders(async (size: FrontierOrder): Promise<FrontierRates | undefined> => {
  if (size === 0) return undefined;
  const leased = Math.min(4_000, size / 4);
  const rates = { offers: await frontier.growTo(size), leases: await frontier.leaseAndEnd(leased), leased };
  global.gc?.();
  return rates;
});
