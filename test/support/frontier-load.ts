/** URLs for a long frontier: offered as pages offer their links, and taken as a crawl of many hosts takes them. */
import type { Frontier, Lease, Offer, Store } from '#src/store/store.js';
import { fingerprint } from '#src/url.js';

const hosts = 2_000;
/** Links of a page, and pages whose steps wait together. */
const linksPerPage = 50;
const pagesAtOnce = 16;
const perCommit = linksPerPage * pagesAtOnce;
/** The rate is that of the last part, when the frontier is nearly as long as it will be. */
const measured = perCommit * 50;

/** Links as pages have them: most lead to the page's own host. */
function offersOf(page: number): Offer[] {
  return Array.from({ length: linksPerPage }, (_, link) => {
    const n = page * linksPerPage + link;
    const host = `http://host-${link % 5 === 0 ? n % hosts : page % hosts}.test`;
    const url = `${host}/section/${n % 97}/article-${n}.html`;
    return { url, fingerprint: fingerprint(url), host, depth: 1 + (n % 4) };
  });
}

async function offer(store: Store, from: number, to: number): Promise<number> {
  const startMs = performance.now();
  for (let n = from; n < to; n += perCommit) {
    const pages = Array.from({ length: pagesAtOnce }, (_, i) => n / linksPerPage + i);
    await Promise.all(pages.map((page) => store.commit({ crawl: 'a', offers: offersOf(page) })));
  }
  return (to - from) / ((performance.now() - startMs) / 1_000);
}

/** A frontier of crawl `a` that grows. */
export class GrowingFrontier {
  readonly #store: Store;
  readonly #frontier: Frontier;
  #offered = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#frontier = store.openFrontier('a');
  }

  get queued(): number {
    return this.#frontier.queued;
  }

  /** Offers URLs until there have been about so many. Gives the offers a second of the last part. */
  async growTo(size: number): Promise<number> {
    const aim = size - (size % perCommit);
    const last = aim - Math.min(measured, aim - this.#offered - perCommit);
    const middle = last - (last % perCommit);
    await offer(this.#store, this.#offered, middle);
    this.#offered = aim;
    return offer(this.#store, middle, aim);
  }

  /** Takes pages of one host after the other and ends them, some at a time. Gives the leases a second. */
  async leaseAndEnd(count: number): Promise<number> {
    const startMs = performance.now();
    const names = [...this.#frontier.hosts()];
    for (let taken = 0; taken < count; taken += pagesAtOnce) {
      const leases = Array.from({ length: pagesAtOnce }, (_, i) =>
        this.#frontier.take(names[(taken + i) % names.length] ?? ''),
      );
      const ends = leases.filter((lease): lease is Lease => lease !== undefined);
      await Promise.all(ends.map((lease) => this.#store.commit({ crawl: 'a', lease, release: true })));
    }
    return count / ((performance.now() - startMs) / 1_000);
  }
}
