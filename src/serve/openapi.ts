/** The service's HTTP interface as an OpenAPI 3.1 document. */
import { type ErrorCode, errorFacts } from '../errors.js';
import { version } from '../version.js';
import { type JsonType, type Operation, operations } from './operations.js';
import { namedSchemas } from './schemas.js';

type Json = Record<string, unknown>;

const string = { type: 'string' };

/** Parameters by the name under which operations ask for them. */
const parameters: Readonly<Record<string, Json>> = {
  type: {
    description: 'Only these types, separated by commas.',
    style: 'form',
    explode: false,
    schema: { type: 'array', items: string },
    example: ['quote', 'page'],
  },
  crawl: { description: 'Only this crawl: its id, or `latest`. The stream ends with it.', schema: string },
  since: {
    description: 'Start after: an id, an offset, an RFC 3339 time, `0` for everything, or `now`.',
    schema: { ...string, default: 'now' },
  },
  data: {
    description: 'Only events whose data has these values: `data.author=…`, `data.tags=…`. All must hold.',
    style: 'form',
    explode: true,
    schema: { type: 'object', propertyNames: { pattern: '^data\\.' }, additionalProperties: string },
    example: { 'data.author': 'Albert Einstein' },
  },
  access_token: { description: 'The token, where a header cannot be sent.', schema: string },
  restart: { description: 'Start a fresh crawl although one has completed.', schema: { type: 'boolean' } },
  partial: { description: 'Whatever has been scraped so far.', schema: { type: 'boolean' } },
  format: { schema: { enum: ['json', 'jsonl', 'csv'], default: 'json' } },
  limit: { description: 'The newest so many.', schema: { type: 'integer', minimum: 1 } },
  before: { description: 'Only crawls that began before this one, by its id.', schema: string },
  at: { description: 'As it stood at this offset, or id.', schema: string },
  'Last-Event-ID': { description: 'The last id that was seen; goes before `since`.', schema: string },
};

const headers: Readonly<Record<string, Json>> = {
  'Crawlcast-Cursor': {
    description: 'Where it stands: a stream `since` it misses nothing and repeats nothing.',
    schema: string,
  },
  'Crawlcast-Gap': {
    description: '`truncated`: its beginning is no longer kept, and items may be missing.',
    schema: string,
  },
  Location: { description: 'Where it is.', schema: string },
  'X-Crawl-Error': { description: 'Why the crawl failed.', schema: string },
};

/** Makes the document. */
export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const [call, operation] of Object.entries(operations)) {
    const [method = '', path = ''] = call.split(' ');
    paths[path] = { ...paths[path], [method.toLowerCase()]: describe(method, path, operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Crawlcast',
      version,
      summary: 'A crawler service that gives you each item the moment it is scraped.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: namedSchemas(),
      headers,
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'What changes something: `--token`.' },
        readToken: { type: 'http', scheme: 'bearer', description: 'Reading: `--read-token`.' },
      },
    },
  };
}

/** Whoever asks whether the service is well needs no token. */
const open: ReadonlySet<string> = new Set(['/', '/assets/{name}', '/healthz', '/readyz']);

function describe(
  method: string,
  path: string,
  { summary, query = [], headers = [], body, answers, errors = [] }: Operation,
): Json {
  const isOpen = open.has(path);
  const needs = method === 'GET' ? 'readToken' : 'token';
  const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: string,
  }));
  const inQuery = query.map((name) => ({ name, in: 'query', ...parameters[name] }));
  const inHead = headers.map((name) => ({ name, in: 'header', ...parameters[name] }));
  return {
    operationId: operationId(method, path),
    summary,
    security: isOpen ? [] : [{}, { [needs]: [] }],
    parameters: [...inPath, ...inQuery, ...inHead],
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: reference(body) } } } }),
    responses: { ...refusals([...errors, ...(isOpen ? [] : anyRefusal)]), ...mapValues(answers, answer) },
  };
}

const anyRefusal: readonly ErrorCode[] = ['auth.missing', 'auth.wrong', 'auth.insufficient'];

function operationId(method: string, path: string): string {
  const words = path.split(/\W+/).filter((word) => word !== '');
  return [method.toLowerCase(), ...words]
    .map((word, i) => (i === 0 ? word : (word[0] ?? '').toUpperCase() + word.slice(1)))
    .join('');
}

function answer({ description, content = {}, headers = [] }: Operation['answers'][number]): Json {
  const sent = Object.fromEntries(headers.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
  return { description, headers: sent, content: mapValues(content, (schema) => ({ schema: reference(schema) })) };
}

function refusals(codes: readonly ErrorCode[]): Record<string, Json> {
  const byStatus: Record<string, Json> = {};
  for (const code of codes) {
    const { title, status = 500 } = errorFacts(code);
    const before = byStatus[status]?.description;
    const description = `${before === undefined ? '' : `${before} `}\`${code}\`: ${title}.`;
    byStatus[status] = { description, content: { 'application/problem+json': { schema: reference('Problem') } } };
  }
  return byStatus;
}

function reference(schema: string | readonly [string] | JsonType): Json {
  if (typeof schema === 'string') return { $ref: `#/components/schemas/${schema}` };
  return 'type' in schema ? { ...schema } : { type: 'array', items: reference(schema[0]) };
}

function mapValues<From, To>(values: Readonly<Record<string, From>>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}
