/** Which log a table holds. */
import { randomBytes } from 'node:crypto';
import { CrawlcastError } from '../errors.js';
import { keys, tableFormat } from './keys.js';
import { Outrun, type Tables } from './tables.js';

/**
 * Reads it; an empty table gets one.
 * @throws CrawlcastError `data.unusable` where another version wrote the rows
 */
export async function readEpoch(tables: Tables): Promise<string> {
  const known = tables.get(keys.epoch)?.toString();
  if (known !== undefined) {
    checkFormat(tables);
    return known;
  }
  const epoch = randomBytes(4).toString('hex');
  try {
    await tables.write(
      new Map([
        [keys.epoch, Buffer.from(epoch)],
        [keys.format, Buffer.from(tableFormat)],
      ]),
    );
    return epoch;
  } catch (thrown) {
    if (!(thrown instanceof Outrun)) throw thrown;
    // Another process has begun this very log.
    await tables.news?.take();
    return readEpoch(tables);
  }
}

/** Rows that mean something else would be taken for ours, or passed over without a word. */
function checkFormat(tables: Tables): void {
  if (tables.get(keys.format)?.toString() === tableFormat) return;
  throw new CrawlcastError(
    'data.unusable',
    'The data directory was written by another version of Crawlcast: use that version, or a new directory.',
  );
}
