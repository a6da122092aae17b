/** Every path and method of the service, as the documents for machines describe them. A test holds it to the routes. */
import type { ErrorCode } from '../errors.js';

/** One call. */
export interface Operation {
  readonly summary: string;
  /** Names of parameters; see `openapi.ts`. */
  readonly query?: readonly string[];
  readonly headers?: readonly string[];
  /** Name of the schema of the body. */
  readonly body?: string;
  readonly answers: Readonly<Record<number, Answer>>;
  /** What it may be refused with, besides what every call may. */
  readonly errors?: readonly ErrorCode[];
}

interface Answer {
  readonly description: string;
  /** Schemas by media type; the name of one, a list of it in brackets, or a schema itself. */
  readonly content?: Readonly<Record<string, string | readonly [string] | JsonType>>;
  /** Names of headers. */
  readonly headers?: readonly string[];
}

/** A schema that is only a type. */
export interface JsonType {
  readonly type: string;
  readonly additionalProperties?: true;
}

const text = { 'text/plain': { type: 'string' } } as const;
const rows = { 'application/x-ndjson': { type: 'string' }, 'text/csv': { type: 'string' } } as const;
const items = { 'application/json': { type: 'array' }, ...rows } as const;
const cursor = ['Crawlcast-Cursor'] as const;
const cut = ['Crawlcast-Cursor', 'Crawlcast-Gap'] as const;
const crawl = { description: 'The crawl.', content: { 'application/json': 'Crawl' }, headers: cursor } as const;
const spider = { description: 'The spider.', content: { 'application/json': 'Spider' }, headers: cursor } as const;
const subscription = ['type', 'crawl', 'since', 'data', 'access_token'] as const;
const notModified = { description: 'It is as `If-None-Match` says.' } as const;
const badQuery = ['query.unknown', 'query.invalid'] as const;
const badBody = ['body.invalid', 'body.type', 'body.limit', 'spider.invalid'] as const;

function control(summary: string): Operation {
  return { summary, answers: { 200: crawl }, errors: ['query.unknown', 'crawl.unknown', 'crawl.state'] };
}

function document(summary: string, type = 'application/json'): Operation {
  // Generators of types take an object of which nothing else is said for an empty one.
  const content = { [type]: { type: 'object', additionalProperties: true } } as const;
  return { summary, answers: { 200: { description: 'The document.', content } }, errors: ['query.unknown'] };
}

/** By method and path. */
export const operations: Readonly<Record<string, Operation>> = {
  'GET /crawl': {
    summary: 'Start the quotes crawl, or tell how it stands',
    query: ['restart'],
    answers: {
      200: {
        description: 'SCRAPING, SCRAPE IN PROGRESS, SCRAPE COMPLETE or SCRAPE FAILED.',
        content: text,
        headers: ['Crawlcast-Cursor', 'X-Crawl-Error'],
      },
    },
    errors: badQuery,
  },
  'GET /results': {
    summary: 'The quotes of the newest completed crawl',
    query: ['partial', 'format', 'at'],
    answers: {
      200: { description: 'The quotes, or "Scrape Still Progress".', content: { ...items, ...text }, headers: cut },
    },
    errors: badQuery,
  },
  'GET /events': {
    summary: 'The log as server-sent events',
    query: subscription,
    headers: ['Last-Event-ID'],
    answers: {
      200: {
        description: 'A stream: each event is a CloudEvent in JSON.',
        content: { 'text/event-stream': { type: 'string' } },
      },
      204: { description: 'The crawl is over, and nothing is left: do not come back.' },
    },
    errors: [...badQuery, 'accept.unsupported', 'limit.connections'],
  },
  'GET /ws': {
    summary: 'The log over WebSocket; see /asyncapi.json',
    query: subscription,
    answers: { 101: { description: 'The WebSocket is open.' } },
    errors: [...badQuery, 'upgrade.needed', 'origin.refused', 'limit.connections'],
  },
  'GET /crawls': {
    summary: 'All crawls, oldest first, or the newest of them',
    query: ['limit', 'before'],
    answers: { 200: { description: 'The crawls.', content: { 'application/json': ['Crawl'] }, headers: cursor } },
    errors: badQuery,
  },
  'POST /crawls': {
    summary: 'Start a crawl',
    body: 'StartRequest',
    answers: { 201: { ...crawl, headers: ['Crawlcast-Cursor', 'Location'] } },
    errors: [...badBody, 'spider.unknown', 'query.unknown'],
  },
  'GET /crawls/{id}': {
    summary: 'A crawl as it stands',
    answers: { 200: crawl },
    errors: ['crawl.unknown', 'query.unknown'],
  },
  'GET /crawls/{id}/items': {
    summary: 'What a crawl has extracted so far',
    query: ['type', 'format'],
    answers: { 200: { description: 'The items in log order.', content: items, headers: cut } },
    errors: [...badQuery, 'crawl.unknown'],
  },
  'POST /crawls/{id}/pause': control('Pause a running crawl'),
  'POST /crawls/{id}/resume': control('Go on with a paused crawl'),
  'POST /crawls/{id}/cancel': control('End a crawl'),
  'GET /spiders': {
    summary: 'All spiders that are data, by name',
    answers: { 200: { description: 'The spiders.', content: { 'application/json': ['Spider'] }, headers: cursor } },
    errors: ['query.unknown'],
  },
  'GET /spiders/{name}': {
    summary: 'A spider, without the values of its headers and cookies',
    answers: { 200: spider },
    errors: ['spider.unknown', 'query.unknown'],
  },
  'PUT /spiders/{name}': {
    summary: 'Keep a spider',
    body: 'Spider',
    answers: {
      200: { ...spider, description: 'It has taken the place of the former one.' },
      201: { ...spider, description: 'It is new.', headers: ['Crawlcast-Cursor', 'Location'] },
    },
    errors: [...badBody, 'spider.fixed', 'query.unknown'],
  },
  'DELETE /spiders/{name}': {
    summary: 'Forget a spider; its crawls stay',
    answers: { 204: { description: 'It is gone.' } },
    errors: ['spider.unknown', 'spider.fixed', 'query.unknown'],
  },
  'GET /hosts': {
    summary: 'The hosts that crawls ask, the busiest first, at most 1,000',
    answers: { 200: { description: 'The hosts.', content: { 'application/json': ['Host'] }, headers: cursor } },
    errors: ['query.unknown'],
  },
  'GET /healthz': {
    summary: 'Whether the process lives',
    answers: { 200: { description: 'It does.', content: text } },
  },
  'GET /readyz': {
    summary: 'Whether the service can do its work',
    answers: {
      200: { description: 'It can.', content: text },
      503: { description: 'It cannot: the text says why.', content: text },
    },
  },
  'GET /metrics': {
    summary: 'Figures for Prometheus',
    answers: { 200: { description: 'In the text format of Prometheus.', content: text } },
  },
  'GET /openapi.json': document('This interface as OpenAPI 3.1'),
  'GET /asyncapi.json': document('The streams as AsyncAPI 3.0'),
  'GET /schemas/spider.json': document('The JSON Schema of a spider', 'application/schema+json'),
  'GET /': {
    summary: 'The dashboard',
    answers: { 200: { description: 'A page.', content: { 'text/html': { type: 'string' } } }, 304: notModified },
  },
  'GET /assets/{name}': {
    summary: 'What the dashboard loads',
    errors: ['route.unknown'],
    answers: { 200: { description: 'A script, a style sheet or an image, good for ever.' }, 304: notModified },
  },
};
