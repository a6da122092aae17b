/** Subscribers for tests: one event after the other, over either protocol, written without any code of the product. */
import WebSocket from 'ws';

/** An event as a subscriber sees it. */
export interface SeenEvent {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject?: string;
  readonly time: string;
  readonly data: unknown;
}

/** A stream that is read at the test's own pace. */
export interface Reader extends AsyncIterable<SeenEvent> {
  /** The last id that was seen, blocks without an event included. */
  readonly lastId: string | undefined;
  close(): void;
}

/** One iteration that goes on where the last loop over it was left. */
function resumable<Value>(values: AsyncGenerator<Value>): AsyncIterator<Value> {
  return { next: () => values.next() };
}

/** Reads `/events`. The iteration ends with the stream, and throws where it breaks off. */
export async function readSse(
  url: string,
  query = '',
  headers: Record<string, string> = {},
): Promise<Reader & { response: Response }> {
  const abort = new AbortController();
  const response = await fetch(`${url}/events${query}`, { headers, signal: abort.signal });
  let lastId: string | undefined;
  async function* events(): AsyncGenerator<SeenEvent> {
    const decoder = new TextDecoder();
    let rest = '';
    if (response.body === null) return;
    for await (const chunk of response.body) {
      rest += decoder.decode(chunk, { stream: true });
      const blocks = rest.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const id = /^id: (.*)$/m.exec(block)?.[1];
        if (id !== undefined) lastId = id;
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) yield JSON.parse(data);
      }
    }
  }
  const iterator = resumable(events());
  return {
    response,
    get lastId() {
      return lastId;
    },
    close: () => abort.abort(),
    [Symbol.asyncIterator]: () => iterator,
  };
}

/** Reads `/ws`. The iteration ends when the socket is closed. */
export async function readWs(url: string, query = ''): Promise<Reader & { socket: WebSocket; controls: unknown[] }> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws${query}`, 'cloudevents.json');
  const queue: SeenEvent[] = [];
  const controls: unknown[] = [];
  let wake = () => {};
  let open = true;
  let lastId: string | undefined;
  socket.on('message', (data) => {
    const frame = JSON.parse(data.toString());
    if (frame.specversion === undefined) {
      controls.push(frame);
      if (typeof frame.cursor === 'string') lastId = frame.cursor;
    } else {
      queue.push(frame);
    }
    wake();
  });
  socket.on('close', () => {
    open = false;
    wake();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  async function* events(): AsyncGenerator<SeenEvent> {
    while (open || queue.length > 0) {
      const event = queue.shift();
      if (event !== undefined) {
        lastId = event.id;
        yield event;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }
  const iterator = resumable(events());
  return {
    socket,
    controls,
    get lastId() {
      return lastId;
    },
    close: () => socket.terminate(),
    [Symbol.asyncIterator]: () => iterator,
  };
}

/** Reads until an event of one of the types has come, and gives all that came. */
export async function readUntil(reader: Reader, ...types: string[]): Promise<SeenEvent[]> {
  const seen: SeenEvent[] = [];
  for await (const event of reader) {
    seen.push(event);
    if (types.includes(event.type)) break;
  }
  return seen;
}

/** All that comes until the other side ends the stream. */
export async function readAll(reader: Reader): Promise<SeenEvent[]> {
  const seen: SeenEvent[] = [];
  for await (const event of reader) seen.push(event);
  return seen;
}

/** The next events, then closes the stream. */
export async function readSome(reader: Reader, count: number): Promise<SeenEvent[]> {
  const seen: SeenEvent[] = [];
  for await (const event of reader) if (seen.push(event) === count) break;
  reader.close();
  return seen;
}

/** The readers of both protocols: what one gets, the other has to get. */
export const protocols: readonly { name: string; open(url: string, query: string): Promise<Reader> }[] = [
  { name: 'SSE', open: readSse },
  { name: 'WebSocket', open: readWs },
];

/** Shakes hands; gives the status of a refusal, 101 where there is none. */
export async function tryWs(url: string, options: WebSocket.ClientOptions = {}): Promise<number> {
  const socket = new WebSocket(url.replace('http', 'ws'), 'cloudevents.json', options);
  socket.on('error', () => {});
  const status = await new Promise<number>((resolve) => {
    socket.once('open', () => resolve(101));
    socket.once('unexpected-response', (_request, response) => resolve(response.resume().statusCode ?? 0));
  });
  socket.terminate();
  return status;
}
/** Reads a number of events. */
export async function take(reader: Reader, count: number): Promise<SeenEvent[]> {
  const seen: SeenEvent[] = [];
  for await (const event of reader) if (seen.push(event) === count) break;
  return seen;
}
