/** Crawls and spiders over HTTP. */
import type { CrawlSnapshot } from '#src/events.js';
import { CrawlcastClientError } from './errors.js';
import { lost } from './frame.js';
import { readLines } from './lines.js';
import type { Service } from './service.js';

/** A spider as data; the service publishes its JSON Schema at `/schemas/spider.json`. */
export interface SpiderData {
  readonly name: string;
  readonly start: readonly string[];
  readonly items: Readonly<Record<string, ItemRule>>;
  readonly follow?: readonly (string | LinkRule)[];
  readonly allow?: readonly string[];
  /** A form to fill in before the first page. */
  readonly login?: {
    readonly url: string;
    readonly form?: string;
    readonly fields: Readonly<Record<string, string>>;
    readonly check?: string;
  };
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** Where items of one type are, and their fields. */
export interface ItemRule {
  /** JSON in the text of an element, instead of the page. */
  readonly from?: { readonly css: string; readonly after?: string };
  readonly each?: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Links that are made, or go first. */
export interface LinkRule {
  readonly css: string;
  readonly attr?: string;
  readonly url?: string;
  readonly priority?: number;
}

/** What to crawl. */
export interface CrawlRequest {
  /** A name that the service knows, or a whole spider. */
  readonly spider: string | SpiderData;
  /** Replaces the spider's start URLs. */
  readonly start?: readonly string[];
  /** Overrides some of its settings. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** The crawls of a service. Every call fails with a `CrawlcastClientError`. */
export interface Crawls<Item> {
  start(request: CrawlRequest): Promise<CrawlSnapshot>;
  list(): Promise<CrawlSnapshot[]>;
  get(id: string): Promise<CrawlSnapshot>;
  /** Fails with `crawl.state` where it is not running; likewise the others. */
  pause(id: string): Promise<CrawlSnapshot>;
  resume(id: string): Promise<CrawlSnapshot>;
  cancel(id: string): Promise<CrawlSnapshot>;
  /** Its items so far, in log order, read as fast as they are taken. */
  items<T = Item>(id: string, options?: { readonly type?: string }): AsyncIterable<T>;
}

/** The declarative spiders of a service. */
export interface Spiders {
  list(): Promise<SpiderData[]>;
  get(name: string): Promise<SpiderData>;
  /** Keeps a spider under its name. */
  put(spider: SpiderData): Promise<SpiderData>;
  delete(name: string): Promise<void>;
}

/** The calls under `/crawls`. */
export function createCrawls<Item>(service: Service): Crawls<Item> {
  const control = (id: string, action: string) =>
    json<CrawlSnapshot>(service, `crawls/${encodeURIComponent(id)}/${action}`, { method: 'POST' });
  return {
    start: (request) => json(service, 'crawls', withBody('POST', request)),
    list: () => json(service, 'crawls'),
    get: (id) => json(service, `crawls/${encodeURIComponent(id)}`),
    pause: (id) => control(id, 'pause'),
    resume: (id) => control(id, 'resume'),
    cancel: (id) => control(id, 'cancel'),
    async *items<T>(id: string, { type }: { readonly type?: string } = {}) {
      const query = new URLSearchParams({ format: 'jsonl', ...(type !== undefined && { type }) });
      const abort = new AbortController();
      try {
        const url = service.locate(`crawls/${encodeURIComponent(id)}/items`, query);
        const { body } = await service.ask(url, { signal: abort.signal });
        // What an item is, its caller says; the service only carries it.
        if (body !== null) for await (const line of readLines(body)) yield JSON.parse(line) as T;
      } finally {
        abort.abort();
      }
    },
  };
}

/** The calls under `/spiders`. */
export function createSpiders(service: Service): Spiders {
  const pathOf = (name: string) => `spiders/${encodeURIComponent(name)}`;
  return {
    list: () => json(service, 'spiders'),
    get: (name) => json(service, pathOf(name)),
    async put(spider) {
      const response = await service.ask(service.locate(pathOf(spider.name)), withBody('PUT', spider));
      return response.status === 204 ? spider : readJson(response);
    },
    async delete(name) {
      await service.ask(service.locate(pathOf(name)), { method: 'DELETE' });
    },
  };
}

function withBody(method: string, value: unknown): RequestInit {
  return { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

async function json<Result>(service: Service, path: string, init?: RequestInit): Promise<Result> {
  return readJson(await service.ask(service.locate(path), init));
}

/**
 * The body of an answer.
 * @throws CrawlcastClientError `connect.lost` where it breaks off
 */
export function readText(response: Response): Promise<string> {
  return response.text().catch((cause: unknown) => {
    throw lost('the answer broke off', { cause });
  });
}

/** Reads an answer that by the contract is of this kind. */
export async function readJson<Result>(response: Response): Promise<Result> {
  const text = await readText(response);
  try {
    // The contract says what each call answers.
    return JSON.parse(text) as Result;
  } catch (cause) {
    const detail = `${response.url} did not answer with JSON: is this a Crawlcast service?`;
    throw new CrawlcastClientError('response.invalid', detail, { status: response.status, cause });
  }
}
