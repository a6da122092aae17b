/** How a service is killed: planned from a seed, so that a run can be had again. */
import type { Moment } from './moment.js';
import type { Random } from './random.js';

/** How a change of state by a request is cut off; `cut` is some time after it was sent, `answered` after its answer. */
export type Cut = 'before' | 'durable' | 'told' | 'cut' | 'answered';

/** One way to kill. */
export type Blow =
  /** Some time after it listens. */
  | { readonly kind: 'anytime'; readonly afterMs: number }
  /** Some time after it was started, most often before it listens. */
  | { readonly kind: 'starting'; readonly afterMs: number }
  /** When the site sends its so many-th quote from now on: in the middle of a page. */
  | { readonly kind: 'page'; readonly quotes: number }
  /** While it pauses, while it is paused, and while it resumes. */
  | { readonly kind: 'paused'; readonly afterMs: number; readonly pause: Cut; readonly resume: Cut }
  /** At an exact moment. */
  | { readonly kind: 'moment'; readonly moment: Moment };

const cuts = ['before', 'durable', 'told', 'cut', 'answered'] as const;
const sides = ['before', 'durable', 'told'] as const;

/** The next blow. */
export function planBlow(random: Random): Blow {
  const chance = random.whole(1, 20);
  if (chance <= 7) return { kind: 'anytime', afterMs: random.number(400) };
  if (chance <= 10) return { kind: 'starting', afterMs: random.number(random.pick([50, 300])) };
  if (chance <= 14) return { kind: 'page', quotes: random.whole(1, 40) };
  if (chance <= 15) {
    return { kind: 'paused', afterMs: random.number(200), pause: random.pick(cuts), resume: random.pick(cuts) };
  }
  return { kind: 'moment', moment: planMoment(random) };
}

function planMoment(random: Random): Moment {
  if (random.whole(1, 6) === 1) return { at: 'start-up', stage: random.pick(['opening', 'opened', 'listening']) };
  const kind = random.pick(['batch', 'end'] as const);
  return { at: 'commit', kind, side: random.pick(sides), nth: random.whole(1, kind === 'batch' ? 30 : 5) };
}
