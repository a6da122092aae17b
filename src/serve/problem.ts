/** Errors as HTTP answers: RFC 9457 problem details. */
import { type CrawlcastError, errorFacts } from '../errors.js';
import type { Answer, Headers } from './transport.js';

/** The answer to a request that cannot be served; `detail` says what to change. */
export function problem(error: CrawlcastError, headers: Headers = {}): Answer {
  const { title, status = 500 } = errorFacts(error.code);
  // An unforeseen error's own words may hold what is nobody's business.
  const detail =
    error.code === 'internal' ? 'Something went wrong here; the log of the service says what.' : error.message;
  const body = JSON.stringify({ type: 'about:blank', title, status, code: error.code, detail });
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(status === 503 && { 'retry-after': '5' }),
      // One connection too many is not kept for the next request.
      ...(error.code === 'limit.connections' && { connection: 'close' }),
      ...headers,
    },
    body,
  };
}
