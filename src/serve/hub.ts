/** All subscribers of the service: pumped when the log grows, reminded that they are alive when it does not. */
import { CrawlcastError } from '../errors.js';
import type { Store } from '../store/store.js';
import type { Subscriber } from './subscriber.js';
import { Turns } from './turns.js';

/** How often a stream on which nothing happens says where it is. */
export const heartbeatMs = 15_000;

/** A subscriber and what its protocol does as time goes by. */
export interface Member {
  /** The peer's. */
  readonly address: string;
  readonly protocol: 'sse' | 'ws';
  readonly subscriber: Subscriber;
  /** Called about every second, with `performance.now()`. */
  remind(nowMs: number): void;
  /** Ends the stream cleanly: the service stops. */
  leave(): void;
}

/** How many streams may be open. */
export interface StreamLimits {
  /** In all. Default 20,000. */
  readonly maxConnections?: number | undefined;
  /** Of one address; loopback may have all of them: a proxy comes from there. Default 10,000. */
  readonly maxConnectionsPerAddress?: number | undefined;
}

/** Keeps the subscribers. */
export class Hub {
  /** In which those are served who have a lot before them. */
  readonly turns: Turns;
  readonly #members = new Set<Member>();
  readonly #stopListening: () => void;
  readonly #timer: NodeJS.Timeout;
  /** Called after an append, with the milliseconds that it took to serve the subscribers. */
  onPumped: (ms: number) => void = () => {};
  #whenEmpty = () => {};
  #closed = false;

  readonly #max: number;
  readonly #maxPerAddress: number;
  readonly #byAddress = new Map<string, number>();

  constructor(
    store: Pick<Store, 'log' | 'isCommitting'>,
    { maxConnections = 20_000, maxConnectionsPerAddress = 10_000 }: StreamLimits = {},
    /** Told of what broke a stream off. */
    readonly onError: (error: unknown) => void = () => {},
  ) {
    this.#max = maxConnections;
    this.#maxPerAddress = maxConnectionsPerAddress;
    this.turns = new Turns(store);
    this.#stopListening = store.log.onAppend(() => this.#pumpAll());
    this.#timer = setInterval(() => this.#remind(), 1_000).unref();
  }

  get size(): number {
    return this.#members.size;
  }

  /** Subscribers by protocol. */
  get sizes(): Readonly<Record<Member['protocol'], number>> {
    const sizes = { sse: 0, ws: 0 };
    for (const { protocol } of this.#members) sizes[protocol]++;
    return sizes;
  }

  /** Events that the slowest subscriber still has before it. */
  get maxLag(): number {
    let max = 0;
    for (const { subscriber } of this.#members) max = Math.max(max, subscriber.lag);
    return max;
  }

  /** @throws CrawlcastError `limit.connections` where a stream for this address would be one too many */
  checkRoom(address: string): void {
    const ofAddress = this.#byAddress.get(address) ?? 0;
    const isTooMany = ofAddress >= this.#maxPerAddress && !isLoopback(address);
    if (this.size < this.#max && !isTooMany) return;
    const who = isTooMany ? `${ofAddress} streams of your address are` : `${this.size} streams are`;
    throw new CrawlcastError(
      'limit.connections',
      `${who} open, and there may be no more: close some, or come back later`,
    );
  }

  add(member: Member): void {
    this.#count(member, 1);
    this.#members.add(member);
    // It asked just before the service stopped.
    if (this.#closed) member.leave();
  }

  delete(member: Member): void {
    if (!this.#members.delete(member)) return;
    this.#count(member, -1);
    member.subscriber.close();
    if (this.#members.size === 0) this.#whenEmpty();
  }

  /** Resolves when there are no subscribers left. */
  empty(): Promise<void> {
    if (this.#members.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  /** Ends all streams cleanly. */
  close(): void {
    this.#closed = true;
    this.#stopListening();
    clearInterval(this.#timer);
    for (const member of this.#members) member.leave();
  }

  #count({ address }: Member, change: number): void {
    const count = (this.#byAddress.get(address) ?? 0) + change;
    if (count > 0) this.#byAddress.set(address, count);
    else this.#byAddress.delete(address);
  }

  #pumpAll(): void {
    if (this.#members.size === 0) return;
    const began = performance.now();
    let isFollowed = false;
    for (const { subscriber } of this.#members) isFollowed = subscriber.appended() || isFollowed;
    this.turns.appended(isFollowed);
    this.onPumped(performance.now() - began);
  }

  #remind(): void {
    const now = performance.now();
    for (const member of this.#members) member.remind(now);
  }
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
