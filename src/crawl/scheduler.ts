/** Which URL is next: a frontier's hosts in turn, each when politeness lets it. */
import { Roster } from '../roster.js';
import type { Frontier, Lease } from '../store/store.js';
import type { Manners, Politeness } from './politeness.js';

/** What a scheduler works with. */
export interface SchedulerOptions {
  /** The crawl's id: the name under which it takes its turns at a host. */
  readonly crawl: string;
  readonly frontier: Frontier;
  readonly politeness: Politeness;
  /** Asked anew for each lease. While a host's robots.txt is not known it should allow one request at a time. */
  readonly manners: (host: string) => Manners;
  /** How many pages may still be added to those that are done. */
  readonly pagesLeft: () => number;
  /** Whether a lease will be given back without a request, which then does not count for its host. */
  readonly isRefused: (lease: Lease) => boolean;
  /** For how many milliseconds a host has to be left alone whatever politeness says; 0 where it need not be. */
  readonly heldMs: (host: string) => number;
}

/** Hands out the leases of one crawl. To be closed when the crawl is over, however it ends: it holds timers, listeners and turns at hosts. */
export interface Scheduler {
  /** URLs that wait: for their host, for a slot or for their retry. */
  readonly queued: number;
  /** Leases that are out. */
  readonly leased: number;
  /**
   * The next lease, once there is one; `undefined` when nothing is queued, out or waiting for a retry, or no page is left.
   * Rejects where the frontier cannot be read.
   */
  lease(): Promise<Lease | undefined>;
  /** The page's host has answered and may be asked for the next one, while this one's last step is on its way to the disk. */
  answered(lease: Lease): void;
  /** The page has ended and its last step is committed: not earlier, or the crawl might seem to be over. */
  done(lease: Lease): void;
  /** The page shall be tried again: its URL goes back to the frontier after the delay, and takes no slot until then. */
  retry(lease: Lease, delayMs: number): void;
  /** Gives an unfinished lease back at once; does nothing where the lease has ended already. */
  park(lease: Lease): void;
  /**
   * Gives out no more: everyone who waits for a lease gets `undefined`. Parks what is still out, also a lease whose slot
   * was torn down while it was handed over.
   */
  close(): void;
}

