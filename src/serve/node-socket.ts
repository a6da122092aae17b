/** WebSockets over ws. */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { guard } from './guard.js';
import { shortenReason } from './handshake.js';
import { ownBytes } from './node-bytes.js';
import type { Service, Socket } from './transport.js';

const closeTimeoutMs = 2_000;
/** Pongs that a peer has asked for and does not read; beyond it they are left out. */
const maxPongBacklogBytes = 1 << 20;

const ignore = (): void => {};

/** One WebSocket over ws. */
export class NodeSocket implements Socket {
  onMessage: (text: string) => void = ignore;
  onDrain = ignore;
  onPong = ignore;
  onClose = ignore;
  readonly #webSocket: WebSocket;
  readonly #connection: Duplex;
  #promised = false;

  constructor(service: Service, webSocket: WebSocket, connection: Duplex) {
    this.#webSocket = webSocket;
    this.#connection = connection;
    const call = (run: () => void): void => guard(service, run, () => this.destroy());
    // Broken frames come as an error, upon which ws closes with the right code by itself.
    webSocket.on('error', ignore);
    webSocket.on('message', (data, isBinary) => {
      if (isBinary) this.close(1003, 'text frames only');
      else if (webSocket.readyState === webSocket.OPEN) call(() => this.onMessage(String(data)));
    });
    webSocket.on('ping', (data) => {
      if (connection.writableLength < maxPongBacklogBytes) webSocket.pong(data);
    });
    webSocket.on('pong', () => call(() => this.onPong()));
    webSocket.once('close', () => call(() => this.onClose()));
    connection.on('drain', () => {
      if (!this.#promised) return;
      this.#promised = false;
      call(() => this.onDrain());
    });
  }

  send(frames: readonly (Buffer | string)[]): boolean {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return false;
    this.#connection.cork();
    for (const frame of frames) {
      this.#webSocket.send(typeof frame === 'string' ? frame : ownBytes(frame), { binary: false });
    }
    this.#connection.uncork();
    // Node wants a drain even where all has left already. Waiting for that one, a fast reader would keep its turn for ever.
    this.#promised = this.#connection.writableNeedDrain && this.#connection.writableLength > 0;
    return !this.#promised;
  }

  ping(): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
  }

  close(code: number, reason: string): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#webSocket.close(code, shortenReason(reason));
    const timer = setTimeout(() => this.destroy(), closeTimeoutMs);
    this.#webSocket.once('close', () => clearTimeout(timer));
  }

  destroy(): void {
    this.#webSocket.terminate();
  }
}
