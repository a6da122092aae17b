/** One request and its answer on one connection. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { CrawlcastError } from '../errors.js';
import { ChunkQueue, type ChunkSource } from './chunks.js';
import type { Connection, ConnectionPool } from './connections.js';
import type { Deadlines } from './deadlines.js';
import { describeFailure, tooLargeError } from './fetch-errors.js';
import type { ResponseHead } from './messages.js';

/** How much of an unwanted body is worth reading to keep its connection. */
const maxDiscardedBytes = 64 * 1024;

/** How much longer than what it holds a compressed body may be. */
const compressionSlack = 64 * 1024;

/** Takes what undici tells of one answer; the connection goes back to its pool when the answer is complete. */
export class Exchange implements Dispatcher.DispatchHandler, ChunkSource {
  readonly head: Promise<ResponseHead>;
  /** The body as it came. */
  readonly chunks = new ChunkQueue(this);
  #giveHead: (head: ResponseHead) => void = () => {};
  #refuse: (error: unknown) => void = () => {};
  #controller: Dispatcher.DispatchController | undefined;
  #sentAt = performance.now();
  #bytes = 0;
  #maxBytes: number;
  #discarding = false;
  #isBodiless = false;
  #over = false;

  constructor(
    readonly connection: Connection,
    readonly pool: ConnectionPool,
    readonly deadlines: Deadlines,
  ) {
    this.#maxBytes = deadlines.options.maxBytes;
    this.head = new Promise((resolve, reject) => {
      this.#giveHead = resolve;
      this.#refuse = reject;
    });
    deadlines.onEnd(this.#ended);
    deadlines.enter('connect');
  }

  /** Sends the request, unless the fetch was ended while it waited for its connection. */
  send(request: Dispatcher.DispatchOptions): this {
    if (this.deadlines.ended !== undefined) this.#ended();
    else this.connection.client.dispatch(request, this);
    return this;
  }

  /** Gives the body up. A short one is read to its end, so that the connection can be used again. */
  discard(): void {
    this.#discarding = true;
    this.#maxBytes = maxDiscardedBytes;
    void this.chunks.return();
    this.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#sentAt = performance.now();
    this.deadlines.enter('headers');
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status === 101) {
      this.#fail(
        new CrawlcastError('http.malformed', `${this.deadlines.host}: switched protocols without being asked to`),
      );
    }
    if (status < 200) return;
    this.deadlines.enter('body');
    this.#isBodiless = status === 204 || status === 304;
    if (headers['content-encoding'] !== undefined) this.#maxBytes += compressionSlack;
    this.#giveHead({ status, headers: listHeaders(headers), latencyMs: performance.now() - this.#sentAt });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.deadlines.progress();
    this.#bytes += chunk.length;
    const excess = this.#bytes - this.#maxBytes;
    const wanted = excess > 0 ? chunk.subarray(0, chunk.length - excess) : chunk;
    if (!this.#discarding && !this.chunks.push(wanted)) {
      this.deadlines.pause(true);
      controller.pause();
    }
    if (excess > 0) this.#fail(tooLargeError(this.deadlines.host, this.deadlines.options.maxBytes));
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#finish();
    this.pool.release(this.connection);
    this.chunks.end();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    // undici misses the bytes that a 304 has a length for and yet never sends (RFC 9110 §8.6)
    if (this.#isBodiless) this.#end();
    else this.#fail(describeFailure(error, this.deadlines.host, this.deadlines.phase));
  }

  resume(): void {
    this.deadlines.pause(false);
    if (!this.#over) this.#controller?.resume();
  }

  cancel(): void {
    if (!this.#discarding) this.#fail(new DOMException('The reader left', 'AbortError'));
  }

  readonly #ended = () => this.#fail(this.deadlines.ended?.reason);

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#finish();
    this.#refuse(error);
    this.chunks.fail(error);
    this.pool.drop(this.connection);
  }

  /** The answer is complete, but its connection is not fit for another. */
  #end(): void {
    if (this.#over) return;
    this.#finish();
    this.pool.drop(this.connection);
    this.chunks.end();
  }

  #finish(): void {
    this.#over = true;
    this.deadlines.offEnd(this.#ended);
    if (this.deadlines.phase === 'body') this.deadlines.stop();
  }
}

function listHeaders(headers: IncomingHttpHeaders): Record<string, readonly string[]> {
  // Without a prototype: a header may be called as something of it.
  const listed: Record<string, readonly string[]> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) listed[name] = typeof value === 'string' ? [value] : value;
  }
  return listed;
}
