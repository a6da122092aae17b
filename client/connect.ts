/** The client: one service, its streams and its calls. */
import type { Observable } from 'rxjs';
import type { CloudEvent } from '#src/events.js';
import { type Crawls, createCrawls, createSpiders, readJson, readText, type Spiders } from './crawls.js';
import { CrawlcastClientError } from './errors.js';
import { EventStream } from './event-stream.js';
import type { AnyEvent, BuiltInItems, EventOf, ItemMap } from './event-types.js';
import { follow } from './follow.js';
import type { Gate } from './gate.js';
import { createService, type Service, type ServiceOptions } from './service.js';
import { openSse } from './sse.js';
import { Standing } from './state.js';
import type { Subscription } from './subscription.js';
import { openWebSocketWith, type SocketConstructor } from './websocket.js';

/** How to reach a service. */
export interface ConnectOptions extends ServiceOptions {
  /** What streams are carried by. Default `ws`; `sse` needs nothing but `fetch`, and a slow reader holds it up. */
  readonly transport?: 'sse' | 'ws';
  /** Default: the global one; where there is none (Node 20), that of the package `ws`. */
  readonly WebSocket?: SocketConstructor;
}

/** What `/crawl` answered. */
export interface CrawlAnswer {
  readonly answer: 'SCRAPING' | 'SCRAPE IN PROGRESS' | 'SCRAPE COMPLETE' | 'SCRAPE FAILED';
  /** Why it failed. */
  readonly error?: string;
}

/** Results as they stand. */
export interface Results<Item> {
  /** In log order; undefined while no crawl has completed. */
  readonly items: Item[] | undefined;
  /** Where they stand: a stream `since` this misses nothing and repeats nothing. */
  readonly cursor: string;
}

/** One service. `Items` are the types of items that its spiders give. */
export interface Client<Items extends ItemMap = BuiltInItems> {
  /** Every event from now on. */
  events(): EventStream<AnyEvent<Items>>;
  /** Events of these types. */
  events<const Type extends string>(
    subscription: Subscription<Type> & { readonly type: Type | readonly Type[] },
  ): EventStream<EventOf<Type, Items>>;
  /** Events of all types. */
  events(subscription: Subscription & { readonly type?: never }): EventStream<AnyEvent<Items>>;
  /** Events whose data the caller knows: `events<Quote>({ type: 'quote' })`. */
  events<Data>(subscription: Subscription): EventStream<CloudEvent<string, Data>>;
  /** Starts the built-in crawl, or tells where it is. */
  crawl(options?: { readonly restart?: boolean }): Promise<CrawlAnswer>;
  /** Items of the built-in crawl: with `partial`, those so far; `at`: as they stood at that id or offset. */
  results<Item = ResultOf<Items>>(options?: {
    readonly partial?: boolean;
    readonly at?: string | number;
  }): Promise<Results<Item>>;
  readonly crawls: Crawls<Items[keyof Items]>;
  readonly spiders: Spiders;
}

type ResultOf<Items> = Items extends { quote: infer Item } ? Item : unknown;

/**
 * Makes a client; nothing is opened before it is asked for something.
 * @param url of the service; in a browser it may be relative
 * @throws CrawlcastClientError `url.invalid`
 */
export function connect<Items extends ItemMap = BuiltInItems>(
  url: string | URL,
  options: ConnectOptions = {},
): Client<Items> {
  const service = createService(url, options);
  const open = options.transport === 'sse' ? openSse : openWebSocketWith(options.WebSocket);
  return {
    events<Event extends CloudEvent>(subscription: Subscription = {}) {
      const standing = new Standing(() => readHead(service));
      // The overloads say which events a subscription lets through; the service keeps to that.
      const observe = (gate: Gate) => follow(service, open, subscription, gate, standing) as Observable<Event>;
      return new EventStream(observe, standing);
    },
    crawl: ({ restart = false } = {}) => startOrTell(service, restart),
    results: (wanted) => readResults(service, wanted),
    crawls: createCrawls(service),
    spiders: createSpiders(service),
  };
}

const answers = ['SCRAPING', 'SCRAPE IN PROGRESS', 'SCRAPE COMPLETE', 'SCRAPE FAILED'] as const;

async function startOrTell(service: Service, restart: boolean): Promise<CrawlAnswer> {
  const query = new URLSearchParams(restart ? { restart: 'true' } : {});
  const response = await service.ask(service.locate('crawl', query));
  const text = await readText(response);
  const answer = answers.find((one) => one === text);
  if (answer === undefined) throw new CrawlcastClientError('response.invalid', `/crawl answered ${text.slice(0, 100)}`);
  const error = response.headers.get('x-crawl-error');
  return { answer, ...(error !== null && { error }) };
}

async function readResults<Item>(
  service: Service,
  { partial = false, at }: { readonly partial?: boolean; readonly at?: string | number } = {},
): Promise<Results<Item>> {
  const query = new URLSearchParams({
    ...(partial && { partial: 'true' }),
    ...(at !== undefined && { at: String(at) }),
  });
  const response = await service.ask(service.locate('results', query));
  const cursor = response.headers.get('crawlcast-cursor') ?? '0';
  if (response.headers.get('content-type')?.startsWith('text/plain')) return { items: undefined, cursor };
  return { items: await readJson<Item[]>(response), cursor };
}

/** The id of the newest event. */
async function readHead(service: Service): Promise<string | undefined> {
  // For the length of the whole list the service would have to write all of it.
  const url = service.locate('crawls', new URLSearchParams({ limit: '1' }));
  try {
    const { headers } = await service.ask(url, { method: 'HEAD' });
    return headers.get('crawlcast-cursor') ?? undefined;
  } catch {
    return undefined; // It is only for show; the stream itself says what is wrong.
  }
}
