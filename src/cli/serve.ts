/** `crawlcast serve`. */
import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { type Config, defaultSpiders } from '../config.js';
import { CrawlcastError } from '../errors.js';
import { startService } from '../service.js';
import { isEmptied, openEmbeddedStore } from '../store/embedded.js';
import type { Store } from '../store/store.js';
import { systemLimit } from '../system-limits.js';
import { roomForStreams, watchDescriptors } from './descriptors.js';
import { keepJournal } from './journal.js';
import { createLogger } from './logger.js';
import { untilInterrupted } from './terminal.js';

/** Options as the command line gives them. */
export type ServeOptions = Omit<Config, 'corsOrigin'> & { readonly corsOrigin?: readonly string[] };

/** Runs the service until it is asked to stop. */
export async function serve(options: ServeOptions): Promise<void> {
  const limit = systemLimit('open_files');
  const config = configOf(options, limit);
  const logger = await createLogger();
  const stopped = untilInterrupted();
  const store = await openStore(config, logger);
  const service = await startService(config, store, {
    onError: errorTeller(logger),
    onRefusal: ({ code, message }, address) => logger.debug({ code, message, address }, 'WebSocket refused'),
  });
  const closeJournal = keepJournal(store, logger);
  const stopWatching = watchDescriptors(logger, limit);
  if (!isLoopback(config.host) && config.token === undefined) {
    logger.warn('it listens beyond this machine without --token: whoever reaches it may start and stop crawls');
  }
  const { spiders } = config;
  if (spiders !== defaultSpiders && !existsSync(spiders)) {
    logger.warn({ spiders }, 'there is no such folder of spiders: only those that are built in or stored are known');
  }
  process.stdout.write(`listening on ${service.url}\n`);
  const { name } = service.transport;
  const { workers, data, maxConnections } = config;
  logger.info({ transport: name, workers, data, events: store.log.last, maxConnections }, 'serving');
  await stopped;
  logger.info('stopping');
  stopWatching();
  closeJournal();
  await service.close();
  logger.info({ events: store.log.last }, 'stopped');
}

/** Whoever has no cluster does not load what speaks to one. */
async function openStore({ store, data, retention }: Config, logger: Logger): Promise<Store> {
  if (store === undefined) {
    if (isEmptied(data))
      logger.warn({ data }, 'the data file is empty: if there was a log, it is lost, and a new one begins');
    return openEmbeddedStore(data, { retention });
  }
  const { openJetStreamStore } = await import('../store/jetstream.js');
  return openJetStreamStore(store, data, { retention });
}

/** There can be no more streams than there are file descriptors for. */
function configOf(options: ServeOptions, descriptors = Number.POSITIVE_INFINITY): Config {
  const maxConnections = Math.min(options.maxConnections ?? Number.POSITIVE_INFINITY, roomForStreams(descriptors));
  return Object.freeze({ ...options, corsOrigin: options.corsOrigin ?? [], maxConnections });
}

/** How often the log says that there is no room for streams. */
const fullMs = 10_000;

/** Trouble with the disk is no bug, and too many streams are no error at all: the log says what it means, without a stack. */
function errorTeller(logger: Logger): (error: unknown, crawl?: string) => void {
  let refused = 0;
  let toldFullMs = Number.NEGATIVE_INFINITY;
  return (error, crawl) => {
    const known = error instanceof CrawlcastError ? error : undefined;
    if (known?.code === 'limit.connections') {
      refused++;
      if (performance.now() - toldFullMs < fullMs) return;
      toldFullMs = performance.now();
      logger.warn({ code: known.code, message: known.message, refused }, 'there is no room for more streams');
    } else if (known?.code.startsWith('store.')) {
      const { code, message } = known;
      const outlook = crawl === undefined ? '' : '; the crawl goes on when it can';
      logger.error({ code, message, crawl }, `the log cannot be written${outlook}`);
    } else logger.error({ err: error, crawl }, 'something went wrong');
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
