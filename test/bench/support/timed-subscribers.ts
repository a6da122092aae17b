/** Subscribers in a process of their own that say how long deliveries took. */
import { takeOrders } from './child.js';
import { Latencies } from './latencies.js';
import { openStreams, type Streams } from './streams.js';

/** First this, answered when all are open. */
export interface TimedOrder extends Streams {
  /** Items of each stream that are not counted. */
  readonly skip: number;
}

/** Then this, again and again: answered when so many deliveries, of all streams together, have come since the last one. */
export interface ReportOrder {
  readonly report: number;
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

takeOrders(async (order: TimedOrder | ReportOrder): Promise<Timed | undefined> => {
  if (!('report' in order)) {
    await openStreams(order, () => latencies.reader(order.skip));
    return undefined;
  }
  aim = order.report;
  await new Promise<void>((resolve) => {
    reached = resolve;
    check();
  });
  const timed = { count: latencies.count, p50: latencies.percentile(0.5), p99: latencies.percentile(0.99) };
  latencies.clear();
  return timed;
});
