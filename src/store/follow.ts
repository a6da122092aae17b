/** Replay, then live, in one loop. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Batch, EventLog } from './store.js';

/**
 * Everything behind an offset, and then everything as it is appended, without a seam. Ends when the signal aborts.
 * A reader that takes its time costs nothing: the log is read only when it asks for more.
 */
export async function* follow(log: EventLog, after: number, signal?: AbortSignal): AsyncGenerator<Batch, void, void> {
  let cursor = after;
  while (!signal?.aborted) {
    const batch = log.read(cursor);
    if (batch.length === 0) {
      await nextAppend(log, signal);
    } else {
      cursor = batch.last;
      yield batch;
      // A long replay to a reader that never waits must not keep everybody else waiting.
      if (cursor < log.last) await nextTurn();
    }
  }
}

/** Nothing can slip in between: reading and listening happen in the same turn. */
function nextAppend(log: EventLog, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stop();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const stop = log.onAppend(done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
