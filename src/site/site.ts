/** The practice site: a small web of invented quotes in the markup of quotes.toscrape.com, as slow or as broken as one likes. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import { CrawlcastError } from '../errors.js';
import { plain } from './answer.js';
import { defaultSource, type QuoteSource } from './quotes.js';
import { receive } from './reception.js';
import { siteRoutes } from './routes.js';
import { type Pace, send } from './sending.js';
import { newSessions } from './session.js';

export { type QuoteSource, quotesOfPage, type SiteQuote } from './quotes.js';

/** What a practice site is like. */
export interface SiteOptions extends QuoteSource, Pace {
  /** Address to bind. Default `127.0.0.1`. */
  readonly host: string;
  /** Default 0: any free one. */
  readonly port: number;
  /** Every so many-th request is answered with 503, robots.txt apart. Default 0: none. */
  readonly failEvery: number;
  /** Called for each request with its method and its target as sent. */
  readonly onRequest?: (method: string, target: string) => void;
}

/** A running practice site. */
export interface Site {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** How many requests have come so far. */
  readonly requests: number;
  /** Breaks off whatever is still open, and lets go of the port. */
  close(): Promise<void>;
}

const defaults: SiteOptions = {
  ...defaultSource,
  host: '127.0.0.1',
  port: 0,
  delayMs: 0,
  dripMs: 0,
  failEvery: 0,
};

const outOfOrder = plain(503, 'Out of order for once. Try again.');

/** Makes the function that answers requests. */
function receptionist(options: SiteOptions): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const sessions = newSessions();
  const routes = siteRoutes(options, sessions);
  let countdown = options.failEvery;
  return async (request, response) => {
    options.onRequest?.(request.method ?? '', request.url ?? '');
    // a robots.txt that fails would close the whole site
    const fails = countdown > 0 && request.url !== '/robots.txt' && --countdown === 0;
    if (fails) countdown = options.failEvery;
    await send(request, response, fails ? outOfOrder : await receive(routes, sessions, request), options);
  };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (thrown) {
    const inUse = thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE';
    if (inUse) throw new CrawlcastError('port.in_use', `port ${port} of ${host} is in use`, { cause: thrown });
    throw new CrawlcastError('usage.invalid', `cannot listen on ${host}, port ${port}`, { cause: thrown });
  }
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : port;
}

/**
 * Starts a practice site.
 * @throws CrawlcastError `port.in_use`; `usage.invalid` where the address cannot be bound
 */
export async function startSite(options: Partial<SiteOptions> = {}): Promise<Site> {
  const all: SiteOptions = { ...defaults, ...options };
  const answer = receptionist(all);
  let requests = 0;
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    requests += 1;
    answer(request, response).catch(() => response.destroy());
  });
  const port = await listen(server, all.host, all.port);
  return {
    url: `http://${isIPv6(all.host) ? `[${all.host}]` : all.host}:${port}`,
    port,
    get requests() {
      return requests;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
