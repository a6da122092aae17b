/** Errors as HTTP answers: RFC 9457 problem details. */
import { type CrawlcastError, errorFacts } from '../errors.js';
import type { Answer, Headers } from './transport.js';

/** Whether it is the service's own trouble, rather than a bad request: then its log has to say so. */
export function isOurs({ code }: CrawlcastError): boolean {
  return (errorFacts(code).status ?? 500) >= 500;
}

/** What a client is told of an error. The own words of an unforeseen one may hold what is nobody's business. */
export function detailOf({ code, message }: CrawlcastError): string {
  return code === 'internal' ? 'Something went wrong here; the log of the service says what.' : message;
}

/** The answer to a request that cannot be served; `detail` says what to change. */
export function problem(error: CrawlcastError, headers: Headers = {}): Answer {
  const { title, status = 500 } = errorFacts(error.code);
  const body = JSON.stringify({ type: 'about:blank', title, status, code: error.code, detail: detailOf(error) });
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
