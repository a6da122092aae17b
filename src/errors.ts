/** One error class and one table: what each code means, whether trying again can heal it, and how HTTP answers it. */

interface ErrorFacts {
  /** What it means, for the docs and for `title` in problem details. */
  readonly title: string;
  /** Whether fetching the page again may heal it. */
  readonly retryable?: boolean;
  /** The status with which the service's own API answers it. */
  readonly status?: number;
}

/** Every stable error code. Codes `http.NNN` (a page's status) are not listed one by one: see {@link errorFacts}. */
export const errorTable = {
  // what can go wrong with a page (`page.failed`)
  'dns.not_found': { title: 'The host name does not exist' },
  'dns.failed': { title: 'The name server did not answer', retryable: true },
  'connect.refused': { title: 'The host refused the connection', retryable: true },
  'connect.reset': { title: 'The connection broke', retryable: true },
  'connect.unreachable': { title: 'The host cannot be reached', retryable: true },
  'connect.failed': { title: 'The connection failed', retryable: true },
  'tls.expired': { title: 'The TLS certificate has expired or is not valid yet' },
  'tls.wrong_host': { title: 'The TLS certificate is for another host' },
  'tls.untrusted': { title: 'The TLS certificate is not trusted' },
  'tls.failed': { title: 'The TLS handshake failed' },
  'timeout.connect': { title: 'The host did not accept the connection in time', retryable: true },
  'timeout.headers': { title: 'The answer did not begin in time', retryable: true },
  'timeout.body': { title: 'The body did not go on in time', retryable: true },
  'timeout.total': { title: 'The page took too long in all' },
  'http.malformed': { title: 'The answer is not valid HTTP', retryable: true },
  'http.headers_too_large': { title: 'The answer has too many or too long headers' },
  'redirect.loop': { title: 'The redirects go round in a circle' },
  'redirect.too_many': { title: 'More redirects than the limit' },
  'redirect.invalid': { title: 'The redirect leads to no valid URL' },
  'body.too_large': { title: 'The body is larger than maxBytes after decompression' },
  'body.truncated': { title: 'The body ended before it was complete', retryable: true },
  'body.encoding': { title: 'The body does not have the encoding that it claims' },
  'body.not_html': { title: 'The body is no kind of document that can be extracted from' },
  'document.too_deep': { title: 'Elements are nested too deeply' },
  'document.too_many_elements': { title: 'The document has too many elements' },
  'document.too_costly': { title: 'The spider asks too much of the document' },
  'address.private': { title: 'The address is not public, and this spider may only fetch public ones' },
  'address.port': { title: 'The port belongs to another protocol' },
  'proxy.auth': { title: 'The proxy wants other credentials' },
  'proxy.failed': { title: 'The proxy did not connect to the host', retryable: true },
  'spider.failed': { title: "The spider's own code failed on this page" },
  'worker.failed': { title: 'The thread that worked on the page ended', retryable: true },
  'login.failed': { title: 'The site did not let the crawl in' },
  'start.skipped': { title: 'No start URL may be fetched' },
  // what can be wrong with a request to the service, or with how it was started
  'usage.invalid': { title: 'Bad usage', status: 400 },
  'query.unknown': { title: 'Unknown query parameter', status: 400 },
  'query.invalid': { title: 'Bad query parameter', status: 400 },
  'body.invalid': { title: 'The request body cannot be used', status: 400 },
  'body.limit': { title: 'The request body is larger than 1 MiB', status: 413 },
  'body.type': { title: 'The request body has an unsupported media type', status: 415 },
  'spider.invalid': { title: 'The spider is not valid', status: 422 },
  'spider.fixed': { title: 'The spider cannot be changed over HTTP', status: 409 },
  'spider.unknown': { title: 'No such spider', status: 404 },
  'crawl.unknown': { title: 'No such crawl', status: 404 },
  'crawl.state': { title: 'The state of the crawl does not allow this', status: 409 },
  'route.unknown': { title: 'No such resource', status: 404 },
  'method.invalid': { title: 'Method not allowed', status: 405 },
  'accept.unsupported': { title: 'None of the accepted types can be given', status: 406 },
  'auth.missing': { title: 'A token is needed', status: 401 },
  'auth.wrong': { title: 'The token is not valid', status: 401 },
  'auth.insufficient': { title: 'The token does not allow this', status: 403 },
  'origin.refused': { title: 'This origin is not allowed', status: 403 },
  'upgrade.needed': { title: 'This resource speaks WebSocket', status: 426 },
  'limit.files': { title: 'The process has no file descriptors left' },
  'limit.connections': { title: 'Too many connections', status: 503 },
  'message.invalid': { title: 'The message cannot be used', status: 400 },
  'port.in_use': { title: 'The port is in use' },
  'data.in_use': { title: 'The data directory is in use by another process' },
  'data.unusable': { title: 'The data directory cannot be used' },
  'data.corrupt': { title: 'The data directory is damaged' },
  'store.full': { title: 'The disk is full', status: 503 },
  'store.failed': { title: 'The log cannot be written', status: 503 },
  'store.fenced': { title: 'The crawl has moved on without this page', status: 503 },
  'store.unreachable': { title: 'The cluster that holds the log cannot be reached' },
  'store.unusable': { title: 'The cluster cannot hold the log' },
  'service.stopping': { title: 'The service is stopping', status: 503 },
  internal: { title: 'An error of ours', status: 500 },
} as const satisfies Record<string, ErrorFacts>;

/** A code of the table, or `http.NNN` for the status of a page. */
export type ErrorCode = keyof typeof errorTable | `http.${number}`;

const retryableStatus = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

/** What is known of a code: its title, whether a retry can heal it, the status of our own answer. */
export function errorFacts(code: ErrorCode): ErrorFacts {
  const listed: Record<string, ErrorFacts> = errorTable;
  const facts = listed[code];
  if (facts !== undefined) return facts;
  const status = Number(code.slice('http.'.length));
  return { title: `The page was answered with status ${status}`, retryable: retryableStatus.has(status) };
}

/** The one error class: a stable code, and a message that says what happened and what to change. */
export class CrawlcastError extends Error {
  override readonly name = 'CrawlcastError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    { cause }: ErrorOptions = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/** Any thrown value as an error of ours; what is not one already gets the code `fallback`. */
export function toCrawlcastError(thrown: unknown, fallback: ErrorCode = 'internal'): CrawlcastError {
  if (thrown instanceof CrawlcastError) return thrown;
  return new CrawlcastError(fallback, messageOf(thrown), { cause: thrown });
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
