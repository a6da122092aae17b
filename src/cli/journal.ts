/** What happens to crawls, one line each in the service's own log: from the event log, read like by any other reader. */
import type { Logger } from 'pino';
import type { CrawlEnd } from '../events.js';
import { dataText } from '../events-json.js';
import { follow } from '../store/follow.js';
import type { LogEvent, Store } from '../store/store.js';

/** Begins at the end of the log; the function that it returns ends it. */
export function keepJournal(store: Store, logger: Logger): () => void {
  const stop = new AbortController();
  const write = async () => {
    for await (const batch of follow(store.log, store.log.last, stop.signal)) {
      for (const event of batch) if (event.type.startsWith('crawl.')) note(event, logger, store);
    }
  };
  write().catch((err) => logger.error({ err }, 'the journal of the crawls has ended'));
  return () => stop.abort();
}

function note({ type, crawl, json }: LogEvent, logger: Logger, store: Store): void {
  const { spider, startedAt } = store.crawl(crawl) ?? {};
  const event: Partial<CrawlEnd> & { start?: string[]; error?: string; message?: string } = JSON.parse(
    dataText(json).toString(),
  );
  const { stats, start, error, message } = event;
  const isOver = type !== 'crawl.started' && type !== 'crawl.paused' && type !== 'crawl.resumed';
  const seconds = isOver && startedAt !== undefined ? { seconds: (Date.now() - Date.parse(startedAt)) / 1_000 } : {};
  const figures = { crawl, spider, ...seconds, ...stats, ...(start && { start: start.slice(0, maxStart) }) };
  const line = type.replace('.', ' ');
  if (error === undefined) logger.info(figures, line);
  else logger.warn({ ...figures, error, reason: message }, line);
}

/** Start URLs that one line shows. */
const maxStart = 5;
