/** JSON in and out of the small API. */
import { CrawlcastError } from '../errors.js';
import type { Exchange } from './routes.js';
import type { Headers, HttpRequest } from './transport.js';

/** No request of this API needs more. */
export const maxBodyBytes = 1 << 20;

/** Deeper than any spider, and far from where a walk through a value runs out of stack. */
const maxDepth = 100;

const jsonType = /^application\/([\w.+-]+\+)?json\s*(;|$)/i;

/**
 * Reads a request's body as JSON. No media type is taken for JSON: others are what a browser sends without asking first.
 * @throws CrawlcastError `body.type`, `body.limit`, `body.invalid`
 */
export async function readJson(request: HttpRequest): Promise<unknown> {
  const type = request.header('content-type');
  if (type !== undefined && !jsonType.test(type.trim())) {
    throw new CrawlcastError('body.type', 'send JSON with the header "Content-Type: application/json"');
  }
  const body = await request.readBody(maxBodyBytes);
  if (body.length === 0) throw new CrawlcastError('body.invalid', 'the body is empty: send a JSON object');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    if (!isDeep(text)) return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? cause.message : 'it is not UTF-8';
    throw new CrawlcastError('body.invalid', `the body is not JSON: ${shorten(reason)}`, { cause });
  }
  throw new CrawlcastError('body.invalid', `the body is nested more than ${maxDepth} levels deep`);
}

/** Counted in the text, strings apart: whoever walks the value would be the one to run out of stack. */
function isDeep(text: string): boolean {
  let depth = 0;
  for (const [mark] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (mark === '[' || mark === '{') depth++;
    else if (mark === ']' || mark === '}') depth--;
    if (depth > maxDepth) return true;
  }
  return false;
}

/** The parser quotes what it stumbled over, and that may be a secret. */
function shorten(reason: string): string {
  return reason.replace(/,? ?(\.\.\.)?".*" is not valid JSON$/s, '').slice(0, 200);
}

/** Answers with a value as JSON, and with where the log stood. */
export function sendJson(
  { response, store, cors }: Exchange,
  value: unknown,
  status = 200,
  headers: Headers = {},
): void {
  response.send(
    status,
    {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'crawlcast-cursor': `${store.log.epoch}-${store.log.last}`,
      ...cors,
      ...headers,
    },
    JSON.stringify(value),
  );
}
