/** Subscribers in a process of their own that say how long deliveries took. */
import { takeOrders } from './child.js';
import { Latencies } from './latencies.js';
import { openStreams, type Streams } from './streams.js';

/** First this, answered when all are open; then `report`, answered when all deliveries have come: of those since the last report. */
export interface TimedOrder extends Streams {
  /** Items of each stream that are not counted. */
  readonly skip: number;
  /** Items of each stream that are counted, since the last report, before one is given: a report of none would tell of nothing. */
  readonly take: number;
}

/** In milliseconds. */
export interface Timed {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

let aim = 0;
let reached = () => {};
const latencies = new Latencies(check);

function check(): void {
  if (latencies.count >= aim) reached();
}

takeOrders(async (order: TimedOrder | 'report'): Promise<Timed | undefined> => {
  if (order === 'report') {
    await new Promise<void>((resolve) => {
      reached = resolve;
      check();
    });
    const timed = { count: latencies.count, p50: latencies.percentile(0.5), p99: latencies.percentile(0.99) };
    latencies.clear();
    return timed;
  }
  aim = order.take * order.count;
  await openStreams(order, () => latencies.reader(order.skip));
  return undefined;
});
