/** Watches one crawl from within the process. */
import { finalEventTypes } from '../events.js';
import { follow } from '../store/follow.js';
import type { LogEvent, Store } from '../store/store.js';

/** Calls back with each event of a crawl, from its first; resolves with its last. */
export async function followCrawl(store: Store, crawl: string, onEvent: (event: LogEvent) => void): Promise<LogEvent> {
  const after = (store.progress(crawl)?.firstOffset ?? 1) - 1;
  for await (const batch of follow(store.log, after)) {
    for (const event of batch) {
      if (event.crawl !== crawl) continue;
      onEvent(event);
      if (finalEventTypes.has(event.type)) return event;
    }
  }
  throw new Error('the log ended before the crawl did');
}
