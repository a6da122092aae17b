/** A subscriber that comes back with the last id it saw, for as long as there may be more. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Reader, readSse, readWs, type SeenEvent } from '../support/readers.js';

/** What is subscribed to. */
export interface Wish {
  readonly protocol: 'sse' | 'ws';
  /** Without `since`. */
  readonly query: Readonly<Record<string, string>>;
  /** The same in other words: which events of the log it should get. */
  readonly matches: (event: SeenEvent) => boolean;
}

/** One subscriber through all the lives of a service. */
export interface Subscriber {
  readonly wish: Wish;
  /** In the order of their arrival. */
  readonly events: readonly SeenEvent[];
  /** How often it was connected. */
  readonly connections: number;
  /** Resolves as soon as the condition holds; asked after each event. */
  until(condition: () => boolean): Promise<void>;
  /** Reads what the present connection still brings, and does not come back. */
  finish(): Promise<void>;
}

const reconnectMs = 50;

/** Begins to read, from the beginning of the log. */
export function subscribe(url: string, wish: Wish): Subscriber {
  const events: SeenEvent[] = [];
  const conditions = new Set<() => void>();
  let connections = 0;
  let lastId: string | undefined;
  let over = false;

  async function read(): Promise<void> {
    const reader = await connect(url, wish, lastId, () => {
      over = true;
    });
    if (reader === undefined) return;
    connections += 1;
    try {
      for await (const event of reader) {
        events.push(event);
        for (const check of conditions) check();
      }
    } finally {
      lastId = reader.lastId ?? lastId;
    }
  }

  async function readOn(): Promise<void> {
    while (!over) {
      // Between two lives nobody listens, and a life that ends breaks its streams off.
      await read().catch(() => {});
      if (!over) await delay(reconnectMs);
    }
  }

  const ended = readOn();
  return {
    wish,
    events,
    get connections() {
      return connections;
    },
    until: (condition) =>
      new Promise((resolve) => {
        const check = () => {
          if (!condition()) return;
          conditions.delete(check);
          resolve();
        };
        conditions.add(check);
        check();
      }),
    finish() {
      over = true;
      return ended;
    },
  };
}

/** `undefined`: it is refused, for now or for good. */
async function connect(
  url: string,
  { protocol, query }: Wish,
  lastId: string | undefined,
  onOver: () => void,
): Promise<Reader | undefined> {
  if (protocol === 'ws') {
    const reader = await readWs(url, `?${new URLSearchParams({ ...query, since: lastId ?? '0' })}`);
    reader.socket.once('close', (code) => code === 1000 && onOver());
    return reader;
  }
  const headers: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId };
  const reader = await readSse(url, `?${new URLSearchParams({ ...query, since: '0' })}`, headers);
  if (reader.response.status === 200) return reader;
  if (reader.response.status === 204) onOver();
  await reader.response.body?.cancel();
  return undefined;
}
