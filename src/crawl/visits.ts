/** What visits pages: it keeps the spiders it was given, and sends what came of their pages in few messages. One in each thread of the pool. */
import { Roster } from '../roster.js';
import { Cancellation } from './cancellation.js';
import { Credit } from './credit.js';
import type { PageLimits } from './extractor.js';
import type { Fetcher } from './fetcher.js';
import type { CodeSign, FromWorker, Job, PageUpdate, ToWorker } from './messages.js';
import { createReading, type OpenReader } from './reader.js';
import { visitPage } from './visit.js';

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

/**
 * Begins with no spider and no page.
 * @param send takes what is told of several pages at once
 * @param limits of what a page may ask for; absent: those of a thread
 * @returns takes what the pool says
 */
export function createVisits(
  fetcher: Pick<Fetcher, 'fetch'> & Partial<Pick<Fetcher, 'rest'>>,
  send: (updates: FromWorker) => void,
  limits?: PageLimits,
): (messages: readonly ToWorker[]) => void {
  const readings = new Map<string, OpenReader>();
  const visits = new Roster<number, Visit>();
  let outbox: (readonly [number, PageUpdate | CodeSign])[] = [];

  function take(message: ToWorker): void {
    switch (message.kind) {
      case 'spider':
        readings.set(message.crawl, createReading(message.spider, limits));
        break;
      case 'forget':
        readings.delete(message.crawl);
        if (readings.size === 0) fetcher.rest?.();
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
    if (updates.length > 0) send(updates);
  }

  return (messages) => messages.forEach(take);
}
