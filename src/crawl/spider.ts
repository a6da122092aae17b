/**
 * A spider as data: one schema from which validation, types and the published JSON Schema come.
 */
import { z } from 'zod';
import { CrawlcastError, toCrawlcastError } from '../errors.js';
import { isItemType, itemTypePattern } from '../events.js';
import { isHostPattern } from './admission.js';
import { complain, problemsOf, unspeakableIn } from './complaints.js';
import { compileExtraction } from './extraction.js';
import { cookiesSchema, headersSchema } from './header-rules.js';
import { hasPlaceholder } from './links.js';
import type { SpiderSource } from './messages.js';
import { compileScoped } from './selectors.js';

/** What is wrong where there seems to be nothing. */
const ofYaml = '(in YAML one that begins with # or * stands in quotes)';

const selector = z
  .string({ error: ({ input }) => (input === null ? `write a CSS selector ${ofYaml}` : 'write a CSS selector') })
  .trim()
  .min(1, { error: 'the selector is empty: write a CSS selector' })
  .max(2_000)
  .superRefine((css, context) => {
    try {
      if (css !== '') compileScoped(css);
    } catch (error) {
      context.addIssue({ code: 'custom', message: toCrawlcastError(error).message });
    }
  });

const count = (min: number, max: number) => z.int().min(min).max(max);

const regularExpression = z
  .string()
  .max(500)
  .refine(isRegularExpression, { error: 'not a regular expression that JavaScript understands (flag u)' });

const fieldRule = z.strictObject(
  {
    css: selector.optional().describe('Which element, among the descendants of the item; absent: the item itself.'),
    attr: z.string().min(1).max(100).optional().describe('Take this attribute instead of the text.'),
    all: z.boolean().optional().describe('A list of all matches instead of the first.'),
    strip: regularExpression.optional().describe('Every match of this regular expression is removed.'),
    default: z.json().optional().describe('The value where nothing matches; null if absent.'),
    as: z
      .enum(['text', 'html', 'number', 'url'], { error: 'write text, html, number or url' })
      .optional()
      .describe('How the value is read; text if absent.'),
  },
  { error: describeField },
);

const field = z.union([selector, z.tuple([selector]), fieldRule], {
  error: (issue) => (Array.isArray(issue.input) ? 'write one selector in the brackets' : describeField(issue)),
});

const embedding = z.strictObject({
  css: selector.describe('Elements in whose text the JSON may stand.'),
  after: z
    .string()
    .min(1)
    .max(1_000)
    .optional()
    .describe('What stands before it, such as "var data ="; absent: nothing.'),
});

const item = z.strictObject({
  from: embedding.optional().describe('Read JSON in the text of an element, such as a script, instead of the page.'),
  each: selector
    .optional()
    .describe(
      'One item for each element that this selects; absent: one for the whole page; with from, one for each entry of the list, or for the whole.',
    ),
  fields: z.record(z.string().min(1).max(100), field).describe('Field names and where their values are.'),
});

const linkRule = z.strictObject(
  {
    css: selector.describe('Which elements are links.'),
    attr: z.string().min(1).max(100).optional().describe('Where it leads; absent: href, else src; with url the text.'),
    url: z
      .string()
      .max(2_000)
      .refine(hasPlaceholder, { error: 'write "{value}" or "{value+1}" where the value belongs' })
      .optional()
      .describe('A URL with a place for the value: {value} percent-encoded, {value+1} the number that follows it.'),
    priority: count(-1_000, 1_000).optional().describe('Higher goes first; 0 if absent.'),
  },
  { error: describeLink },
);

const link = z.union([selector, linkRule], { error: describeLink });

