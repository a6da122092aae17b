/** Redirects in a row: a page may lead back to itself where it sets a cookie, or to another way to write itself. */
import { Roster } from '../roster.js';
import type { Lease, Offer } from '../store/store.js';
import { fingerprint } from '../url.js';
import type { FetchOptions } from './messages.js';

/** Of a fingerprint. */
const length = fingerprint('').length;

/** The redirects of one crawl. */
export class Detours {
  /** How the pages under way were asked for; only those with cookies, as most sites set none. */
  readonly #asked = new Roster<string, FetchOptions>();

  /** A page is asked for. */
  ask({ fingerprint: page }: Lease, options: FetchOptions): void {
    if (options.headers.cookie !== undefined) this.#asked.set(page, options);
  }

  /** Nobody waits for the page any more. */
  forget({ fingerprint: page }: Lease): void {
    this.#asked.delete(page);
  }

  /** The redirects that led to a page, and the one that it is itself: each by its URL and its request. */
  through(lease: Lease): string[] {
    const request = requestOf(lease.url, this.#asked.get(lease.fingerprint)?.headers.cookie);
    return [...(lease.via ?? []), lease.fingerprint + request];
  }
}

/**
 * Where redirects in a row lead; `undefined` where they go round in a circle. A page that was asked for among them already is
 * asked for again where its request has changed since: under a name of its own, as its URL is known. The same request would
 * get the same answer.
 */
export function leadOn(offer: Offer, via: readonly string[], options: FetchOptions): Offer | undefined {
  if (!via.some((place) => place.startsWith(offer.fingerprint))) return { via, ...offer };
  const request = requestOf(offer.url, options.headers.cookie);
  if (via.some((place) => place.slice(length) === request)) return undefined;
  return { via, ...offer, fingerprint: fingerprint(`${via.length} ${offer.fingerprint}`) };
}

/** A URL as it is written, and the cookies that go with it. */
function requestOf(url: string, cookie = ''): string {
  return fingerprint(`${url} ${cookie}`);
}
