/** A thread of the pool: keeps the spiders it was given, visits pages, and sends what came of them in few messages. */
import { parentPort, workerData } from 'node:worker_threads';
import { Roster } from '../roster.js';
import { Cancellation } from './cancellation.js';
import { Credit } from './credit.js';
import { createFetcher, type FetcherOptions } from './fetcher.js';
import type { CodeSign, FromWorker, Job, PageUpdate, ToWorker, WorkerOptions } from './messages.js';
import { createReading, type OpenReader } from './reader.js';
import { visitPage } from './visit.js';

const port = parentPort;
if (port === null) throw new Error('this module is the inside of a worker thread');

/**
 * Updates in one message: what one turn has given travels together, but where it gives a lot, the main thread has the next pages ready while the
 * rest is extracted. With 10 instead of 16 there are more and smaller commits, at a higher price.
 */
const maxUpdates = 16;

/** Batches of one page that may be under way before it has to wait: a slow log slows the page, not the memory. */
const batchesUnderWay = 4;

interface Visit {
  readonly caller: Cancellation;
  readonly credit: Credit;
}

// `createPool` says it to every thread that it starts.
const { signMs, network } = workerData as WorkerOptions;
const fetcher = createFetcher(network === undefined ? {} : await optionsIn(network));
const readings = new Map<string, OpenReader>();
const visits = new Roster<number, Visit>();
let outbox: (readonly [number, PageUpdate | CodeSign])[] = [];

/** A sign of life, for the one who ends threads that are stuck. */
setInterval(() => port.postMessage([]), signMs).unref();
port.postMessage([]);

port.on('message', (messages: readonly ToWorker[]) => messages.forEach(take));

function take(message: ToWorker): void {
  switch (message.kind) {
    case 'spider':
      readings.set(message.crawl, createReading(message.spider));
      break;
    case 'forget':
      readings.delete(message.crawl);
      break;
    case 'fetch':
      void visit(message.id, message.job);
      break;
    case 'abort':
      abort(message.id);
      break;
    case 'taken':
      visits.get(message.id)?.credit.give();
      break;
  }
}

/** A page that waits to be taken care of would wait for ever. */
function abort(id: number): void {
  const visiting = visits.get(id);
  visiting?.caller.end(new DOMException('Nobody wants the page any more', 'AbortError'));
  visiting?.credit.end();
}

async function optionsIn(network: string): Promise<FetcherOptions> {
  const { default: options }: { default: FetcherOptions } = await import(network);
  return options;
}

async function visit(id: number, job: Job): Promise<void> {
  const openReader = readings.get(job.crawl);
  if (openReader === undefined) return;
  const visiting: Visit = { caller: new Cancellation(), credit: new Credit(batchesUnderWay) };
  visits.set(id, visiting);
  const tell = (update: PageUpdate) => post(id, update);
  const onCode = () => {
    post(id, { kind: 'code' });
    // At once: there may be no later.
    flush();
  };
  const { credit, caller } = visiting;
  await visitPage({ job, openReader, fetcher, credit, caller, tell, onCode });
  visits.delete(id);
}

function post(id: number, update: PageUpdate | CodeSign): void {
  if (outbox.length === 0) setImmediate(flush);
  outbox.push([id, update]);
  if (outbox.length === maxUpdates) flush();
}

function flush(): void {
  const updates: FromWorker = outbox;
  outbox = [];
  if (updates.length > 0) port?.postMessage(updates);
}
