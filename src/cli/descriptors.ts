/** What the lack of file descriptors means for a service, and that its log says so. */
import type { Logger } from 'pino';
import { isOutOfDescriptors } from '../descriptors.js';
import type { ErrorCode } from '../errors.js';

/** The store, the threads and what Node itself keeps open, with room for what is opened for a moment only. */
const ownDescriptors = 64;

const lookMs = 1_000;

/** How many of them streams may take: the pages that are fetched, and calls, need some as well. */
export function roomForStreams(limit: number): number {
  return Math.max(1, Math.floor((limit - ownDescriptors) * 0.75));
}

/** Looks every second whether there is one left, and says when there is none, and when there is again. */
export function watchDescriptors(logger: Logger, limit: number | undefined): () => void {
  const code: ErrorCode = 'limit.files';
  let wasOut = false;
  const look = () => {
    const isOut = isOutOfDescriptors();
    if (isOut && !wasOut) logger.error({ code, limit }, shortage);
    if (!isOut && wasOut) logger.info({ limit }, 'there are file descriptors again');
    wasOut = isOut;
  };
  const timer = setInterval(look, lookMs).unref();
  return () => clearInterval(timer);
}

const shortage =
  'all file descriptors are in use: until some are free, new connections wait or are closed, and pages wait to be fetched; allow more (ulimit -n, LimitNOFILE)';
