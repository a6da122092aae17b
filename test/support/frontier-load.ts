/** URLs for a long frontier: offered as pages offer their links, and taken as a crawl of many hosts takes them. */
import type { Frontier, Lease, Offer, Store } from '#src/store/store.js';
import { fingerprint } from '#src/url.js';

const hosts = 2_000;
/** Links of a page, and pages whose steps wait together. */
const linksPerPage = 50;
const pagesAtOnce = 16;
const perCommit = linksPerPage * pagesAtOnce;

/** How fast something was done. */
export interface Pace {
  readonly perSecond: number;
  /** User and system time of all threads, for each. */
  readonly cpuMicros: number;
}

/** Of as many of one as of the other. */
export interface TurnOver {
  readonly offers: Pace;
  readonly leases: Pace;
}

/** Adds up the time of some kind of work. */
class Stopwatch {
  #ms = 0;
  #cpuMicros = 0;

  async time(work: () => Promise<void>): Promise<void> {
    const startMs = performance.now();
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    this.#cpuMicros += user + system;
    this.#ms += performance.now() - startMs;
  }

  pace(count: number): Pace {
    return { perSecond: count / (this.#ms / 1_000), cpuMicros: this.#cpuMicros / count };
  }
}

/** Links as pages have them: most lead to the page's own host. */
function offersOf(page: number): Offer[] {
  return Array.from({ length: linksPerPage }, (_, link) => {
    const n = page * linksPerPage + link;
    const host = `http://host-${link % 5 === 0 ? n % hosts : page % hosts}.test`;
    const url = `${host}/section/${n % 97}/article-${n}.html`;
    return { url, fingerprint: fingerprint(url), host, depth: 1 + (n % 4) };
  });
}

/** The frontier of crawl `a`, as long as one wants it. */
export class LongFrontier {
  readonly #store: Store;
  readonly #frontier: Frontier;
  #pages = 0;
  #taken = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#frontier = store.openFrontier('a');
  }

  get queued(): number {
    return this.#frontier.queued;
  }

  /** Offers URLs until about so many are queued. */
  async growTo(size: number): Promise<void> {
    while (this.queued + perCommit <= size) await this.#offer(this.#nextPages());
  }

  /** Offers and ends about so many, in turns: as many come as go, so that all work that was put off is done meanwhile. */
  async turnOver(count: number): Promise<TurnOver> {
    const rounds = Math.ceil(count / perCommit);
    const offers = new Stopwatch();
    const leases = new Stopwatch();
    for (let round = 0; round < rounds; round += 1) {
      // Links and their fingerprints are not the frontier's work.
      const pages = this.#nextPages();
      await offers.time(() => this.#offer(pages));
      await leases.time(() => this.#leaseAndEnd());
    }
    return { offers: offers.pace(rounds * perCommit), leases: leases.pace(rounds * perCommit) };
  }

  #nextPages(): Offer[][] {
    return Array.from({ length: pagesAtOnce }, () => offersOf(this.#pages++));
  }

  async #offer(pages: readonly Offer[][]): Promise<void> {
    await Promise.all(pages.map((offers) => this.#store.commit({ crawl: 'a', offers })));
  }

  /** Takes pages of one host after the other and ends them, some at a time. */
  async #leaseAndEnd(): Promise<void> {
    const names = [...this.#frontier.hosts()];
    for (let left = perCommit; left > 0; left -= pagesAtOnce) {
      const leases: Lease[] = [];
      while (leases.length < pagesAtOnce) {
        const lease = this.#frontier.take(names[this.#taken++ % names.length] ?? '');
        if (lease !== undefined) leases.push(lease);
      }
      await Promise.all(leases.map((lease) => this.#store.commit({ crawl: 'a', lease, release: true })));
    }
  }
}
