/** Exactly once, in order. */
import { concatMap, defer, EMPTY, type OperatorFunction, of } from 'rxjs';
import type { CloudEvent } from '#src/events.js';
import type { Frame } from './frame.js';

/** An id in its two parts. */
export interface Place {
  readonly epoch: string;
  readonly offset: number;
}

/** Reads `EPOCH-OFFSET`. */
export function placeOf(id: string): Place {
  const dash = id.lastIndexOf('-');
  return { epoch: id.slice(0, dash), offset: Number(id.slice(dash + 1)) };
}

/**
 * The events of frames, each offset once; what came before is dropped. A gap starts anew wherever it says.
 * @param moved told of each place that has been reached: where to go on after a break
 */
export function onceInOrder(moved: (id: string) => void): OperatorFunction<Frame, CloudEvent> {
  return (frames$) =>
    defer(() => {
      let last: Place | undefined;
      return frames$.pipe(
        concatMap(({ id, event }) => {
          const place = placeOf(id);
          const isNew = last === undefined || place.epoch !== last.epoch || place.offset > last.offset;
          if (!isNew && event?.type !== 'log.gap') return EMPTY;
          last = place;
          moved(id);
          return event === undefined ? EMPTY : of(event);
        }),
      );
    });
}