/** A length of time in milliseconds, of at most an hour, from a number or from text such as `"250ms"`, `"30s"`, `"2m"`. */
function duration(numberToMs: (value: number) => number, unit: string, leastMs = 0) {
  return z
    .union([z.number(), z.string()], {
      error: `write a number of ${unit}, or text with a unit such as "250ms" or "30s"`,
    })
    .transform((value, context) => {
      const ms = typeof value === 'number' ? numberToMs(value) : parseDuration(value);
      if (ms !== undefined && ms >= leastMs && ms <= 3_600_000) return ms;
      const limits = leastMs > 0 ? 'more than 0, and an hour at most' : 'an hour at most';
      context.addIssue({
        code: 'custom',
        message: `write a number of ${unit}, or text with a unit such as "250ms" or "30s"; ${limits}`,
      });
      return z.NEVER;
    })
    .pipe(z.number());
}

/** Seconds, as in Scrapy; nobody waits for a thousand of them, so that from there on milliseconds are meant. */
const secondsToMs = (value: number): number => (value < 1_000 ? value * 1_000 : value);

/** What {@link secondsToMs} reads as that many milliseconds. */
const msToSeconds = (ms: number): number => (ms < 1_000_000 ? ms / 1_000 : ms);

const settings = z.strictObject({
  concurrency: count(1, 1_000)
    .default(16)
    .describe('Pages in flight at once, from their request until they are on disk.'),
  concurrencyPerHost: count(1, 1_000).default(8).describe('Requests to one host at once.'),
  delay: duration((ms) => ms, 'milliseconds')
    .default(0)
    .describe('Milliseconds between two requests to one host.'),
  autothrottle: z.boolean().default(true).describe('Ask a slow host less often.'),
  robots: z.boolean().default(true).describe('Obey robots.txt, meta robots, X-Robots-Tag and nofollow.'),
  conditional: z
    .boolean()
    .default(true)
    .describe(
      'Ask only for pages that have changed since the last crawl of this spider; the others give what they gave.',
    ),
  maxDepth: count(0, 10_000).optional().describe('Links from a start URL; deeper ones are skipped.'),
  maxPages: count(1, 1_000_000_000).optional().describe('Pages after which the crawl ends.'),
  maxBytes: count(1, 1_073_741_824).default(10_485_760).describe('Of one page, after decompression.'),
  timeout: duration(secondsToMs, 'seconds', 1)
    .default(30_000)
    .describe('Seconds to wait for a connection, for the head, and for each next part of the body.'),
  retries: count(0, 100).default(3).describe('Further attempts at a page after a failure that can heal.'),
  redirects: count(0, 100).default(10).describe('Hops in a row before a page is given up.'),
  userAgent: z
    .string()
    .min(1)
    .max(500)
    .regex(/^[\t\x20-\x7e\x80-\xff]*$/, { error: 'a User-Agent is one line of Latin characters' })
    .optional()
    .describe('Default: crawlcast and its version.'),
  headers: headersSchema.default({}),
  cookies: cookiesSchema.default({}),
  proxy: z
    .url({ protocol: /^https?$/, error: 'write a whole http or https URL' })
    .optional()
    .describe('An HTTP proxy.'),
});

const startUrl = z.url({ protocol: /^https?$/, error: 'write a whole http or https URL' }).max(2_000);

const login = z.strictObject({
  url: startUrl.describe('The page with the form.'),
  form: selector.default('form').describe('Which form of the page; absent: the first.'),
  fields: z
    .record(z.string().min(1).max(200), z.string().max(10_000))
    .describe('What to fill in, by the names of the inputs; what is hidden in the form is sent as it is.'),
  check: selector.optional().describe('What must be found on the page behind the form.'),
});

const spider = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][\w.-]{0,99}$/, { error: 'a name has letters, digits, "_", "-" and "." (at most 100)' }),
  start: z.array(startUrl).min(1).max(10_000),
  items: z.record(
    z
      .string()
      .refine(isItemType, {
        error:
          'an item type begins with a letter, has letters, digits, "_", "-" and ".", and is none of page, crawl, log',
      })
      .meta({ pattern: itemTypePattern }),
    item,
  ),
  follow: z.array(link).max(1_000).default([]).describe('The links to go on to.'),
  allow: z
    .array(z.string().refine(isHostPattern, { error: 'write a host name, or "*.example.com" for its subdomains' }))
    .optional()
    .describe('Hosts that the crawl may enter; absent: those of start.'),
  login: login.optional().describe('Log in with a form before the first page.'),
  settings: settings.prefault({}),
});

