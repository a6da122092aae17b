/** Answers and streams over uWebSockets.js. */

import type { HttpResponse as NativeResponse } from 'uWebSockets.js';
import { STATUS_CODES } from 'node:http';
import { guard } from './guard.js';
import { headerLines, isBodiless, ownError } from './head.js';
import type { Answer, ByteSink, Headers, HttpResponse, Service } from './transport.js';

/** A little of a chunk, sent ahead to learn whether what was sent before has left. */
const probeBytes = 64;

/**
 * What a cork of the library holds is 16 KiB, the lines around a chunk and what else stands before it included. A longer
 * chunk is lost without a word where those lines find no room in the socket at that moment.
 */
const corkBytes = 15 * 1024;

/** Of the first chunk, which shares its cork with the head. */
const firstBytes = 8 * 1024;

/** A writer is told to stop when so much waits for the request to be handled. */
const heldBytes = 256 * 1024;

const ignore = (): void => {};

/** One answer over uWebSockets.js. */
export class UwsResponse implements HttpResponse {
  readonly #service: Service;
  readonly #native: NativeResponse;
  readonly #method: string;
  readonly #open: Set<UwsSink>;
  #state: 'waiting' | 'answered' | 'gone' = 'waiting';
  #sink: UwsSink | undefined;
  #onAborted: (() => void)[] = [];
  #onGone = ignore;

  constructor(service: Service, native: NativeResponse, method: string, open: Set<UwsSink>) {
    this.#service = service;
    this.#native = native;
    this.#method = method;
    this.#open = open;
    native.onAborted(() => this.#abort());
  }

  send(status: number, headers: Headers, body: Buffer | string = ''): void {
    this.#finish(status, headers, body, false);
  }

  answer({ status, headers, body }: Answer, closes = false): void {
    this.#finish(status, headers, body, closes);
  }

  #finish(status: number, headers: Headers, body: Buffer | string, isLast: boolean): void {
    if (this.#state !== 'waiting') return;
    const closes = isLast || headers.connection === 'close';
    const lines = headerLines(headers);
    this.#state = 'answered';
    if (closes && this.#method === 'HEAD') {
      // The library cannot end an answer without a body and then close.
      this.#native.close();
      return;
    }
    this.#native.cork(() => {
      this.#writeHead(status, lines);
      if (isBodiless(status)) this.#native.endWithoutBody();
      else if (this.#method === 'HEAD') this.#endHead(Buffer.byteLength(body));
      else this.#native.end(body, closes);
    });
  }

  stream(status: number, headers: Headers, first: Buffer | string): ByteSink {
    const lines = headerLines(headers);
    const sink = new UwsSink(this.#service, this.#native, this.#open);
    if (this.#state !== 'waiting') return sink.close();
    this.#state = 'answered';
    this.#sink = sink;
    sink.attach(this.#onGone);
    const bytes = bytesOf(first);
    this.#native.cork(() => {
      this.#writeHead(status, lines);
      if (this.#method !== 'HEAD') return void this.#native.write(bytes.subarray(0, firstBytes));
      this.#native.endWithoutBody();
      sink.close();
    });
    if (bytes.length > firstBytes) sink.write(bytes.subarray(firstBytes));
    setImmediate(() => sink.release());
    return sink;
  }

  onAbort(listener: () => void): void {
    this.#onAborted.push(listener);
  }

  /** Calls back once, when the connection has broken. */
  onGone(listener: () => void): void {
    this.#onGone = listener;
  }

  /** Runs the service's own code; what it throws becomes the answer. */
  guard(run: () => void): void {
    guard(this.#service, run, () => {
      if (this.#state === 'waiting') this.answer(ownError);
      else this.#sink?.destroy();
    });
  }

  /** Leaves the connection to the WebSocket that takes it over. */
  detach(): void {
    this.#state = 'answered';
  }

  #endHead(length: number): void {
    // Told the length as an argument, the library would take the answer for one that is never complete.
    this.#native.writeHeader('Content-Length', String(length)).endWithoutBody();
  }

  #writeHead(status: number, lines: readonly [string, string][]): void {
    this.#native.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
    for (const [name, value] of lines) this.#native.writeHeader(name, value);
  }

