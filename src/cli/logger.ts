/** The service's own log, on standard error: pretty on a terminal, JSON when piped. */
import { type Logger, pino } from 'pino';
import { PinoPretty } from 'pino-pretty';

/** Makes the logger. The level is that of `CRAWLCAST_LOG`, `info` by default. */
export function createLogger(): Logger {
  const options = { level: process.env.CRAWLCAST_LOG ?? 'info', base: null };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ fd: 2, sync: true }));
  return pino(options, PinoPretty({ destination: 2, sync: true, translateTime: 'SYS:HH:MM:ss', singleLine: true }));
}
