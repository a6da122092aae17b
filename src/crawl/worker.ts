/** A thread of the pool: keeps the spiders it was given, visits pages, and sends what came of them in one message per turn. */
import { parentPort } from 'node:worker_threads';
import { type Credit, createCredit } from './credit.js';
import { compileExtraction, type Extraction } from './extraction.js';
import { createFetcher } from './fetcher.js';
import type { FromWorker, Job, PageUpdate, ToWorker } from './messages.js';
import { visitPage } from './visit.js';

const port = parentPort;
if (port === null) throw new Error('this module is the inside of a worker thread');

/** Batches of one page that may be under way before it has to wait: a slow log slows the page, not the memory. */
const batchesUnderWay = 4;

interface Visit {
  readonly abort: AbortController;
  readonly credit: Credit;
}

const fetcher = createFetcher();
const extractions = new Map<string, Extraction>();
const visits = new Map<number, Visit>();
let outbox: (readonly [number, PageUpdate])[] = [];

/** A sign of life, for the one who ends threads that are stuck. */
const signMs = 5_000;
setInterval(() => port.postMessage([]), signMs).unref();

port.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'spider':
      extractions.set(message.crawl, compileExtraction(message.spider));
      break;
    case 'forget':
      extractions.delete(message.crawl);
      break;
    case 'fetch':
      void visit(message.job);
      break;
    case 'abort':
      visits.get(message.id)?.abort.abort();
      break;
    case 'taken':
      visits.get(message.id)?.credit.give();
      break;
  }
});

async function visit(job: Job): Promise<void> {
  const extraction = extractions.get(job.crawl);
  if (extraction === undefined) return;
  const visiting: Visit = { abort: new AbortController(), credit: createCredit(batchesUnderWay) };
  visits.set(job.id, visiting);
  const tell = (update: PageUpdate) => post(job.id, update);
  await visitPage({ job, extraction, fetcher, credit: visiting.credit, signal: visiting.abort.signal, tell });
  visits.delete(job.id);
}

function post(id: number, update: PageUpdate): void {
  if (outbox.length === 0) setImmediate(flush);
  outbox.push([id, update]);
}

function flush(): void {
  const updates: FromWorker = outbox;
  outbox = [];
  port?.postMessage(updates);
}