  #abort(): void {
    this.#state = 'gone';
    this.#onGone();
    for (const listener of this.#onAborted) guard(this.#service, listener, ignore);
  }
}

/**
 * A stream. The library queues without bound what the socket does not take and never says how much, so whatever comes
 * while something may be queued is sent in two: a little, which goes out only after all that was queued, then the rest.
 */
export class UwsSink implements ByteSink {
  onDrain = ignore;
  onClose = ignore;
  readonly #service: Service;
  readonly #native: NativeResponse;
  readonly #open: Set<UwsSink>;
  #over = false;
  #ending = false;
  /** Whether something may be queued in the library. */
  #maybeQueued = false;
  /** What the socket had no room for. */
  #rest: Buffer | undefined;
  #promised = false;
  /** While the request is being handled the library has a cork of its own, which holds the head: the rest waits until it is left. */
  #isHeld = true;

  constructor(service: Service, native: NativeResponse, open: Set<UwsSink>) {
    this.#service = service;
    this.#native = native;
    this.#open = open;
  }

  /** Listens in place of the response: that holds the whole request, and a stream may be open for weeks. */
  attach(onGone: () => void): void {
    this.#open.add(this);
    this.#native.onWritable(() => {
      this.#goOn();
      return true;
    });
    this.#native.onAborted(() => {
      onGone();
      this.close();
    });
  }

  write(chunk: Buffer | string): boolean {
    if (this.#over || this.#ending) return false;
    const bytes = bytesOf(chunk);
    const rest = this.#rest === undefined && !this.#isHeld ? this.#send(bytes) : bytes;
    if (rest !== undefined) this.#rest = Buffer.concat(this.#rest === undefined ? [rest] : [this.#rest, rest]);
    this.#promised = this.#isHeld ? (this.#rest?.length ?? 0) > heldBytes : this.#maybeQueued;
    return !this.#promised;
  }

  /** The request has been handled. */
  release(): void {
    this.#isHeld = false;
    this.#sendRest();
  }

  /** Sends what the socket takes, a cork's worth at a time; the library keeps a copy of the last of it. Gives the rest. */
  #send(bytes: Buffer): Buffer | undefined {
    let sent = 0;
    do {
      const part = bytes.subarray(sent, sent + (this.#maybeQueued ? probeBytes : corkBytes));
      sent += part.length;
      this.#native.cork(() => {
        this.#maybeQueued = !this.#native.write(part);
      });
    } while (sent < bytes.length && !this.#maybeQueued);
    return sent < bytes.length ? bytes.subarray(sent) : undefined;
  }

  /** The socket takes bytes. Even where nothing new is written, leaving a cork sends what is queued. */
  #goOn(): void {
    if (this.#over) return;
    this.#native.cork(ignore);
    this.#maybeQueued = true;
    if (!this.#isHeld) this.#sendRest();
  }

  #sendRest(): void {
    if (this.#over) return;
    if (this.#rest !== undefined) {
      this.#rest = this.#send(this.#rest);
      if (this.#maybeQueued) return;
    }
    if (this.#ending) this.#finish();
    else if (this.#promised) this.#drained();
  }

  #drained(): void {
    this.#promised = false;
    guard(
      this.#service,
      () => this.onDrain(),
      () => this.destroy(),
    );
  }

  /** Winds up the clock by which the library closes a socket that does not take what was written. */
  keepOpen(): void {
    this.#native.pause();
    this.#native.resume();
  }

  end(): void {
    if (this.#over || this.#ending) return;
    this.#ending = true;
    if (!this.#promised && this.#rest === undefined) this.#finish();
  }

  #finish(): void {
    this.close();
    this.#native.cork(() => void this.#native.end());
  }

  destroy(): void {
    if (!this.#over) this.#native.close();
  }

  /** The stream is over: nothing is sent any more. */
  close(): this {
    if (this.#over) return this;
    this.#over = true;
    this.#open.delete(this);
    queueMicrotask(() => guard(this.#service, () => this.onClose(), ignore));
    return this;
  }
}

function bytesOf(chunk: Buffer | string): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}
