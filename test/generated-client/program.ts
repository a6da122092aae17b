/** What somebody writes who has nothing but `/openapi.json`: every call once, with types that a public generator made. */
import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from './api.js';

type Crawl = components['schemas']['Crawl'];
type Spider = components['schemas']['Spider'];
type Event = components['schemas']['Event'];

/** What came of it. */
export interface Outcome {
  /** `METHOD /path` of each call, as the document has them. */
  readonly calls: readonly string[];
  readonly finished: Crawl;
  readonly cancelled: Crawl;
  readonly kept: Spider;
  readonly items: readonly unknown[];
  readonly lines: string;
  readonly events: readonly Event[];
  /** Codes of the refusals that were provoked. */
  readonly codes: readonly (string | undefined)[];
}

/** Calls everything that a service has. `slowSite` never ends by itself. */
export async function callAll(baseUrl: string, slowSite: string): Promise<Outcome> {
  const calls: string[] = [];
  const note: Middleware = {
    onRequest: ({ request, schemaPath }) => void calls.push(`${request.method} ${schemaPath}`),
  };
  // The document says that filters are names and values of their own; this library's default is another.
  const client = createClient<paths>({ baseUrl, querySerializer: { object: { style: 'form', explode: true } } });
  client.use(note);

  const settings = { maxPages: 2, delay: 5 };
  const started = await client.POST('/crawls', { body: { spider: 'quotes', settings } });
  const { id } = given(started.data);
  const finished = await untilOver(client, id);
  const query = { type: ['quote', 'crawl.finished'], crawl: id, since: '0', data: {} };
  const events = await readEvents(given((await client.GET('/events', { params: { query }, parseAs: 'stream' })).data));
  const path = { id };
  const items = given((await client.GET('/crawls/{id}/items', { params: { path, query: { type: ['quote'] } } })).data);
  const asLines = { params: { path, query: { format: 'jsonl' } }, parseAs: 'text' } as const;
  const lines = given((await client.GET('/crawls/{id}/items', asLines)).data);

  const kept = await keepSpider(client, slowSite);
  const cancelled = await steer(client, kept.name);
  await client.DELETE('/spiders/{name}', { params: { path: { name: kept.name } } });
  await callClassic(client);
  await readDocuments(client);
  return {
    calls,
    finished,
    cancelled,
    kept,
    items: listed(items),
    lines: String(lines),
    events,
    codes: await provoke(client),
  };
}

type Client = ReturnType<typeof createClient<paths>>;

async function untilOver(client: Client, id: string): Promise<Crawl> {
  for (;;) {
    const crawl = given((await client.GET('/crawls/{id}', { params: { path: { id } } })).data);
    if (crawl.state !== 'running' && crawl.finishedAt !== null) return crawl;
  }
}

async function readEvents(body: ReadableStream<Uint8Array> | null): Promise<Event[]> {
  const text = await new Response(body).text();
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, json = '']): Event => JSON.parse(json));
}

async function keepSpider(client: Client, start: string): Promise<Spider> {
  const fields = {
    text: 'span.text',
    tags: ['a.tag'],
    author: { css: 'small.author', as: 'text' } as const,
  };
  const spider: Spider = {
    name: 'generated',
    start: [start],
    items: { line: { each: 'div.quote', fields } },
    follow: ['li.next a'],
  };
  const { data, response } = await client.PUT('/spiders/{name}', {
    params: { path: { name: spider.name } },
    body: spider,
  });
  if (response.status !== 201) throw new Error(`answered ${response.status}`);
  const { data: shown } = await client.GET('/spiders/{name}', { params: { path: { name: spider.name } } });
  const { data: all } = await client.GET('/spiders');
  if (!given(all).some(({ name }) => name === given(data).name)) throw new Error('it is not among them');
  return given(shown);
}

async function steer(client: Client, spider: string): Promise<Crawl> {
  const { id } = given((await client.POST('/crawls', { body: { spider } })).data);
  const params = { path: { id } };
  const paused: Crawl['state'] = given((await client.POST('/crawls/{id}/pause', { params })).data).state;
  const resumed: Crawl['state'] = given((await client.POST('/crawls/{id}/resume', { params })).data).state;
  if (paused !== 'paused' || resumed !== 'running') throw new Error(`${paused}, ${resumed}`);
  const [host] = given((await client.GET('/hosts')).data);
  if (given(host).delayMs < 0) throw new Error('no delay');
  return given((await client.POST('/crawls/{id}/cancel', { params })).data);
}

async function callClassic(client: Client): Promise<void> {
  given((await client.GET('/crawl', { params: { query: { restart: false } }, parseAs: 'text' })).data);
  given((await client.GET('/results', { params: { query: { partial: true, format: 'csv' } }, parseAs: 'text' })).data);
  const crawls: Crawl[] = given((await client.GET('/crawls')).data);
  if (crawls.length !== 2) throw new Error(`${crawls.length} crawls`);
}

async function readDocuments(client: Client): Promise<void> {
  for (const path of ['/healthz', '/readyz', '/metrics'] as const)
    given((await client.GET(path, { parseAs: 'text' })).data);
  given(given((await client.GET('/openapi.json')).data).openapi);
  given(given((await client.GET('/asyncapi.json')).data).asyncapi);
  given(given((await client.GET('/schemas/spider.json')).data).properties);
  const page = String(given((await client.GET('/', { parseAs: 'text' })).data));
  const [, name] = /assets\/([\w.-]+)/.exec(page) ?? [];
  given((await client.GET('/assets/{name}', { params: { path: { name: given(name) } }, parseAs: 'text' })).data);
}

/** Whatever is refused says why in a form that the document describes. */
async function provoke(client: Client): Promise<(string | undefined)[]> {
  const { error: noUpgrade } = await client.GET('/ws');
  const { error: unknown } = await client.GET('/crawls/{id}', { params: { path: { id: 'none' } } });
  const { error: invalid } = await client.POST('/crawls', { body: { spider: 'quotes', start: ['nowhere'] } });
  return [noUpgrade?.code, unknown?.code, invalid?.code];
}

function given<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('there was no answer');
  return value;
}

function listed(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
