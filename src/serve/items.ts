/** Items as an HTTP answer: streamed, with the cursor that says where the snapshot stands. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CrawlcastError } from '../errors.js';
import { type ExportFormat, exportFormats, exportItems, mediaTypes, type Selection } from './export.js';
import type { Exchange } from './routes.js';
import type { ByteSink } from './transport.js';

/** A snapshot up to this size is sent whole, with its length. */
const maxWholeBytes = 262_144;

/**
 * The format that a query asks for.
 * @throws CrawlcastError `query.invalid`
 */
export function readFormat(format = 'json'): ExportFormat {
  const known = exportFormats.find((one) => one === format);
  if (known === undefined) throw new CrawlcastError('query.invalid', `"format" is one of ${exportFormats.join(', ')}`);
  return known;
}

/** Sends the selected items. They are read from the log as fast as the client takes them, a part in a turn. */
export async function sendItems(exchange: Exchange, selection: Selection, format: ExportFormat): Promise<void> {
  const { response, request, store, cors } = exchange;
  const kept = { isWhole: true };
  const onGap = (): void => {
    kept.isWhole = false;
  };
  const parts = exportItems(store, { ...selection, onGap }, format);
  const { start, isWhole } = await takeSome(parts);
  const headers = {
    'content-type': mediaTypes[format],
    'cache-control': 'no-store',
    'crawlcast-cursor': `${store.log.epoch}-${selection.until}`,
    ...(!kept.isWhole && { 'crawlcast-gap': 'truncated' }),
    ...cors,
  };
  if (isWhole) return response.send(200, headers, start);
  const sink = response.stream(200, headers, start);
  if (request.method === 'HEAD') return;
  const isTold = !kept.isWhole;
  try {
    await sendRest(parts, sink, () => isTold || kept.isWhole);
  } catch (error) {
    // Half an answer must not look like a whole one.
    sink.destroy();
    throw error;
  }
}

/** Breaks off where something of what should come next is no longer kept. */
async function sendRest(parts: Iterable<Buffer>, sink: ByteSink, isAsTold: () => boolean): Promise<void> {
  let wake = () => {};
  let open = true;
  sink.onClose = () => {
    open = false;
    wake();
  };
  sink.onDrain = () => wake();
  for (const part of parts) {
    if (!open) return;
    if (!isAsTold()) return sink.destroy();
    if (part.length > 0 && !sink.write(part)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    } else await nextTurn();
  }
  // Where nothing is left of the rest, no part was there to notice it by.
  if (!isAsTold()) return sink.destroy();
  sink.end();
}

async function takeSome(parts: Generator<Buffer>): Promise<{ start: Buffer; isWhole: boolean }> {
  const taken: Buffer[] = [];
  for (let bytes = 0; bytes <= maxWholeBytes; await nextTurn()) {
    const { value, done } = parts.next();
    if (done === true) return { start: Buffer.concat(taken), isWhole: true };
    taken.push(value);
    bytes += value.length;
  }
  return { start: Buffer.concat(taken), isWhole: false };
}
