/** A stream over uWebSockets.js, held against a model of what the library does with a socket that takes little. */

import type { HttpResponse } from 'uWebSockets.js';
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Service } from '#src/serve/transport.js';
import { UwsResponse } from '#src/serve/uws-response.js';
import { createRandom } from './support/random.js';

const corkBytes = 16 * 1024;

/**
 * The library's answer. A cork gathers what is written; what it has no room for makes it leave, and is **lost** where the
 * socket does not take all that was gathered. What the socket does not take outside of a cork is queued.
 */
class Model {
  readonly sent: Buffer[] = [];
  /** What the socket takes until it is writable again. */
  room = 0;
  lost = 0;
  #queued = Buffer.alloc(0);
  #cork: Buffer[] | undefined;
  #isChunked = false;
  #writable = () => true;
  #wantsRoom = false;

  cork(work: () => void): this {
    const isOutermost = this.#cork === undefined;
    if (isOutermost) this.#cork = [];
    work();
    if (isOutermost) this.#leave();
    return this;
  }

  write(chunk: Buffer): boolean {
    this.#put(Buffer.from(`${this.#isChunked ? '\r\n' : ''}${chunk.length.toString(16)}\r\n`));
    this.#isChunked = true;
    return this.#put(chunk);
  }

  end(): void {
    this.#put(Buffer.from('\r\n0\r\n\r\n'));
    // From here on it looks after what is queued by itself.
    this.#writable = () => this.#flush() || true;
  }

  onWritable(handler: () => boolean): void {
    this.#writable = handler;
  }

  onAborted(): void {}
  writeStatus(): void {}
  writeHeader(): void {}

  /** The peer has read; false where nobody waited for it. */
  makeRoom(bytes: number): boolean {
    this.room = bytes;
    if (!this.#wantsRoom) return false;
    this.#wantsRoom = false;
    this.#writable();
    return true;
  }

  get queued(): number {
    return this.#queued.length;
  }

  /** Whether the socket, or the queue behind it, has it. */
  #put(bytes: Buffer): boolean {
    if (!this.#flush()) return this.#queue(bytes);
    if (this.#cork === undefined) return this.#send(bytes);
    if (sizeOf(this.#cork) + bytes.length <= corkBytes) return this.#cork.push(bytes) > 0;
    if (this.#leave()) return this.#send(bytes);
    this.lost += bytes.length;
    return false;
  }

  #leave(): boolean {
    const gathered = Buffer.concat(this.#cork ?? []);
    this.#cork = undefined;
    return this.#flush() ? this.#send(gathered) : this.#queue(gathered);
  }

  #flush(): boolean {
    const queued = this.#queued;
    this.#queued = Buffer.alloc(0);
    return this.#send(queued);
  }

  #send(bytes: Buffer): boolean {
    const taken = bytes.subarray(0, this.room);
    this.room -= taken.length;
    this.sent.push(taken);
    return taken.length === bytes.length || this.#queue(bytes.subarray(taken.length));
  }

  #queue(bytes: Buffer): boolean {
    this.#queued = Buffer.concat([this.#queued, bytes]);
    this.#wantsRoom = true;
    return bytes.length === 0;
  }
}

function sizeOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

/** The payload of a chunked body. */
function payloadOf(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const end = body.indexOf('\r\n', at);
    const length = Number.parseInt(body.toString('latin1', at, end), 16);
    if (length === 0) break;
    parts.push(body.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return Buffer.concat(parts);
}

it('loses nothing, and queues little, whatever the socket takes', async () => {
  const service = { onError: assert.fail } as unknown as Service;
  for (let seed = 1; seed <= 100; seed++) {
    const { below, chance } = createRandom(seed);
    const model = new Model();
    const response = new UwsResponse(service, model as unknown as HttpResponse, 'GET', new Set());
    const written: Buffer[] = [];
    const chunk = () => {
      const bytes = Buffer.alloc(1 + below(chance(0.5) ? 600 : 100_000), 33 + (written.length % 90));
      written.push(bytes);
      return bytes;
    };
    const sink = response.stream(200, {}, chunk());
    // What is there at once is written while the request is still being handled.
    for (let i = 0; i < 3; i++) if (chance(0.5)) sink.write(chunk());
    let isFull = false;
    sink.onDrain = () => {
      isFull = false;
    };
    await nextTurn();
    let mostQueued = 0;
    const room = () => 1 + below(chance(0.4) ? 20 : 120_000);
    for (let i = 0; i < 60; i++) {
      // A live reader is written to at any time, one that is full is not.
      if (!isFull) isFull = !sink.write(chunk());
      mostQueued = Math.max(mostQueued, model.queued);
      if (chance(0.7)) model.makeRoom(room());
    }
    sink.end();
    while (model.makeRoom(room()) || model.queued > 0);
    assert.equal(model.lost, 0, `seed ${seed}`);
    assert.ok(mostQueued <= 3 * corkBytes, `seed ${seed}: ${mostQueued} bytes in the library's queue`);
    const got = payloadOf(Buffer.concat(model.sent));
    assert.ok(got.equals(Buffer.concat(written)), `seed ${seed}: what has come is what was written`);
  }
});
