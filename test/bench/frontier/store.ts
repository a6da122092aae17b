/** The embedded store with one long frontier, in a process of its own. */
import { setTimeout as pause } from 'node:timers/promises';
import { openEmbeddedStore } from '#src/store/embedded.js';
import { LongFrontier } from '../../support/frontier-load.js';
import { recordOf } from '../../support/log-service.js';
import { takeOrders } from '../support/child.js';

/** How long it is to be, answered with a `TurnOver` of it at that length. */
export type FrontierOrder = number;

/** After it the engine has given back what the garbage took. */
const restMs = 1_000;

/** Offered, and as many ended. */
const turnedOver = 40_000;

const store = await openEmbeddedStore(process.argv[2] ?? '');
await store.commit({ crawl: 'a', record: recordOf('a') });
const frontier = new LongFrontier(store);

takeOrders(async (size: FrontierOrder) => {
  await frontier.growTo(size);
  const turnOver = await frontier.turnOver(turnedOver);
  global.gc?.();
  await pause(restMs);
  return turnOver;
});
