/** Answers and streams over uWebSockets.js. */

import type { HttpResponse as NativeResponse } from 'uWebSockets.js';
import { STATUS_CODES } from 'node:http';
import { guard } from './guard.js';
import { type Answer, headerLines, isBodiless, ownError } from './head.js';
import type { ByteSink, Headers, HttpResponse, Service } from './transport.js';

/** A little of a chunk, sent ahead to learn whether what was sent before has left. */
const probeBytes = 64;

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
    this.#native.cork(() => {
      this.#writeHead(status, lines);
      if (this.#method !== 'HEAD') return void sink.write(first);
      this.#native.endWithoutBody();
      sink.close();
    });
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
  /** What a probe has held back. */
  #rest: Buffer | undefined;
  #promised = false;

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
    let taken = true;
    if (this.#rest !== undefined) this.#rest = Buffer.concat([this.#rest, Buffer.from(chunk)]);
    else
      this.#native.cork(() => {
        taken = this.#send(chunk);
      });
    if (this.#rest === undefined && taken) return true;
    this.#promised = true;
    return false;
  }

  #send(chunk: Buffer | string): boolean {
    if (!this.#maybeQueued) {
      this.#maybeQueued = !this.#native.write(chunk);
      return !this.#maybeQueued;
    }
    const bytes = Buffer.from(chunk);
    const taken = this.#native.write(bytes.subarray(0, probeBytes));
    const rest = bytes.subarray(probeBytes);
    this.#maybeQueued = !taken;
    if (rest.length === 0) return taken;
    if (taken) return this.#send(rest);
    this.#rest = rest;
    return false;
  }

  /** The socket takes bytes. Even where nothing new is written, leaving the cork sends what is queued. */
  #goOn(): void {
    if (this.#over) return;
    this.#native.cork(() => {
      this.#maybeQueued = true;
      const rest = this.#rest;
      this.#rest = undefined;
      if (rest !== undefined && !this.#send(rest)) return;
      if (this.#ending) return this.#finish();
      if (!this.#promised) return;
      this.#promised = false;
      guard(
        this.#service,
        () => this.onDrain(),
        () => this.destroy(),
      );
    });
  }

  /** Winds up the clock by which the library closes a socket that does not take what was written. */
  keepOpen(): void {
    this.#native.pause();
    this.#native.resume();
  }

  end(): void {
    if (this.#over || this.#ending) return;
    this.#ending = true;
    if (!this.#promised) this.#finish();
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
