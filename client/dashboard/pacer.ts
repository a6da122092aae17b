/** Replays events at the pace at which they came. */
import type { CloudEvent } from '#src/events.js';
import { pause } from './frames.js';

/** So many times as fast as it was; infinite: as fast as it goes. */
export type Speed = number;

/** A gap longer than this is cut short: nobody wants to watch a paused crawl. */
const maxGapMs = 5_000;

/** Gives events when they are due. */
export class Pacer {
  /** The time that it has come to, of the events' own. */
  nowMs: number | undefined;
  #dueMs = performance.now();

  constructor(
    readonly speed: Speed,
    readonly signal: AbortSignal,
  ) {}

  /** The events in small groups, each when it is due; ends early when it is called off. */
  async *pace(events: readonly CloudEvent[]): AsyncGenerator<CloudEvent[]> {
    let due: CloudEvent[] = [];
    for (const event of events) {
      const timeMs = Date.parse(event.time);
      const gapMs = Math.min(maxGapMs, Math.max(0, timeMs - (this.nowMs ?? timeMs)));
      this.#dueMs += gapMs / this.speed;
      this.nowMs = timeMs;
      const waitMs = this.#dueMs - performance.now();
      // What is due within the same frame is shown in it.
      if (waitMs > 8) {
        if (due.length > 0) yield due;
        due = [];
        await pause(waitMs, this.signal);
        if (this.signal.aborted) return;
      }
      due.push(event);
    }
    if (due.length > 0) yield due;
  }
}
