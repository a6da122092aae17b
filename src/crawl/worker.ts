/** A thread of the pool. */
import { parentPort, workerData } from 'node:worker_threads';
import { createFetcher, type FetcherOptions } from './fetcher.js';
import type { WorkerOptions } from './messages.js';
import { createVisits } from './visits.js';

const port = parentPort;
if (port === null) throw new Error('this module is the inside of a worker thread');

// `createPool` says it to every thread that it starts.
const { signMs, network } = workerData as WorkerOptions;
const fetcher = createFetcher(network === undefined ? {} : await optionsIn(network));

/** A sign of life, for the one who ends threads that are stuck. */
setInterval(() => port.postMessage([]), signMs).unref();
port.postMessage([]);

port.on(
  'message',
  createVisits(fetcher, (updates) => port.postMessage(updates)),
);

async function optionsIn(network: string): Promise<FetcherOptions> {
  const { default: options }: { default: FetcherOptions } = await import(network);
  return options;
}
