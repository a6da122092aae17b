/** When a host may be asked: one view of every host, shared by all crawls of the process. */

/** How a crawl wants to treat one host. */
export interface Manners {
  /** Requests in flight at once. */
  readonly concurrencyPerHost: number;
  /** Between the starts of two requests. */
  readonly delayMs: number;
  /** Whether a host that answers slowly is asked less often. */
  readonly autothrottle: boolean;
}

/** How a host answered. */
export interface Answer {
  /** From the request to the head of the answer. */
  readonly latencyMs: number;
  /** Whether the answer was a good one. Quick refusals make no host look fast. */
  readonly ok: boolean;
}

/** A host as the dashboard sees it. */
export interface HostSnapshot {
  readonly host: string;
  readonly inFlight: number;
  /** Between the starts of two requests, as things stand. */
  readonly delayMs: number;
  /** How long the host still asks to be left alone. */
  readonly holdMs: number;
}

/**
 * The one place that knows how busy each host is.
 *
 * A host is a key of scheme, name and port. A party is whoever asks, usually a crawl. Where several parties ask for one
 * host the strictest of their manners holds for all, and they take turns. A party counts until it leaves, and at most for two
 * minutes after it asked last.
 */
export interface Politeness {
  /** How many milliseconds until the party may ask the host; 0 is now, `Infinity` is after some request has ended. */
  ask(host: string, party: string, manners: Manners): number;
  /** A request begins: every `begin` has its `end`. */
  begin(host: string, party: string): void;
  /** A request leaves right now, later than it began: the delay counts from here. */
  touch(host: string): void;
  /** An answer has come: told before anything is made of it, so that what it leads to is asked for at the right pace. */
  answered(host: string, answer: Answer): void;
  end(host: string): void;
  /** The manners for a host have changed: who waits for the end of a request to it asks again. */
  reconsider(host: string): void;
  /** Leaves the host alone for a while (`Retry-After`). A longer hold that stands already stays. */
  hold(host: string, ms: number): void;
  /** The party will ask no more: nobody is held to its manners any longer. */
  leave(party: string): void;
  /**
   * Calls back with each host that is worth asking again by those who wait for the end of a request; with `endsTimers`
   * by those as well who were told to wait for some time. Returns the function that ends it.
   */
  onFree(listener: (host: string, endsTimers: boolean) => void): () => void;
  /** The hosts that are known, those without any wait included. */
  snapshot(): HostSnapshot[];
}

/** What one party asked for last. */
interface Wish {
  readonly concurrency: number;
  readonly delayMs: number;
  readonly autothrottle: boolean;
  readonly askedAt: number;
  /** The number of its last request to the host; 0 before the first. */
  turn: number;
  /** Whether it has been told to wait, and not been served since. */
  waiting: boolean;
}

interface Host {
  inFlight: number;
  startedAt: number;
  freedAt: number;
  holdUntil: number;
  throttleMs: number;
  turns: number;
  readonly wishes: Map<string, Wish>;
}

const maxThrottleMs = 60_000;
const wishLifeMs = 120_000;
/** How long a party stands back for one that waits and was served longer ago. */
const turnMs = 5;
const minSweep = 1_024;

/**
 * Begins without knowing any host.
 * @param now a clock in milliseconds that never goes back
 */