/** A spider as it is written. */
export type SpiderInput = z.input<typeof spider>;
/** A spider that has been checked, with every default filled in; durations in milliseconds. */
export type Spider = z.output<typeof spider> & {
  /** The file of its own code; a spider that is data has none, and cannot name one. */
  readonly module?: string;
};
/** A crawl's settings, every default filled in; `delay` and `timeout` in milliseconds. */
export type Settings = z.output<typeof settings>;
/** How one field of an item is found. */
export type FieldRule = z.output<typeof field>;

/** The published JSON Schema of a spider (draft 2020-12). */
export function spiderJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(spider, { io: 'input', unrepresentable: 'any' });
}

/**
 * Checks a spider and fills in its defaults.
 * @throws CrawlcastError `spider.invalid`: names the field and says what to write
 */
export function parseSpider(input: unknown): Spider {
  const checked = parseInput(spider, input);
  // What only the whole can tell is found here, and not by the first page.
  compileExtraction(checked);
  return checked;
}

/** A spider as it can be written: what {@link parseSpider} makes of it is the spider again, without code of its own. */
export function writeSpider({ module: _, ...checked }: Spider): SpiderInput {
  const { timeout } = checked.settings;
  return { ...checked, settings: { ...checked.settings, timeout: msToSeconds(timeout) } };
}

/** What the threads need of a spider. */
export function sourceOf({ items, follow, module }: Spider): SpiderSource {
  return { items, follow, ...(module !== undefined && { module }) };
}

/**
 * Checks settings that override a spider's own.
 * @throws CrawlcastError `spider.invalid`
 */
export function overrideSettings(own: Settings, override: unknown): Settings {
  const given = parseInput(settings.partial(), override, 'settings');
  const asked = new Set(typeof override === 'object' && override !== null ? Object.keys(override) : []);
  return { ...own, ...Object.fromEntries(Object.entries(given).filter(([name]) => asked.has(name))) };
}

/** Checks start URLs that replace a spider's own. */
export function parseStart(input: unknown): string[] {
  return parseInput(z.array(startUrl).min(1).max(10_000), input, 'start');
}

/**
 * Checks what was written against a schema.
 * @param place where the input stands in what the user wrote
 * @throws CrawlcastError `spider.invalid`: names the field and says what to write
 */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown, place = ''): z.output<Schema> {
  const result = schema.safeParse(input, { error: complain });
  const root = place === '' ? [] : [place];
  const problems = result.success ? unspeakableIn(input, root) : problemsOf(result.error.issues, root);
  if (result.success && problems.length === 0) return result.data;
  const told = problems.slice(0, maxProblems);
  if (problems.length > maxProblems) told.push(`and ${problems.length - maxProblems} more`);
  throw new CrawlcastError('spider.invalid', told.join('; '));
}

/** Of many mistakes the first are told. */
const maxProblems = 5;

function describeField(issue: { code?: string; input?: unknown }): string | undefined {
  if (issue.code === 'unrecognized_keys') return undefined;
  const forms = 'write a selector, a selector in brackets, or {"css","attr","all","strip","default","as"}';
  return issue.input === null ? `${forms} ${ofYaml}` : forms;
}

function describeLink(issue: { code?: string }): string | undefined {
  return issue.code === 'unrecognized_keys' ? undefined : 'write a selector, or {"css","attr","url","priority"}';
}

function isRegularExpression(source: string): boolean {
  try {
    new RegExp(source, 'gu');
    return true;
  } catch {
    return false;
  }
}

const durationUnits: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function parseDuration(text: string): number | undefined {
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h)\s*$/.exec(text) ?? [];
  const unitMs = unit === undefined ? undefined : durationUnits[unit];
  return number === undefined || unitMs === undefined ? undefined : Number(number) * unitMs;
}
