/** Answers and streams over node:http. */
import type { ServerResponse } from 'node:http';
import { guard } from './guard.js';
import { headerLines, isBodiless, ownError } from './head.js';
import { ownBytes } from './node-bytes.js';
import type { Answer, ByteSink, Headers, HttpResponse, Service } from './transport.js';

const ignore = (): void => {};

/** One answer over node:http. */
export class NodeResponse implements HttpResponse {
  readonly #service: Service;
  readonly #outgoing: ServerResponse;
  readonly #onStream: () => void;
  #answered = false;

  constructor(service: Service, outgoing: ServerResponse, onStream: () => void) {
    this.#service = service;
    this.#outgoing = outgoing;
    this.#onStream = onStream;
    outgoing.on('error', ignore);
  }

  send(status: number, headers: Headers, body: Buffer | string = ''): void {
    if (this.#answered) return;
    const lines = headerLines(headers);
    this.#answered = true;
    if (headers.connection === 'close') this.#outgoing.shouldKeepAlive = false;
    if (!isBodiless(status)) lines.push(['Content-Length', String(Buffer.byteLength(body))]);
    this.#outgoing.writeHead(status, lines.flat()).end(isBodiless(status) ? '' : body);
  }

  answer({ status, headers, body }: Answer): void {
    this.send(status, headers, body);
  }

  stream(status: number, headers: Headers, first: Buffer | string): ByteSink {
    const lines = headerLines(headers);
    const sink = new NodeSink(this.#service, this.#outgoing);
    if (this.#answered) return sink;
    this.#answered = true;
    this.#outgoing.writeHead(status, lines.flat());
    if (this.#outgoing.req.method === 'HEAD') {
      this.#outgoing.end();
    } else {
      this.#onStream();
      this.#outgoing.flushHeaders();
      sink.write(first);
    }
    return sink;
  }

  onAbort(listener: () => void): void {
    this.#outgoing.once('close', () => {
      if (!this.#answered && !this.#outgoing.writableFinished) guard(this.#service, listener, ignore);
    });
  }

  /** Runs the service's own code; what it throws becomes the answer. */
  guard(run: () => void): void {
    guard(this.#service, run, () => {
      if (this.#answered) this.#outgoing.destroy();
      else this.answer(ownError);
    });
  }

  /** Leaves the connection to the WebSocket that takes it over. */
  detach(): void {
    const { socket } = this.#outgoing;
    this.#answered = true;
    if (socket !== null) this.#outgoing.detachSocket(socket);
  }
}

class NodeSink implements ByteSink {
  onDrain = ignore;
  onClose = ignore;
  readonly #outgoing: ServerResponse;

  constructor(service: Service, outgoing: ServerResponse) {
    this.#outgoing = outgoing;
    // Not in the turn of the event itself: a reader as fast as the writer would never let anybody else have one.
    outgoing.on('drain', () => setImmediate(() => this.#goOn(service)));
    const close = (): void => guard(service, () => this.onClose(), ignore);
    // The client may have gone before the stream began: then nothing says so any more.
    if (outgoing.destroyed) queueMicrotask(close);
    else outgoing.once('close', close);
  }

  write(chunk: Buffer | string): boolean {
    if (this.#outgoing.writableEnded || this.#outgoing.destroyed) return false;
    return chunk.length === 0 || this.#outgoing.write(typeof chunk === 'string' ? chunk : ownBytes(chunk));
  }

  #goOn(service: Service): void {
    if (this.#outgoing.writableEnded || this.#outgoing.destroyed || this.#outgoing.writableNeedDrain) return;
    guard(
      service,
      () => this.onDrain(),
      () => this.destroy(),
    );
  }

  end(): void {
    if (!this.#outgoing.destroyed) this.#outgoing.end();
  }

  destroy(): void {
    this.#outgoing.destroy();
  }
}
