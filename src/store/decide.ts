/** Steps that can only be decided on when their turn has come. */
import type { Draft } from './draft.js';
import { newCrawl, progressOf } from './state.js';
import type { Step } from './store.js';

/** The step as it is by now. What it throws refuses it; nothing has been changed then. */
export function decided(draft: Draft, step: Step): Step {
  if (step.decide === undefined) return step;
  const { decide, ...given } = step;
  const crawl = draft.crawls.get(step.crawl) ?? draft.base.crawls.get(step.crawl);
  const { record, events = [] } = decide({
    record: crawl?.record,
    progress: progressOf(crawl ?? newCrawl(step.crawl, 0, ''), 0),
  });
  return { ...given, ...(record && { record }), events: [...(step.events ?? []), ...events] };
}
