/** WebSockets over uWebSockets.js. */
import type { WebSocket } from 'uWebSockets.js';
import { guard } from './guard.js';
import { shortenReason } from './handshake.js';
import type { Service, Socket } from './transport.js';

const ignore = (): void => {};

/** A cork of the library holds 16 KiB; what comes beyond that it sends frame by frame. */
const corkBytes = 12 * 1024;

/** What travels with an upgrade until the socket is open, and then with the socket. */
export interface Upgrade {
  readonly socket: UwsSocket;
  /** Until it is open: it holds the whole request. */
  accept: ((socket: Socket) => void) | undefined;
}

/** One WebSocket over uWebSockets.js. */
export class UwsSocket implements Socket {
  onMessage: (text: string) => void = ignore;
  onDrain = ignore;
  onPong = ignore;
  onClose = ignore;
  readonly #service: Service;
  #native: WebSocket<Upgrade> | undefined;
  #promised = false;

  constructor(service: Service) {
    this.#service = service;
  }

  send(frames: readonly (Buffer | string)[]): boolean {
    const native = this.#native;
    if (native === undefined) return false;
    let sent = 0;
    let dropped = false;
    while (sent < frames.length && !dropped) {
      native.cork(() => {
        for (let bytes = 0; sent < frames.length && !dropped && bytes < corkBytes; sent++) {
          const frame = frames[sent] ?? '';
          bytes += frame.length;
          dropped = native.send(frame, false) === 2;
        }
      });
    }
    if (dropped) {
      // Frames are missing now: what follows them would be a lie.
      this.destroy();
      return false;
    }
    this.#promised = native.getBufferedAmount() > 0;
    return !this.#promised;
  }

  ping(): void {
    this.#native?.ping();
  }

  close(code: number, reason: string): void {
    // The library breaks off by itself, within 4 s, a peer that does not answer.
    this.#native?.end(code, shortenReason(reason));
  }

  destroy(): void {
    this.#native?.close();
  }

  attach(native: WebSocket<Upgrade>): void {
    this.#native = native;
  }

  receive(message: ArrayBuffer, isBinary: boolean): void {
    if (isBinary) {
      this.close(1003, 'text frames only');
      return;
    }
    const text = Buffer.from(message).toString();
    this.call(() => this.onMessage(text));
  }

  drain(): void {
    if (!this.#promised || this.#native === undefined || this.#native.getBufferedAmount() > 0) return;
    this.#promised = false;
    this.call(() => this.onDrain());
  }

  detach(): void {
    this.#native = undefined;
    queueMicrotask(() => guard(this.#service, () => this.onClose(), ignore));
  }

  /** Runs one of the service's listeners; one that throws costs the socket. */
  call(run: (socket: this) => void): void {
    guard(
      this.#service,
      () => run(this),
      () => this.destroy(),
    );
  }
}
