/** The one narrow interface between the service and the two HTTP and WebSocket libraries that can carry it. */
import type { Buffer } from 'node:buffer';

/** One HTTP request. */
export interface HttpRequest {
  /** Upper case. */
  readonly method: string;
  /** Without the query, percent-encoded as sent. */
  readonly path: string;
  /** Behind the `?`, undecoded; empty where there is none. */
  readonly query: string;
  /** By lower-case name; repeated headers joined with `, `. */
  header(name: string): string | undefined;
  /** The peer's IP address, IPv4-mapped IPv6 as IPv4. */
  readonly remoteAddress: string;
  /**
   * The whole body.
   * @throws CrawlcastError `body.limit` beyond `maxBytes`
   */
  readBody(maxBytes: number): Promise<Buffer>;
}

/** Header names and values; a list is sent as that many headers. `connection: close` has the connection closed behind it. */
export type Headers = Readonly<Record<string, string | readonly string[]>>;

/** An answer, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Where the bytes of a stream go. Every call after its end does nothing. */
export interface ByteSink {
  /**
   * Hands over bytes, which are the caller's again when it returns. False: the socket is full; they will be sent, but write no more
   * before `onDrain` is called.
   */
  write(chunk: Buffer | string): boolean;
  end(): void;
  /** Breaks the connection off. */
  destroy(): void;
  /** Called each time the socket takes bytes again after a `write` that said false. */
  onDrain: () => void;
  /** Called once, when the stream is over, whoever ended it. */
  onClose: () => void;
}

/** The answer to one HTTP request: one call of `send` or of `stream`. */
export interface HttpResponse {
  /**
   * Answers whole; to HEAD the body is left out and its length said. Adds `Content-Length`. What a reader may take long
   * over is for `stream`: uWebSockets.js closes an answer that stands still for 10 s.
   */
  send(status: number, headers: Headers, body?: Buffer | string): void;
  /**
   * Answers with a stream; the head leaves at once with `first`, or where that is empty with what is written first.
   * To HEAD it sends the head and is over.
   */
  stream(status: number, headers: Headers, first: Buffer | string): ByteSink;
  /** Calls back once, when the client has gone before there was an answer; a stream says itself when it is over. */
  onAbort(listener: () => void): void;
}

/** One open WebSocket. Every call after its end does nothing. */
export interface Socket {
  /**
   * Sends text frames together; their bytes are the caller's again when it returns. False: the socket is full; they will be sent, but
   * send no more before `onDrain` is called.
   */
  send(frames: readonly (Buffer | string)[]): boolean;
  ping(): void;
  /** Closes cleanly; a peer that does not answer is broken off after 2 s. */
  close(code: number, reason: string): void;
  destroy(): void;
  onMessage: (text: string) => void;
  onDrain: () => void;
  onPong: () => void;
  /** Called once. */
  onClose: () => void;
}

/** What the service says to a request for an upgrade: refused with an answer, or who takes the socket. */
export type UpgradeVerdict =
  | { readonly refuse: Answer }
  | { readonly accept: (socket: Socket) => void; readonly protocol?: string };

/** What a transport serves. The transport itself checks `Upgrade`, `Sec-WebSocket-Key` and the version (426 otherwise). */
export interface Service {
  request(request: HttpRequest, response: HttpResponse): void;
  /** Only for requests that are well-formed WebSocket handshakes; synchronous. */
  upgrade(request: HttpRequest): UpgradeVerdict;
  /** What one of the service's own calls threw. The request is answered 500, a stream or socket is broken off. */
  onError?(thrown: unknown): void;
}

/** Limits that both transports keep. */
export interface TransportLimits {
  /** Of one WebSocket message; beyond it the socket is closed with 1009. Default 65,536. */
  readonly maxMessageBytes: number;
  /** For a request's head and for its body. Default 10,000; uWebSockets.js always gives the head 8 to 12 s. */
  readonly requestTimeoutMs: number;
}

/** A listening server. */
export interface Transport {
  readonly name: 'uws' | 'ws';
  readonly host: string;
  /** The one really bound, where 0 was asked for. */
  readonly port: number;
  /** Takes no new connections from now on; those that are open stay. */
  stopListening(): void;
  /** Breaks off all that is still open and lets go of the port. */
  close(): Promise<void>;
}
