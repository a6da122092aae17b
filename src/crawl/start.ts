/** What a crawl is begun with. */
import { ulid } from 'ulid';
import { CrawlcastError } from '../errors.js';
import type { CrawlRecord } from '../store/store.js';
import { overrideSettings, parseStart, type Spider } from './spider.js';

/** What a crawl is started with. */
export interface StartRequest {
  readonly spider: Spider;
  /** Replaces the spider's start URLs. */
  readonly start?: unknown;
  /** Overrides some of the spider's settings. */
  readonly settings?: unknown;
  /** Where the spider comes from: one that came in over HTTP may not enter private networks. */
  readonly origin: 'local' | 'http';
  /** Asked when the crawl's turn has come to be written down: where it is false, it is not started (`crawl.state`). */
  readonly onlyIf?: () => boolean;
}

/**
 * What a proxy connects to is its own affair, and so nothing that the address guard can answer for.
 * @throws CrawlcastError `spider.invalid`
 */
export function refuseProxy({ settings }: Spider): void {
  if (settings.proxy === undefined) return;
  throw new CrawlcastError(
    'spider.invalid',
    'settings.proxy: a spider that came in over HTTP may use a proxy only where the service allows private networks',
  );
}

/** The spider as this crawl uses it, and what is written down of the crawl. */
export function prepare({ spider: given, start, settings, origin }: StartRequest): {
  spider: Spider;
  record: CrawlRecord;
} {
  const spider: Spider = {
    ...given,
    start: start === undefined ? given.start : parseStart(start),
    settings: settings === undefined ? given.settings : overrideSettings(given.settings, settings),
  };
  const record: CrawlRecord = {
    id: ulid(),
    spider: spider.name,
    definition: spider,
    origin,
    start: spider.start,
    state: 'running',
    startedAt: new Date().toISOString(),
  };
  return { spider, record };
}
