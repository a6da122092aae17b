/** Fetches one page at a time per call: bounded in time, bytes and sockets, every failure with a code of ours. */
import type { Dispatcher } from 'undici';
import { CrawlcastError } from '../errors.js';
import { Roster } from '../roster.js';
import { defaultLookup, type Lookup } from './addresses.js';
import type { Cancellation } from './cancellation.js';
import { ConnectionPool, type Route } from './connections.js';
import { Deadlines } from './deadlines.js';
import { acceptEncoding, decodeBody, parseContentEncoding } from './decompress.js';
import { Exchange } from './exchange.js';
import { describeFailure } from './fetch-errors.js';
import type { FetchOptions, ResponseHead } from './messages.js';
import {
  basicCredentials,
  checkProxiedName,
  type Dial,
  findRoute,
  isForwarded,
  proxyAuthorization,
  proxyRefusal,
  tcp,
} from './routes.js';

/** What to fetch, and within which limits. */
export interface FetchRequest {
  readonly url: string;
  readonly options: FetchOptions;
}

/** A body while it comes, decompressed. Its errors are thrown after all chunks that came before them. */
export interface FetchBody extends AsyncIterable<Uint8Array> {
  /** Gives up a body that nobody wants to read, as that of a redirect. */
  discard(): void;
}

/** An answer whose head has come. */
export interface FetchResponse {
  readonly head: ResponseHead;
  readonly body: FetchBody;
}

/** Fetches pages; one per thread. */
export interface Fetcher {
  /** How many sockets are open, those that wait for their next request included. */
  readonly sockets: number;
  /**
   * Fetches a URL; redirects are answers like any other. The body has to be read or discarded. Leaving its loop early
   * closes the connection, and so does the end of the caller: both promise and loop then throw its reason.
   * @throws CrawlcastError with the code of what went wrong
   */
  fetch(request: FetchRequest, caller: Cancellation): Promise<FetchResponse>;
  /** Says that nobody is going to make a request: its connections are closed soon. A site may have asked to keep them for minutes. */
  rest(): void;
  /** Closes every connection; fetches that still run fail. */
  close(): Promise<void>;
}

/** What a fetcher is made with. */
export interface FetcherOptions {
  /** Default 256. */
  readonly maxSockets?: number;
  /** Default 64. How much a host is asked is the business of politeness; this only bounds it. */
  readonly maxSocketsPerHost?: number;
  /** Default: the system's resolver. */
  readonly lookup?: Lookup;
  /** Certificates to trust besides Node's own, PEM. */
  readonly ca?: string;
  /** Default: TCP. */
  readonly dial?: Dial;
}

/** Another way out than the system's own: resolver, sockets, certificates. */
export interface Network {
  readonly options: FetcherOptions;
  /** The module whose default export `options` is: functions do not cross into threads, each loads them for itself. */
  readonly module: string;
}

/** Makes a fetcher. */
export function createFetcher(setup: FetcherOptions = {}): Fetcher {
  const { maxSockets = 256, maxSocketsPerHost = 64, lookup = defaultLookup, dial = tcp, ca } = setup;
  const settings = { lookup, dial, ...(ca === undefined ? {} : { ca }) };
  const pool = new ConnectionPool({ maxSockets, maxSocketsPerHost });
  const underway = new Roster<number, Deadlines>();
  let lastId = 0;
  let closed: CrawlcastError | undefined;
  return {
    get sockets() {
      return pool.sockets;
    },
    async fetch(request, caller) {
      caller.throwIfEnded();
      if (closed !== undefined) throw closed;
      const { options } = request;
      const url = new URL(request.url);
      const id = ++lastId;
      const deadlines = new Deadlines(url.host, options, caller, () => underway.delete(id));
      underway.set(id, deadlines);
      try {
        const route = findRoute(url, options, settings);
        if (options.publicOnly && options.proxy !== undefined) {
          await until(deadlines, checkProxiedName(url, lookup));
        }
        const exchange = await exchangeOnce(pool, route, dispatchOptions(url, options), deadlines);
        return await respond(exchange, url, options);
      } catch (error) {
        deadlines.stop();
        if (caller.ended !== undefined && error === caller.ended.reason) throw error;
        throw describeFailure(error, url.host, deadlines.phase);
      }
    },
    rest: () => pool.rest(),
    async close() {
      closed = new CrawlcastError('service.stopping', 'the fetcher has been closed');
      for (const deadlines of underway.values()) deadlines.end(closed);
      pool.close();
    },
  };
}

