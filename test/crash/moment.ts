/** Exact moments at which a process dies: beside a commit, or while it starts. */
import type { Step } from '#src/store/store.js';

/** What a commit is for. */
export type StepKind = 'start' | 'batch' | 'end' | 'pause' | 'finish';

/** Where a process ends itself with SIGKILL. */
export type Moment =
  | {
      readonly at: 'commit';
      readonly kind: StepKind;
      /**
       * `before`: nothing is written. `durable`: it is on the disk, but neither a reader nor the pipeline knows.
       * `told`: readers have been told, the pipeline has not gone on.
       */
      readonly side: 'before' | 'durable' | 'told';
      /** Which one of its kind, from 1. */
      readonly nth: number;
    }
  | { readonly at: 'start-up'; readonly stage: 'opening' | 'opened' | 'listening' };

/** What a step is for; `undefined` where it is none of those that matter here. */
export function kindOf(step: Step): StepKind | undefined {
  const last = step.events?.at(-1)?.type;
  if (step.dropFrontier) return 'finish';
  if (step.offers !== undefined && step.record !== undefined) return 'start';
  if (last === 'crawl.paused' || last === 'crawl.resumed') return 'pause';
  if (step.lease === undefined) return undefined;
  return step.release ? 'end' : 'batch';
}
