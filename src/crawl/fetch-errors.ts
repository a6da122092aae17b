/** What can go wrong with a fetch: whatever the network, TLS, undici or zlib throws becomes one of our codes. */
import { CrawlcastError, type ErrorCode } from '../errors.js';

/** How far a fetch has come. */
export type Phase = 'waiting' | 'connect' | 'headers' | 'body';

/** The longest head of an answer that is read, in bytes. */
export const maxHeaderBytes = 64 * 1024;

const codes: Readonly<Record<string, ErrorCode>> = {
  ENOTFOUND: 'dns.not_found',
  ENODATA: 'dns.not_found',
  EAI_NODATA: 'dns.not_found',
  EAI_AGAIN: 'dns.failed',
  EAI_FAIL: 'dns.failed',
  ECONNREFUSED: 'connect.refused',
  ECONNRESET: 'connect.reset',
  ECONNABORTED: 'connect.reset',
  EPIPE: 'connect.reset',
  EHOSTUNREACH: 'connect.unreachable',
  ENETUNREACH: 'connect.unreachable',
  EADDRNOTAVAIL: 'connect.unreachable',
  ETIMEDOUT: 'timeout.connect',
  CERT_HAS_EXPIRED: 'tls.expired',
  CERT_NOT_YET_VALID: 'tls.expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls.wrong_host',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls.untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls.untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'tls.untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls.untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls.untrusted',
  CERT_UNTRUSTED: 'tls.untrusted',
  CERT_REVOKED: 'tls.untrusted',
  EPROTO: 'tls.failed',
  UND_ERR_HEADERS_OVERFLOW: 'http.headers_too_large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'http.malformed',
  UND_ERR_SOCKET: 'connect.reset',
  // The other side closed it between two requests.
  UND_ERR_DESTROYED: 'connect.reset',
  UND_ERR_INVALID_ARG: 'usage.invalid',
};

const sentences: Partial<Record<ErrorCode, string>> = {
  'dns.not_found': 'no such host name',
  'dns.failed': 'the name server gave no answer',
  'connect.refused': 'the host refused the connection',
  'connect.reset': 'the connection broke before the answer was complete',
  'connect.unreachable': 'there is no way to the host',
  'connect.failed': 'the connection failed',
  'tls.expired': 'the TLS certificate has expired or is not valid yet',
  'tls.wrong_host': 'the TLS certificate is for another host',
  'tls.untrusted': 'the TLS certificate is signed by nobody we trust',
  'tls.failed': 'the TLS handshake failed',
  'http.malformed': 'the answer is not valid HTTP',
  'http.headers_too_large': `the headers of the answer are longer than ${maxHeaderBytes} bytes`,
  'body.truncated': 'the connection ended before the body was complete',
  'usage.invalid': 'the request cannot be sent',
};

/** Any failure of a fetch as an error of ours, with a message that names the host. */
export function describeFailure(thrown: unknown, host: string, phase: Phase): CrawlcastError {
  if (thrown instanceof CrawlcastError) return thrown;
  const error = firstOf(thrown);
  const code = codeOf(error, phase);
  const detail = detailOf(error);
  const message = `${host}: ${sentences[code] ?? 'the connection failed'}${detail === '' ? '' : ` (${detail})`}`;
  return new CrawlcastError(code, message, { cause: thrown });
}

/** Of several addresses that were tried, the first one tells why. */
function firstOf(thrown: unknown): unknown {
  return thrown instanceof AggregateError && thrown.errors.length > 0 ? thrown.errors[0] : thrown;
}

function codeOf(error: unknown, phase: Phase): ErrorCode {
  const name = nameOf(error);
  const message = error instanceof Error ? error.message : '';
  // undici says in words alone what it did not like
  if (name === parserError) return message.includes('Invalid EOF state') ? 'body.truncated' : 'http.malformed';
  if (message === 'bad upgrade' || message === 'bad response') return 'http.malformed';
  if (phase === 'body' && cutShort.has(name)) return 'body.truncated';
  if (name.startsWith('ERR_SSL_') || name.startsWith('ERR_TLS_')) return codes[name] ?? 'tls.failed';
  return codes[name] ?? 'connect.failed';
}

/** Once the head has come, these say that the rest did not. */
const cutShort = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);

const parserError = 'HTTPParserError';

/** `code` of an error, as Node and undici set it, or the name of one of the parser; empty where there is none. */
function nameOf(error: unknown): string {
  if (error instanceof Error && error.name === parserError) return parserError;
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** What is worth adding for somebody who looks for the cause: parser's words, or the system's name for it. */
function detailOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const name = nameOf(error);
  if (name === parserError || name === 'UND_ERR_INVALID_ARG') return error.message;
  return name.startsWith('UND_ERR_') ? '' : name;
}

/** The error for a phase that took longer than it may. */
export function timeoutError(phase: Phase, host: string, timeoutMs: number): CrawlcastError {
  const what = {
    waiting: ['timeout.connect', 'the host name was not resolved'],
    connect: ['timeout.connect', 'the host did not accept the connection'],
    headers: ['timeout.headers', 'the answer did not begin'],
    body: ['timeout.body', 'the body did not go on'],
  } as const;
  const [code, sentence] = what[phase];
  return new CrawlcastError(code, `${host}: ${sentence} within ${timeoutMs} ms`);
}

/** The error for a page that took longer than it may in all. */
export function totalTimeoutError(host: string, totalTimeoutMs: number): CrawlcastError {
  return new CrawlcastError('timeout.total', `${host}: the page took longer than ${totalTimeoutMs} ms in all`);
}

/** The error for a body over the limit. */
export function tooLargeError(host: string, maxBytes: number): CrawlcastError {
  return new CrawlcastError('body.too_large', `${host}: the body is longer than ${maxBytes} bytes after decompression`);
}
