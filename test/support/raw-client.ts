/** A bare TCP client, which can send what no library would. */
import { connect, type Socket } from 'node:net';

/** One raw connection, and all that came over it so far. */
export class RawClient {
  readonly socket: Socket;
  /** Settles when the connection is over, however it ended. */
  readonly closed: Promise<void>;
  #received = Buffer.alloc(65_536);
  #length = 0;
  #wake = (): void => {};
  #over = false;

  constructor(port: number, host = '127.0.0.1') {
    this.socket = connect(port, host);
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk) => {
      this.#append(chunk);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.#over = true;
        this.#wake();
        resolve();
      });
    });
  }

  get bytes(): Buffer {
    return this.#received.subarray(0, this.#length);
  }

  get text(): string {
    return this.bytes.toString('latin1');
  }

  send(data: string | Buffer): this {
    this.socket.write(data);
    return this;
  }

  /** Waits for a value, and throws where the connection ends without it. */
  async until<Value>(find: (bytes: Buffer) => Value | undefined | false): Promise<Value> {
    for (;;) {
      const found = find(this.bytes);
      if (found !== undefined && found !== false) return found;
      if (this.#over) throw new Error(`the connection ended after ${JSON.stringify(this.text.slice(0, 500))}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Waits until all that was received contains a text, and returns all. */
  async untilText(wanted: string): Promise<string> {
    await this.until((bytes) => bytes.includes(wanted));
    return this.text;
  }

  /** Drops what was received up to here. */
  forget(): void {
    this.#received = Buffer.alloc(65_536);
    this.#length = 0;
  }

  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#received.length) {
      const larger = Buffer.alloc(length * 2);
      this.bytes.copy(larger);
      this.#received = larger;
    }
    chunk.copy(this.#received, this.#length);
    this.#length = length;
  }

  /** Resets the connection at once. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Map<string, string>;
  readonly body: string;
}

/** The first answer in the bytes, once it is there whole; `body` only up to `Content-Length`, or the last chunk. */
export function readAnswer(bytes: Buffer, isHead = false): RawAnswer | undefined {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map(
    lines.map((line) => [line.split(':')[0]?.toLowerCase() ?? '', line.replace(/^[^:]*: */, '')]),
  );
  const rest = text.slice(end + 4);
  const status = Number(statusLine.split(' ')[1]);
  if (isHead || status === 204 || status === 304) return { status, headers, body: '' };
  if (headers.get('transfer-encoding') === 'chunked') {
    const { body, isWhole } = readChunks(rest);
    return isWhole ? { status, headers, body } : undefined;
  }
  const length = Number(headers.get('content-length') ?? 0);
  return rest.length < length ? undefined : { status, headers, body: rest.slice(0, length) };
}

/** What a chunked body holds so far. */
export function readChunks(text: string): { body: string; isWhole: boolean } {
  const parts: string[] = [];
  for (let at = 0; ; ) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return { body: parts.join(''), isWhole: false };
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) return { body: parts.join(''), isWhole: true };
    parts.push(text.slice(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

/** Sends one request and waits for the answer. */
export async function exchange(port: number, request: string, host?: string): Promise<RawAnswer> {
  using client = new RawClient(port, host);
  client.send(request);
  return await client.until((bytes) => readAnswer(bytes, request.startsWith('HEAD')));
}
