/** Connections to hosts: kept alive, counted, opened under the address guard, directly or through a proxy. */
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'undici';
// By itself: all of undici, with fetch, caches and mocks, is 3 MB more in each thread.
import HttpClient from 'undici/lib/dispatcher/client.js';
import { isOutOfDescriptors, isShortage } from '../descriptors.js';
import type { Cancellation } from './cancellation.js';
import { maxHeaderBytes } from './fetch-errors.js';

/** Where a connection leads. */
export interface Route {
  /** Connections with the same key are interchangeable. */
  readonly key: string;
  /** `http://host:port` of what speaks HTTP at the other end of the socket: the site, or a proxy. */
  readonly origin: string;
  /** Opens a socket, secured where need be; the signal ends the attempt, and the socket. */
  open(signal: AbortSignal): Promise<Socket>;
}

/** One socket and the HTTP client on it; it carries one request at a time. */
export class Connection {
  readonly client: Client;
  readonly #life = new AbortController();
  /** How many requests it has carried to their end. */
  served = 0;

  constructor(
    readonly route: Route,
    onClose: (connection: Connection) => void,
  ) {
    this.client = new HttpClient(route.origin, {
      connect: (_options, callback) => {
        openPatiently(route, this.#life.signal).then(
          (socket) => callback(null, socket),
          (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
        );
      },
      maxHeaderSize: maxHeaderBytes,
      // the fetcher keeps its own time, to the millisecond
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.client.on('disconnect', () => onClose(this));
  }

  get closed(): boolean {
    return this.#life.signal.aborted;
  }

  /** Closes the socket at once, also one that is still being opened. */
  destroy(): void {
    if (this.closed) return;
    this.#life.abort();
    this.client.destroy().catch(() => {});
  }
}

/** Between two attempts while no file descriptor is left. */
const descriptorMs = 250;

/** Descriptors come and go in a shortage: that one is free now does not mean that one was while a name was looked up. */
const shortageMs = 1_000;
let lastShortMs = Number.NEGATIVE_INFINITY;

function isShortLately(): boolean {
  const nowMs = performance.now();
  if (isOutOfDescriptors()) lastShortMs = nowMs;
  return nowMs - lastShortMs < shortageMs;
}

/**
 * Without a file descriptor no socket opens and no name resolves: the system then says that the name does not exist. Such a
 * failure says nothing about the host, so the request waits, for as long as it may take to connect.
 */
async function openPatiently(route: Route, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    const wasShort = isShortLately();
    try {
      return await route.open(signal);
    } catch (error) {
      if (signal.aborted || !(wasShort || isShortage(error) || isShortLately())) throw error;
      await delay(descriptorMs, undefined, { signal });
    }
  }
}

interface Waiter {
  readonly route: Route;
  readonly fresh: boolean;
  readonly give: (connection: Connection) => void;
}

/** How many sockets may be open at once. */
export interface ConnectionLimits {
  readonly maxSockets: number;
  readonly maxSocketsPerHost: number;
}

/** One crawl often follows another: to connect anew is a fiftieth of one of two thousand pages. */
const restMs = 1_000;

/** All connections of a fetcher. One that waits for work goes when another host needs its place. */
export class ConnectionPool {
  /** The connections without work, the longest unused route first. */
  readonly #idle = new Map<string, Connection[]>();
  readonly #open = new Map<string, Set<Connection>>();
  readonly #waiters = new Set<Waiter>();
  #sockets = 0;
  #resting: NodeJS.Timeout | undefined;

  constructor(readonly limits: ConnectionLimits) {}

  /** How many sockets are open or being opened. */
  get sockets(): number {
    return this.#sockets;
  }

  /**
   * A connection for one request; waits until the limits allow it.
   * @param fresh never one that has been used before
   */
  async acquire(route: Route, fresh: boolean, patience: Cancellation): Promise<Connection> {
    const connection = this.#take(route, fresh);
    if (connection !== undefined) return connection;
    return new Promise((resolve, reject) => {
      const give = (given: Connection) => {
        patience.offEnd(leave);
        resolve(given);
      };
      const waiter: Waiter = { route, fresh, give };
      const leave = () => {
        this.#waiters.delete(waiter);
        reject(patience.ended?.reason);
      };
      patience.onEnd(leave);
      this.#waiters.add(waiter);
    });
  }

  /** Gives a connection back after its request has come to its end. */
  release(connection: Connection): void {
    connection.served += 1;
    if (connection.closed) return;
    const { key } = connection.route;
    const idle = this.#idle.get(key) ?? [];
    idle.push(connection);
    this.#idle.delete(key);
    this.#idle.set(key, idle);
    this.#serve();
  }

  /** Closes a connection, whatever it does. */
  drop(connection: Connection): void {
    this.#discard(connection);
    this.#serve();
  }

  /** Closes all connections a second from now, if none of them has work then. */
  rest(): void {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => {
      const idle = [...this.#idle.values()].flat();
      if (idle.length === this.#sockets) for (const connection of idle) this.drop(connection);
    }, restMs).unref();
  }

  /** Closes every connection. */
  close(): void {
    clearTimeout(this.#resting);
    for (const open of [...this.#open.values()]) for (const connection of [...open]) this.drop(connection);
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const connection = this.#take(waiter.route, waiter.fresh);
      if (connection === undefined) continue;
      this.#waiters.delete(waiter);
      waiter.give(connection);
    }
  }

  #take(route: Route, fresh: boolean): Connection | undefined {
    const idle = this.#idle.get(route.key);
    const last = fresh ? undefined : idle?.at(-1);
    if (last !== undefined) {
      this.#removeIdle(last);
      return last;
    }
    const ofHost = this.#open.get(route.key)?.size ?? 0;
    if (ofHost >= this.limits.maxSocketsPerHost) {
      if (idle?.[0] === undefined) return undefined;
      this.#discard(idle[0]);
    } else if (this.#sockets >= this.limits.maxSockets) {
      const oldest = this.#idle.values().next().value?.[0];
      if (oldest === undefined) return undefined;
      this.#discard(oldest);
    }
    return this.#create(route);
  }

  #create(route: Route): Connection {
    const connection = new Connection(route, (closed) => this.drop(closed));
    const open = this.#open.get(route.key) ?? new Set();
    this.#open.set(route.key, open.add(connection));
    this.#sockets += 1;
    return connection;
  }

  #discard(connection: Connection): void {
    const { key } = connection.route;
    const open = this.#open.get(key);
    if (!open?.delete(connection)) return;
    if (open.size === 0) this.#open.delete(key);
    this.#sockets -= 1;
    this.#removeIdle(connection);
    connection.destroy();
  }

  #removeIdle(connection: Connection): void {
    const { key } = connection.route;
    const idle = this.#idle.get(key);
    const place = idle?.indexOf(connection) ?? -1;
    if (place >= 0) idle?.splice(place, 1);
    if (idle?.length === 0) this.#idle.delete(key);
  }
}
