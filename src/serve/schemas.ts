/** What goes over the wire, as schemas: the documents for machines are made of them. */
import { z } from 'zod';
import { spiderJsonSchema } from '../crawl/spider.js';
import type { CrawlSnapshot, CrawlStats, EventData, SystemEventType } from '../events.js';
import type { HostState } from './routes.js';

const whole = z.int().nonnegative();
const time = z.iso.datetime().describe('RFC 3339, UTC.');
const crawlId = z.string();

const stats: z.ZodType<CrawlStats> = z.object({
  pages: whole,
  items: whole,
  failed: whole,
  skipped: whole,
  duplicates: whole,
  bytes: whole.describe('Of page bodies, after decompression.'),
  queued: whole.describe('URLs still to be fetched.'),
  inFlight: whole.describe('URLs being fetched.'),
});

const state = z.enum(['running', 'paused', 'finished', 'failed', 'cancelled']);

const crawl: z.ZodType<CrawlSnapshot> = z.object({
  id: crawlId,
  spider: z.string().describe("The spider's name."),
  state,
  start: z.array(z.string()),
  startedAt: time,
  finishedAt: time.nullable(),
  stats,
  firstOffset: whole.describe('Offset of its first event.'),
  lastOffset: whole.describe('Offset of its newest event.'),
});

const host: z.ZodType<HostState> = z.object({
  host: z.string().describe('Scheme, name and port.'),
  inFlight: whole,
  delayMs: z.number().describe('Between the starts of two requests, as things stand.'),
  holdMs: z.number().describe('How long the host still asks to be left alone.'),
  robots: z
    .enum(['unknown', 'none', 'rules', 'unavailable'])
    .describe(
      'Its robots.txt: not asked for (also where the host cannot be found, or may not be asked), none, one with rules, or not to be had, so that all is forbidden for now.',
    ),
});

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().optional().describe('Stable; listed in docs/errors.md.'),
    detail: z.string().describe('What to change.'),
  })
  .describe('RFC 9457 problem details.');

const counts = z.record(z.string(), whole).describe('How many events of each type the crawl wrote, this one included.');
const end = { stats, counts };
const failure = { error: z.string().describe('A stable code; listed in docs/errors.md.'), message: z.string() };

/** The data of each event type of the service itself. */
export const eventData: { readonly [Type in SystemEventType]: z.ZodType<EventData[Type]> } = {
  'crawl.started': z.object({
    spider: z.string(),
    start: z.array(z.string()),
    settings: z.record(z.string(), z.unknown()).describe('Without the values of headers and cookies.'),
  }),
  page: z.object({
    url: z.string(),
    status: z.int(),
    depth: whole,
    bytes: whole.describe('Of the body, after decompression.'),
    ms: z.number().describe('From the request to the end of the body.'),
    items: whole,
    links: whole,
    notModified: z
      .literal(true)
      .exactOptional()
      .describe('The site answered 304: the page is as an earlier crawl found it.'),
  }),
  'page.failed': z.object({ url: z.string(), ...failure, attempts: whole }),
  'page.skipped': z.object({
    url: z.string(),
    reason: z.enum([
      'robots',
      'offsite',
      'nofollow',
      'depth',
      'budget',
      'scheme',
      'trap',
      'private',
      'invalid',
      'length',
      'port',
    ]),
  }),
  'crawl.paused': z.object({ stats }),
  'crawl.resumed': z.object({ stats }),
  'crawl.finished': z.object(end),
  'crawl.failed': z.object({ ...end, ...failure }),
  'crawl.cancelled': z.object(end),
  'log.gap': z.object({
    requested: z.string(),
    resumedAfter: z.string(),
    reason: z.enum(['truncated', 'epoch', 'ahead', 'malformed']),
  }),
};

/** An event of one type, or of any: a CloudEvent 1.0 in structured JSON. */
export function eventSchema(type?: SystemEventType): z.ZodType {
  return z.object({
    specversion: z.literal('1.0'),
    id: z.string().describe('EPOCH-OFFSET'),
    source: z.string().describe('/crawls/ID'),
    type: type === undefined ? z.string() : z.literal(type),
    subject: z.string().optional().describe("The page's URL, where the event is about one."),
    time,
    data: type === undefined ? z.unknown() : eventData[type],
  });
}

/** Objects that answers and requests hold, by the name that the documents give them. */
export function namedSchemas(): Record<string, Record<string, unknown>> {
  const written = spiderWithoutDefs();
  const spider = forGenerators(written, (value) => (typeof value === 'object' ? '' : `Default: ${value}.`));
  const settings = propertyOf(
    forGenerators(written, () => ''),
    'settings',
  );
  const startRequest = {
    type: 'object',
    required: ['spider'],
    additionalProperties: false,
    properties: {
      spider: { anyOf: [{ type: 'string', description: 'The name of one.' }, { $ref: '#/components/schemas/Spider' }] },
      start: propertyOf(spider, 'start'),
      settings: { ...settings, description: 'These instead of those of the spider.' },
    },
  };
  const made = Object.entries({ Crawl: crawl, Host: host, Problem: problem, Event: eventSchema() }).map(
    ([name, schema]) => [name, jsonSchema(schema)] as const,
  );
  return { ...Object.fromEntries(made), Spider: spider, StartRequest: startRequest };
}

/** A schema as JSON Schema, to be put into a larger document. */
export function jsonSchema(schema: z.ZodType, target: 'draft-7' | 'draft-2020-12' = 'draft-2020-12') {
  const { $schema: _, ...rest }: Record<string, unknown> = z.toJSONSchema(schema, { target });
  return rest;
}

/** The spider's schema without definitions, which would be looked for at the root of the document: `{}` is any JSON, too. */
function spiderWithoutDefs(): Record<string, unknown> {
  const { $schema: _, $defs: __, ...spider } = spiderJsonSchema();
  return JSON.parse(JSON.stringify(spider).replace(/,?"\$ref":"#\/\$defs\/\w+"/g, ''));
}

/**
 * A schema that generators of types make no false promises of. A `default` would promise that the property is there:
 * but a spider is shown as it was written, and a request may leave out what it likes. A list of one is a list.
 * @param tellDefault what the description says instead
 */
function forGenerators(schema: object, tellDefault: (value: unknown) => string): Record<string, unknown> {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) => {
    // Under `properties` are names.
    if (key === 'properties' || typeof value !== 'object' || value === null) return value;
    if ('prefixItems' in value && Array.isArray(value.prefixItems)) {
      return { type: 'array', items: value.prefixItems[0], minItems: 1, maxItems: 1 };
    }
    if (!('default' in value)) return value;
    const { default: fallback, ...rest } = value;
    const description = [Reflect.get(rest, 'description'), tellDefault(fallback)].filter(Boolean).join(' ');
    return { ...rest, ...(description !== '' && { description }) };
  });
}

function propertyOf(schema: Record<string, unknown>, name: string): Record<string, unknown> {
  const { properties } = schema;
  const found: unknown = typeof properties === 'object' && properties !== null ? Reflect.get(properties, name) : {};
  return typeof found === 'object' && found !== null ? { ...found } : {};
}
