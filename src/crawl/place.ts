/** Where pages are worked on, and how it is told of them. */
import type { Worker } from 'node:worker_threads';
import type { Roster } from '../roster.js';
import type { Job, PageUpdate, ToWorker } from './messages.js';

/** A thread, or what the main thread has of it. */
export interface Place {
  /** Takes what it is told; absent while it waits to be started. */
  worker: Pick<Worker, 'postMessage'> | undefined;
  /** What it is told at the end of this turn, or as soon as it is started. */
  waiting: ToWorker[];
  readonly pages: Roster<number, Underway>;
}

/** A page that is being worked on. */
export interface Underway {
  readonly id: number;
  job: Job;
  place: Place;
  /** Whether the spider's own code is reading it. */
  inCode: boolean;
  readonly give: (update: PageUpdate) => void;
}

/**
 * What is told in one turn travels together: a message that wakes a thread costs more than ten that do not. It leaves as soon as the slots that
 * became free in this turn have their next leases, before what the pages have brought is encoded: meanwhile the thread is at work already.
 */
export function tell(place: Place, message: ToWorker): void {
  if (place.waiting.push(message) === 1) process.nextTick(() => flush(place));
}

/** Tells what waits. */
export function flush(place: Place): void {
  const { worker, waiting } = place;
  if (worker === undefined || waiting.length === 0) return;
  place.waiting = [];
  worker.postMessage(waiting);
}
