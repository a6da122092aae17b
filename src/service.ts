/** The whole service put together: store, threads, runner, routes, transport. */
import { tuneCollector } from './collector.js';
import type { Config } from './config.js';
import { createFetcher, type Network } from './crawl/fetcher.js';
import { openLibrary, type SpiderLibrary } from './crawl/library.js';
import { createPoliteness } from './crawl/politeness.js';
import { createPool, type Pool } from './crawl/pool.js';
import { createRobotsDesk } from './crawl/robots-desk.js';
import { createRunner, type Runner } from './crawl/runner.js';
import { openShelf } from './crawl/shelf.js';
import type { CrawlcastError } from './errors.js';
import { createAccess } from './serve/access.js';
import { Hub } from './serve/hub.js';
import { listen } from './serve/listen.js';
import { createMetrics } from './serve/metrics.js';
import { createReadiness } from './serve/readiness.js';
import type { HostState } from './serve/routes.js';
import { createServer } from './serve/server.js';
import type { Transport } from './serve/transport.js';
import type { Store } from './store/store.js';

/** The part of a service that crawls. */
export interface Engine {
  readonly runner: Runner;
  readonly pool: Pool;
  /** The hosts that crawls have asked lately. */
  readonly hosts: () => HostState[];
  close(): Promise<void>;
}

/** How an engine works. */
export interface EngineOptions {
  /** Threads that fetch and parse. */
  readonly workers: number;
  readonly allowPrivateNetworks: boolean;
  /** A thread without a sign of life for so long is ended. Default 30 s. */
  readonly maxSilenceMs?: number;
  /** Default: the system's own. */
  readonly network?: Network;
  readonly onError?: (error: CrawlcastError, crawl: string) => void;
}

/** Puts the crawling part together. */
export function createEngine(store: Store, options: EngineOptions): Engine {
  tuneCollector();
  const fetcher = createFetcher(options.network?.options);
  const pool = createPool(options.workers, { ...options, fetcher });
  const { allowPrivateNetworks, onError } = options;
  const politeness = createPoliteness();
  const robots = createRobotsDesk(fetcher);
  const runner = createRunner(
    { store, pool, politeness, robots, fetcher, allowPrivateNetworks },
    onError === undefined ? {} : { onError },
  );
  return {
    runner,
    pool,
    hosts: () => politeness.snapshot().map((one) => ({ ...one, robots: robots.state(one.host) ?? 'unknown' })),
    async close() {
      await runner.stop();
      await Promise.all([pool.close(), fetcher.close()]);
    },
  };
}

/** A running service. */
export interface RunningService {
  readonly url: string;
  readonly transport: Transport;
  readonly store: Store;
  readonly runner: Runner;
  readonly spiders: SpiderLibrary;
  /** Stops taking connections, parks what is in flight, ends the streams, flushes and lets go of everything. */
  close(): Promise<void>;
}

/** What is told of errors that are nobody's fault but ours, or the disk's. */
export interface ServiceOptions {
  readonly onError?: (error: unknown, crawl?: string) => void;
  /** Told of WebSocket handshakes that were refused. */
  readonly onRefusal?: (error: CrawlcastError, address: string) => void;
}

/** How long streams may take to end before they are broken off. */
const farewellMs = 3_000;

/**
 * Starts a service on a store; the crawls that were running go on.
 * @throws CrawlcastError `port.in_use`, `usage.invalid`, `spider.invalid`; the store and all else is then closed
 */
export async function startService(
  config: Config,
  store: Store,
  options: ServiceOptions = {},
): Promise<RunningService> {
  const { onError } = options;
  const closers: (() => Promise<void> | void)[] = [() => store.close()];
  try {
    const spiders = openLibrary(await openShelf(config.spiders, config.startUrl), store);
    const engine = createEngine(store, { ...config, ...(onError && { onError }) });
    closers.unshift(() => engine.close());
    const hub = new Hub(store, config, onError);
    const readiness = createReadiness(store);
    const { token, readToken, corsOrigin } = config;
    const access = createAccess({ token, readToken, corsOrigins: corsOrigin });
    const { runner, hosts } = engine;
    const metrics = createMetrics({ store, runner, hub, ...(onError && { onError }) });
    engine.pool.onExtracted = metrics.observeExtraction;
    closers.unshift(() => metrics.close());
    const server = createServer({ store, runner, spiders, hub, access, metrics, readiness, hosts }, options);
    const transport = await listen(config.transport, server, config.host, config.port);
    closers.unshift(() => transport.close());
    runner.takeUp();
    return {
      url: urlOf(transport),
      transport,
      store,
      runner,
      spiders,
      async close() {
        readiness.stop();
        transport.stopListening();
        metrics.close();
        await engine.close();
        hub.close();
        await within(farewellMs, hub.empty());
        await transport.close();
        await store.close();
      },
    };
  } catch (error) {
    for (const close of closers) await close();
    throw error;
  }
}

function urlOf({ host, port }: Transport): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function within(ms: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([done, late]);
  clearTimeout(timer);
}
