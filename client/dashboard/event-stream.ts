/** Server-sent events over fetch: read only as fast as they are taken, so that a slow page makes no queue. */
import type { CloudEvent } from '#src/events.js';

/** What came in at once. */
export interface Batch {
  readonly events: readonly CloudEvent[];
  /** The newest id, also of blocks that carry no event. */
  readonly id: string | undefined;
}

/** The service says something every 15 s; after this it is not there any more. */
const silenceMs = 40_000;

/** Reads a body as batches of events, until it ends. */
export async function* readEvents(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Batch> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await within(silenceMs, reader.read());
      if (done) return;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop() ?? '';
      yield parseBlocks(blocks);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parseBlocks(blocks: readonly string[]): Batch {
  const events: CloudEvent[] = [];
  let id: string | undefined;
  for (const block of blocks) {
    for (const line of block.split('\n')) {
      if (line.startsWith('id: ')) id = line.slice(4);
      else if (line.startsWith('data: ')) events.push(JSON.parse(line.slice(6)));
    }
  }
  return { events, id };
}

/** Waits so long and no longer; `giveUp` ends what is waited for. */
export async function within<Value>(ms: number, value: Promise<Value>, giveUp = () => {}): Promise<Value> {
  let timer: number | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = window.setTimeout(() => {
      reject(new TypeError('nothing is heard of the service'));
      giveUp();
    }, ms);
  });
  try {
    return await Promise.race([value, silence]);
  } finally {
    clearTimeout(timer);
  }
}
