/** The service's own log, on standard error: pretty on a terminal, JSON when piped. */
import { type Logger, pino } from 'pino';
import { CrawlcastError } from '../errors.js';

const levels = [...Object.keys(pino.levels.values), 'silent'];

/**
 * Makes the logger. The level is that of `CRAWLCAST_LOG`, `info` by default.
 * @throws CrawlcastError `usage.invalid`
 */
export async function createLogger(): Promise<Logger> {
  const level = process.env.CRAWLCAST_LOG || 'info';
  if (!levels.includes(level)) {
    throw new CrawlcastError('usage.invalid', `CRAWLCAST_LOG is one of ${levels.join(', ')}, not "${level}"`);
  }
  const options = { level, base: null };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ fd: 2, sync: true }));
  // Half as many modules as all of the log's: only a person waits for them.
  const { PinoPretty } = await import('pino-pretty');
  return pino(options, PinoPretty({ destination: 2, sync: true, translateTime: 'SYS:HH:MM:ss', singleLine: true }));
}