/** Who waits for a lease. */
interface Waiter {
  readonly resolve: (lease: Lease | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** A lease that is out. */
interface Out {
  readonly lease: Lease;
  /** Whether its request is under way. */
  isAsking: boolean;
}

/** Starts handing out a frontier's URLs. Several schedulers share one {@link Politeness}. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { crawl, frontier, politeness, manners, pagesLeft, isRefused, heldMs } = options;
  const rotation = createRotation();
  const out = new Roster<string, Out>();
  const retries = new Map<Lease, NodeJS.Timeout>();
  const waiters: Waiter[] = [];
  let closed = false;

  const endings = [
    frontier.onAvailable((host) => {
      if (rotation.add(host)) serve();
    }),
    politeness.onFree((host, endsTimers) => {
      if (rotation.release(host, endsTimers)) serve();
    }),
  ];
  for (const host of frontier.hosts()) rotation.add(host);

  /** Each host that may not be asked leaves the rotation until it may: looking costs nothing twice. */
  function next(): Lease | undefined {
    while (out.size < pagesLeft()) {
      const host = rotation.next();
      if (host === undefined) return undefined;
      const waitMs = heldMs(host) || politeness.ask(host, crawl, manners(host));
      if (waitMs > 0) {
        rotation.block(host, waitMs, serve);
        continue;
      }
      const lease = frontier.take(host);
      if (lease !== undefined) return begin(lease);
      rotation.remove(host);
    }
    return undefined;
  }

  function begin(lease: Lease): Lease {
    const isAsking = !isRefused(lease);
    out.set(lease.fingerprint, { lease, isAsking });
    if (isAsking) politeness.begin(lease.host, crawl);
    return lease;
  }

  function answered({ fingerprint, host }: Lease): void {
    const page = out.get(fingerprint);
    if (page?.isAsking !== true) return;
    page.isAsking = false;
    politeness.end(host);
  }

  function end(lease: Lease): boolean {
    answered(lease);
    return out.delete(lease.fingerprint);
  }

  function isOver(): boolean {
    if (out.size > 0) return false;
    return pagesLeft() <= 0 || (retries.size === 0 && frontier.queued === 0);
  }

  function serve(): void {
    while (waiters.length > 0) {
      try {
        const lease = closed ? undefined : next();
        if (lease === undefined) break;
        waiters.shift()?.resolve(lease);
      } catch (error) {
        // Damage on the disk is told to who waits for what is there, not to a timer or to the store.
        waiters.shift()?.reject(error);
      }
    }
    if (waiters.length > 0 && (closed || isOver())) for (const { resolve } of waiters.splice(0)) resolve(undefined);
  }

  function putBack(lease: Lease): void {
    clearTimeout(retries.get(lease));
    retries.delete(lease);
    frontier.putBack(lease);
    serve();
  }

  function park(lease: Lease): void {
    if (end(lease)) putBack(lease);
  }

  function close(): void {
    closed = true;
    for (const ending of endings.splice(0)) ending();
    politeness.leave(crawl);
    rotation.clear();
    for (const lease of [...retries.keys()]) putBack(lease);
    serve();
    for (const { lease } of out.values()) park(lease);
  }

  return {
    get queued() {
      return frontier.queued + retries.size;
    },
    get leased() {
      return out.size;
    },
    lease() {
      return new Promise((resolve, reject) => {
        waiters.push({ resolve, reject });
        serve();
      });
    },
    answered,
    done(lease) {
      if (end(lease)) serve();
    },
    retry(lease, delayMs) {
      if (!out.has(lease.fingerprint)) return;
      // Noted as a retry before it ends: in between, the crawl must not seem to be over.
      retries.set(
        lease,
        setTimeout(() => putBack(lease), delayMs),
      );
      end(lease);
      if (closed) putBack(lease);
      else serve();
    },
    park,
    close,
  };
}

/** Hosts in turn. Each is in the circle, or out of it until a timer ends or a request to it does. */
interface Rotation {
  /** Whether it is in the circle now. */
  add(host: string): boolean;
  next(): string | undefined;
  remove(host: string): void;
  block(host: string, waitMs: number, then: () => void): void;
  /**
   * A request to the host has ended; whether that brought it back.
   * @param endsTimers whether it comes back also where it waits for a timer
   */
  release(host: string, endsTimers: boolean): boolean;
  clear(): void;
}

function createRotation(): Rotation {
  const circle = new Set<string>();
  const blocked = new Map<string, NodeJS.Timeout | 'until released'>();
  // One iterator walks on and on: a set's iterator survives what is added and deleted, and a fresh one would have to
  // step over all that was deleted before.
  let steps = circle.values();

  function unblock(host: string): void {
    blocked.delete(host);
    circle.add(host);
  }

  return {
    add(host) {
      if (!blocked.has(host)) circle.add(host);
      return circle.has(host);
    },
    next() {
      let step = steps.next();
      if (step.done === true) {
        steps = circle.values();
        step = steps.next();
      }
      return step.value;
    },
    remove(host) {
      circle.delete(host);
    },
    block(host, waitMs, then) {
      circle.delete(host);
      if (waitMs === Number.POSITIVE_INFINITY) {
        blocked.set(host, 'until released');
        return;
      }
      const wake = () => {
        unblock(host);
        then();
      };
      blocked.set(host, setTimeout(wake, Math.ceil(waitMs)));
    },
    release(host, endsTimers) {
      const until = blocked.get(host);
      if (until === undefined || (until !== 'until released' && !endsTimers)) return false;
      if (until !== 'until released') clearTimeout(until);
      unblock(host);
      return true;
    },
    clear() {
      for (const timer of blocked.values()) if (timer !== 'until released') clearTimeout(timer);
      blocked.clear();
      circle.clear();
    },
  };
}
