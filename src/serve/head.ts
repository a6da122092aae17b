/** What both transports do alike with a message's head: the headers of an answer, the problems they answer themselves. */
import { STATUS_CODES } from 'node:http';
import { CrawlcastError } from '../errors.js';
import type { Answer, Headers, HttpRequest } from './transport.js';

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the characters that must never reach a header
const control = /[\0-\x08\x0a-\x1f\x7f]/;
// Both libraries frame the message themselves.
const framing = new Set(['content-length', 'transfer-encoding', 'connection', 'date', 'keep-alive']);

/**
 * The headers of an answer as name and value, in order; what frames the message is left to the transport. Characters
 * beyond ASCII become `?`.
 * @throws CrawlcastError `internal` for a name that is none, or a value with a line break or another control character
 */
export function headerLines(headers: Headers): [name: string, value: string][] {
  const lines: [string, string][] = [];
  for (const [name, values] of Object.entries(headers)) {
    if (!token.test(name)) throw new CrawlcastError('internal', `${JSON.stringify(name)} is not a header name`);
    if (framing.has(name.toLowerCase())) continue;
    for (const value of typeof values === 'string' ? [values] : values) {
      if (control.test(value)) {
        throw new CrawlcastError('internal', `the header ${name} has a control character in its value`);
      }
      lines.push([name, value.replace(/[^\t\x20-\x7e]/g, '?')]);
    }
  }
  return lines;
}

/** Whether an answer of this status never has a body, nor a length. */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304 || status < 200;
}

/** An error as the transport itself answers it, in problem details (RFC 9457). */
export function problem(status: number, detail: string, headers: Headers = {}): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
    body: JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail }),
  };
}

/** What a request gets where the service's own code threw. */
export const ownError = problem(500, 'an error of ours: the log of the service says more');

/** What is wrong with how a request says where it begins and ends, if anything: one way to say it leaves nothing to smuggle with. */
export function judgeFraming(request: HttpRequest): Answer | undefined {
  if (request.header('transfer-encoding') !== undefined) {
    return problem(411, 'send the body with Content-Length, not with Transfer-Encoding');
  }
  if (!/^\d+$/.test(request.header('content-length') ?? '0')) return problem(400, 'Content-Length must be one number');
  return request.path.startsWith('/') ? undefined : problem(400, 'the request target must be a path');
}
