/** `crawlcast serve`. */
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { CrawlcastError } from '../errors.js';
import { startService } from '../service.js';
import { openEmbeddedStore } from '../store/embedded.js';
import { keepJournal } from './journal.js';
import { createLogger } from './logger.js';
import { untilInterrupted } from './terminal.js';

/** Options as the command line gives them. */
export type ServeOptions = Omit<Config, 'corsOrigin'> & { readonly corsOrigin?: readonly string[] };

/** Runs the service until it is asked to stop. */
export async function serve(options: ServeOptions): Promise<void> {
  const config: Config = Object.freeze({ ...options, corsOrigin: options.corsOrigin ?? [] });
  const logger = createLogger();
  const stopped = untilInterrupted();
  const store = await openEmbeddedStore(config.data, { retention: config.retention });
  const service = await startService(config, store, {
    onError: (error, crawl) => tellError(logger, error, crawl),
    onRefusal: ({ code, message }, address) => logger.debug({ code, message, address }, 'WebSocket refused'),
  });
  const closeJournal = keepJournal(store, logger);
  if (!isLoopback(config.host) && config.token === undefined) {
    logger.warn('it listens beyond this machine without --token: whoever reaches it may start and stop crawls');
  }
  process.stdout.write(`listening on ${service.url}\n`);
  const { name } = service.transport;
  logger.info({ transport: name, workers: config.workers, data: config.data, events: store.log.last }, 'serving');
  await stopped;
  logger.info('stopping');
  closeJournal();
  await service.close();
  logger.info({ events: store.log.last }, 'stopped');
}

/** Trouble with the disk is no mistake of ours: no stack, but what it means for the crawl. */
function tellError(logger: Logger, error: unknown, crawl: string | undefined): void {
  if (error instanceof CrawlcastError && error.code.startsWith('store.')) {
    const { code, message } = error;
    logger.error({ code, message, crawl }, 'the log cannot be written; the crawl goes on when it can');
  } else logger.error({ err: error, crawl }, 'something went wrong');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
