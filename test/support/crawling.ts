/** Whole crawls for tests: real threads, real sockets, a store in memory. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { followCrawl } from '#src/cli/follow-crawl.js';
import { parseSpider, type SpiderInput } from '#src/crawl/spider.js';
import type { StartRequest } from '#src/crawl/start.js';
import { isItemEvent } from '#src/events.js';
import { createEngine, type EngineOptions } from '#src/service.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { EventLog, Store } from '#src/store/store.js';

/** An event of a crawl, parsed. */
export interface Told {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject?: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into data of every shape
  readonly data: any;
}

/** What a crawl came to. */
export interface Crawled {
  readonly id: string;
  readonly events: readonly Told[];
  readonly last: Told | undefined;
  /** The data of its items. */
  readonly items: readonly unknown[];
  of(type: string): readonly Told[];
}

/** An engine that crawls, one crawl after the other. */
export interface Crawler extends AsyncDisposable {
  readonly store: Store;
  readonly engine: ReturnType<typeof createEngine>;
  crawl(spider: SpiderInput, request?: Partial<StartRequest>): Promise<Crawled>;
  /** Waits for the end of a crawl that has been started. */
  ended(id: string): Promise<Crawled>;
}

/** Starts an engine. */
export async function startCrawler(store?: Store, options: Partial<EngineOptions> = {}): Promise<Crawler> {
  const own = store ?? (await openMemoryStore());
  const engine = createEngine(own, { workers: 1, allowPrivateNetworks: false, ...options });
  async function ended(id: string): Promise<Crawled> {
    const events: Told[] = [];
    // what the service wrote is an event
    await followCrawl(own, id, (event) => events.push(JSON.parse(event.json.toString()) as Told));
    const items = events.filter(({ type }) => isItemEvent(type)).map(({ data }) => data);
    return { id, events, items, last: events.at(-1), of: (type) => events.filter((event) => event.type === type) };
  }
  return {
    store: own,
    engine,
    ended,
    async crawl(spider, request) {
      const { id } = await engine.runner.start({ spider: parseSpider(patient(spider)), origin: 'local', ...request });
      return ended(id);
    },
    async [Symbol.asyncDispose]() {
      await engine.close();
      if (store === undefined) await own.close();
    },
  };
}

/** Waits for the next append to the log. */
export function nextAppend(log: EventLog): Promise<void> {
  return new Promise((resolve) => {
    const off = log.onAppend(() => {
      off();
      resolve();
    });
  });
}

/** A busy machine is a slow site: nobody waits for that here. */
function patient(spider: SpiderInput): SpiderInput {
  return { ...spider, settings: { autothrottle: false, ...spider.settings } };
}

/** A web server of a test's own. */
export interface Web extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
  /** Method and target of each request but for robots.txt, in order. */
  readonly requests: readonly string[];
}

/** Starts a web server; robots.txt is not there. */
export async function startWeb(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Web> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/robots.txt') return void response.writeHead(404).end();
    requests.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // an address of a TCP server is never a string
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
