/** What `POST /crawls` asks for, and what it may. */
import { z } from 'zod';
import type { SpiderLibrary } from '../crawl/library.js';
import { parseInput, parseSpider, parseStart, type Spider } from '../crawl/spider.js';
import type { StartRequest } from '../crawl/start.js';

const request = z.strictObject(
  {
    spider: z.union([z.string(), z.looseObject({})], { error: 'write the name of a spider, or a whole spider' }),
    start: z.unknown().optional(),
    settings: z.looseObject({}, { error: 'write an object, for example {"maxPages": 10}' }).optional(),
  },
  {
    error: ({ code }) =>
      code === 'unrecognized_keys' ? undefined : 'write an object, for example {"spider": "quotes"}',
  },
);

/**
 * Reads a request for a crawl. What came in over HTTP may not enter private networks: a whole spider, one that is stored
 * here, and another spider as soon as the request says where to start or which proxy to take.
 * @throws CrawlcastError `spider.invalid`, `spider.unknown`
 */
export function readStartRequest(body: unknown, spiders: SpiderLibrary): StartRequest {
  const { spider: named, ...given } = parseInput(request, body);
  const asked = {
    ...(given.start !== undefined && { start: given.start }),
    ...(given.settings && { settings: given.settings }),
  };
  if (typeof named !== 'string') return { spider: parseSpider(named), origin: 'http', ...asked };
  const spider = spiders.get(named);
  const { start, settings } = given;
  if (start === undefined && settings?.proxy === undefined) return { spider, origin: spiders.origin(named), ...asked };
  return { spider: goesElsewhere(spider, given) ? withoutSecrets(spider) : spider, origin: 'http', ...asked };
}

/** Whether a request sends a spider to a site, or through a proxy, that it was not written for. */
function goesElsewhere(
  spider: Spider,
  { start, settings }: Pick<z.output<typeof request>, 'start' | 'settings'>,
): boolean {
  if (settings?.proxy !== undefined) return true;
  const own = new Set(spider.start.map(originOf));
  return !parseStart(start).every((url) => own.has(originOf(url)));
}

/** Headers, cookies and login are for the sites that the spider was written for. */
function withoutSecrets({ login: _, ...spider }: Spider): Spider {
  return { ...spider, settings: { ...spider.settings, headers: {}, cookies: {} } };
}

function originOf(url: string): string {
  return new URL(url).origin;
}