/**
 * Sends a request and waits for the head. A connection that was kept alive may be closed by the other side at the very
 * moment we use it; that says nothing about the site, so a GET gets one fresh connection at once. A POST begins on one.
 */
async function exchangeOnce(
  pool: ConnectionPool,
  route: Route,
  dispatch: Dispatcher.DispatchOptions,
  deadlines: Deadlines,
): Promise<Exchange> {
  const connection = await pool.acquire(route, dispatch.method !== 'GET', deadlines);
  const isReused = connection.served > 0;
  const exchange = new Exchange(connection, pool, deadlines).send(dispatch);
  try {
    await exchange.head;
    return exchange;
  } catch (error) {
    const isStale = isReused && error instanceof CrawlcastError && error.code === 'connect.reset';
    if (!isStale) throw error;
  }
  const fresh = await pool.acquire(route, true, deadlines);
  const second = new Exchange(fresh, pool, deadlines).send(dispatch);
  await second.head;
  return second;
}

async function respond(exchange: Exchange, url: URL, options: FetchOptions): Promise<FetchResponse> {
  const head = await exchange.head;
  try {
    if (head.status === 407 && options.proxy !== undefined && isForwarded(url, options)) {
      throw proxyRefusal(new URL(options.proxy), 407, url.host);
    }
    const codings = parseContentEncoding(head.headers['content-encoding'] ?? [], url.host);
    const limits = { host: url.host, maxBytes: options.maxBytes };
    const chunks = codings.length === 0 ? exchange.chunks : decodeBody(exchange.chunks, codings, limits);
    return {
      head,
      body: { [Symbol.asyncIterator]: () => chunks[Symbol.asyncIterator](), discard: () => exchange.discard() },
    };
  } catch (error) {
    // Not discarded: with the fetch its deadlines are over, and a body that never ends would keep its socket for ever.
    exchange.cancel();
    throw error;
  }
}

function dispatchOptions(url: URL, options: FetchOptions): Dispatcher.DispatchOptions {
  const path = `${url.pathname}${url.search}`;
  const isForward = isForwarded(url, options);
  return {
    path: isForward ? `${url.origin}${path}` : path,
    method: options.method ?? 'GET',
    headers: requestHeaders(url, options, isForward ? options.proxy : undefined),
    body: options.body ?? null,
  };
}

function requestHeaders(url: URL, options: FetchOptions, forwardProxy: string | undefined): Record<string, string> {
  const authorization = basicCredentials(url);
  const proxyCredentials = forwardProxy && proxyAuthorization(forwardProxy);
  return {
    host: url.host,
    'user-agent': options.userAgent,
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'accept-encoding': acceptEncoding,
    ...(authorization && { authorization }),
    ...(proxyCredentials && { 'proxy-authorization': proxyCredentials }),
    ...options.headers,
  };
}

const redirectStatus = new Set([301, 302, 303, 307, 308]);

/** The `Location` of a redirect, as sent; `undefined` where the answer is none. A 3xx without `Location` is a page. */
export function locationOf({ status, headers }: ResponseHead): string | undefined {
  return redirectStatus.has(status) ? headers.location?.[0] : undefined;
}

/** Waits for a promise, but no longer than there is patience. */
function until<T>(patience: Cancellation, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(patience.ended?.reason);
    patience.onEnd(leave);
    promise.then(resolve, reject).finally(() => patience.offEnd(leave));
  });
}
