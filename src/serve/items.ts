/** Items as an HTTP answer: streamed, with the cursor that says where the snapshot stands. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ExportFormat, exportItems, mediaTypes, type Selection } from './export.js';
import type { Exchange } from './routes.js';
import type { ByteSink } from './transport.js';

/** A snapshot up to this size is sent whole, with its length. */
const maxWholeBytes = 262_144;

/** Sends the selected items. They are read from the log as fast as the client takes them, a part in a turn. */
export async function sendItems(exchange: Exchange, selection: Selection, format: ExportFormat): Promise<void> {
  const { response, request, store, cors } = exchange;
  const headers = {
    'content-type': mediaTypes[format],
    'cache-control': 'no-store',
    'crawlcast-cursor': `${store.log.epoch}-${selection.until}`,
    ...cors,
  };
  const parts = exportItems(store, selection, format);
  const { start, isWhole } = await takeSome(parts);
  if (isWhole) return response.send(200, headers, start);
  const sink = response.stream(200, headers, start);
  if (request.method === 'HEAD') return;
  try {
    await sendRest(parts, sink);
  } catch (error) {
    // Half an answer must not look like a whole one.
    sink.destroy();
    throw error;
  }
}

async function sendRest(parts: Iterable<Buffer>, sink: ByteSink): Promise<void> {
  let wake = () => {};
  let open = true;
  sink.onClose = () => {
    open = false;
    wake();
  };
  sink.onDrain = () => wake();
  for (const part of parts) {
    if (!open) return;
    if (part.length > 0 && !sink.write(part)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    } else await nextTurn();
  }
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
