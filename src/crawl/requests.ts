/** The limits and manners of a crawl's requests, from its settings. */
import { version } from '../version.js';
import type { FetchOptions } from './messages.js';
import type { Settings } from './spider.js';

/** The `User-Agent` of a spider that names none. */
const defaultUserAgent = `crawlcast/${version}`;

/** A page may take this many times as long in all as it may be silent. */
const totalTimeoutFactor = 10;

/** How a URL is fetched for a crawl with these settings. */
export function requestOptions(settings: Settings, publicOnly: boolean, cookie: string | undefined): FetchOptions {
  const { userAgent = defaultUserAgent, headers, timeout, maxBytes, proxy } = settings;
  return {
    userAgent,
    headers: { ...headers, ...(cookie === undefined ? {} : { cookie }) },
    timeoutMs: timeout,
    totalTimeoutMs: timeout * totalTimeoutFactor,
    maxBytes,
    publicOnly,
    ...(proxy === undefined ? {} : { proxy }),
  };
}
