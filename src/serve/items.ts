/** Items as an HTTP answer: streamed, with the cursor that says where the snapshot stands. */
import { type ExportFormat, exportItems, mediaTypes, type Selection } from './export.js';
import type { Exchange } from './routes.js';

/** A snapshot up to this size is sent whole, with its length. */
const maxWholeBytes = 262_144;

/** Sends the selected items. They are read from the log as fast as the client takes them. */
export async function sendItems(exchange: Exchange, selection: Selection, format: ExportFormat): Promise<void> {
  const { response, request, store, cors } = exchange;
  const headers = {
    'content-type': mediaTypes[format],
    'cache-control': 'no-store',
    'crawlcast-cursor': `${store.log.epoch}-${selection.until}`,
    ...cors,
  };
  const parts = exportItems(store, selection, format);
  const { start, isWhole } = takeSome(parts);
  if (isWhole || request.method === 'HEAD') {
    response.send(200, headers, start);
    return;
  }
  const sink = response.stream(200, headers, start);
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

function takeSome(parts: Generator<Buffer>): { start: Buffer; isWhole: boolean } {
  const taken: Buffer[] = [];
  let bytes = 0;
  while (bytes <= maxWholeBytes) {
    const { value, done } = parts.next();
    if (done === true) return { start: Buffer.concat(taken), isWhole: true };
    taken.push(value);
    bytes += value.length;
  }
  return { start: Buffer.concat(taken), isWhole: false };
}

/** A large answer must not keep the others waiting. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
