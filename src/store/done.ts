/** A step that is durable. */
import type { Outcome } from './apply.js';
import type { StoredBatch } from './batch.js';
import type { Committed, LogEvent } from './store.js';

/** Its events are some of those of its transaction, and are made objects when somebody asks: hardly anybody does. */
export class Done implements Committed {
  readonly queued: number;

  /** @param batches all events of the transaction */
  constructor(
    private readonly batches: readonly StoredBatch[],
    private readonly outcome: Outcome,
  ) {
    this.queued = outcome.queued;
  }

  get events(): readonly LogEvent[] {
    const events: LogEvent[] = [];
    let before = 0;
    for (const batch of this.batches) {
      const { from, to } = this.outcome;
      for (const event of batch.slice(from - before, to - before)) events.push(event);
      before += batch.length;
    }
    return events;
  }
}