export function createPoliteness(now: () => number = () => performance.now()): Politeness {
  const hosts = new Map<string, Host>();
  const listeners = new Set<(host: string, endsTimers: boolean) => void>();
  let sweepAt = minSweep;

  function known(key: string): Host {
    let host = hosts.get(key);
    if (host === undefined) {
      if (hosts.size >= sweepAt) sweep();
      host = newHost();
      hosts.set(key, host);
    }
    return host;
  }

  /** Forgets idle hosts; rare enough that its cost is spread over as many new ones. */
  function sweep(): void {
    const at = now();
    for (const [key, host] of hosts) if (isIdle(host, at)) hosts.delete(key);
    sweepAt = Math.max(minSweep, hosts.size * 2);
  }

  function reconsider(key: string, endsTimers = false): void {
    for (const listener of [...listeners]) listener(key, endsTimers);
  }

  return {
    ask(key, party, manners) {
      const host = known(key);
      const at = now();
      const wish = wishOf(manners, at, host.wishes.get(party)?.turn ?? 0);
      host.wishes.set(party, wish);
      const waitMs = waitFor(host, wish, at);
      wish.waiting = waitMs > 0;
      return waitMs;
    },
    begin(key, party) {
      const host = known(key);
      host.inFlight++;
      host.startedAt = now();
      takeTurn(host, party);
    },
    touch(key) {
      known(key).startedAt = now();
    },
    answered(key, answer) {
      throttle(known(key), answer, now());
    },
    end(key) {
      const host = known(key);
      host.inFlight = Math.max(0, host.inFlight - 1);
      host.freedAt = now();
      reconsider(key);
    },
    reconsider: (key) => reconsider(key),
    leave(party) {
      for (const [key, { wishes }] of hosts) if (wishes.delete(party)) reconsider(key, true);
    },
    hold(key, ms) {
      const host = known(key);
      host.holdUntil = Math.max(host.holdUntil, now() + ms);
    },
    onFree(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    snapshot() {
      const at = now();
      return [...hosts].map(([key, host]) => ({
        host: key,
        inFlight: host.inFlight,
        delayMs: delayOf(host, strictest(host, at)),
        holdMs: Math.max(0, host.holdUntil - at),
      }));
    },
  };
}

function newHost(): Host {
  const never = Number.NEGATIVE_INFINITY;
  return {
    inFlight: 0,
    startedAt: never,
    freedAt: never,
    holdUntil: never,
    throttleMs: 0,
    turns: 0,
    wishes: new Map(),
  };
}

function wishOf(manners: Manners, askedAt: number, turn: number): Wish {
  return {
    concurrency: manners.concurrencyPerHost,
    delayMs: manners.delayMs,
    autothrottle: manners.autothrottle,
    askedAt,
    turn,
    waiting: false,
  };
}

function isIdle(host: Host, at: number): boolean {
  const { concurrency } = strictest(host, at);
  // Who left may come back, and then its delay counts from there.
  const isOld = at - host.startedAt > wishLifeMs;
  return isOld && host.inFlight === 0 && host.holdUntil <= at && concurrency === Number.POSITIVE_INFINITY;
}

/** All wishes of living parties in one; those of the others are forgotten on the way. */
function strictest(host: Host, at: number): { concurrency: number; delayMs: number; autothrottle: boolean } {
  const all = { concurrency: Number.POSITIVE_INFINITY, delayMs: 0, autothrottle: false };
  for (const [party, wish] of host.wishes) {
    // Who waits out a long delay does not ask meanwhile.
    if (at - wish.askedAt > wishLifeMs + wish.delayMs) {
      host.wishes.delete(party);
      continue;
    }
    all.concurrency = Math.min(all.concurrency, wish.concurrency);
    all.delayMs = Math.max(all.delayMs, wish.delayMs);
    all.autothrottle ||= wish.autothrottle;
  }
  return all;
}

function delayOf(host: Host, manners: { delayMs: number; autothrottle: boolean }): number {
  const delayMs = Math.max(manners.delayMs, manners.autothrottle ? host.throttleMs : 0);
  // No timer is that fine, and a loopback host would be slowed for nothing.
  return delayMs < 1 ? 0 : delayMs;
}

function waitFor(host: Host, wish: Wish, at: number): number {
  const manners = strictest(host, at);
  if (host.inFlight >= manners.concurrency) return Number.POSITIVE_INFINITY;
  let from = Math.max(host.holdUntil, host.startedAt + delayOf(host, manners));
  if (mustStandBack(host, wish)) from = Math.max(from, host.freedAt) + turnMs;
  return Math.max(0, from - at);
}

function mustStandBack(host: Host, wish: Wish): boolean {
  for (const other of host.wishes.values()) if (other.waiting && other.turn < wish.turn) return true;
  return false;
}

/** Notes who is served. Others that let their turn pass are not waited for again. */
function takeTurn(host: Host, party: string): void {
  const wish = host.wishes.get(party);
  if (wish === undefined) return;
  for (const other of host.wishes.values()) if (other.turn < wish.turn) other.waiting = false;
  wish.turn = ++host.turns;
}

/** Scrapy's AutoThrottle (docs.scrapy.org/en/latest/topics/autothrottle.html), with a start delay of 0. */
function throttle(host: Host, { latencyMs, ok }: Answer, at: number): void {
  const { concurrency, autothrottle } = strictest(host, at);
  if (!autothrottle) return;
  const targetMs = latencyMs / concurrency;
  const delayMs = Math.min(maxThrottleMs, Math.max(targetMs, (host.throttleMs + targetMs) / 2));
  if (ok || delayMs > host.throttleMs) host.throttleMs = delayMs;
}

const maxRetryAfterMs = 3_600_000;
const httpDate = /^[A-Z][a-z]{2,8},? [\w -]+ \d\d:\d\d:\d\d( GMT| \d{4})$/;

/**
 * What `Retry-After` asks for, in milliseconds: 0 where the time has passed, at most an hour, `undefined` where it
 * can't be read or is not there (RFC 9110 §10.2.3).
 * @param nowMs the wall clock, against which a date is held
 */
export function parseRetryAfter(value = '', nowMs: number = Date.now()): number | undefined {
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(Number(text) * 1_000, maxRetryAfterMs);
  if (!httpDate.test(text)) return undefined;
  const dateMs = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(dateMs) ? undefined : Math.min(Math.max(0, dateMs - nowMs), maxRetryAfterMs);
}

/**
 * How long to wait before the next attempt: 500 ms doubled for each failed one, at most 60 s, of which a random part
 * of up to a half is taken off, so that what failed together does not come back together.
 * @param attempt how many attempts have failed, from 1
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  return Math.min(60_000, 500 * 2 ** (attempt - 1)) * (0.5 + random() / 2);
}
