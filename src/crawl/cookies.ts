/** The cookies of one crawl. */
import { Cookie, CookieJar, MemoryCookieStore } from 'tough-cookie';

/** What a site is told, and what it tells. */
export interface Cookies {
  /** The value of the `Cookie` header for a URL; `undefined` where there is none. */
  header(url: string): string | undefined;
  /** Takes the `Set-Cookie` headers of an answer; what is no cookie is left out. */
  take(url: string, setCookie: readonly string[]): void;
  /** What has to be kept, and given back: of each domain that has something new since the last call all that there is. */
  takeChanges(): SavedCookies[];
}

/** The cookies of a domain as JSON. */
export interface SavedCookies {
  /** The domain. */
  readonly key: string;
  /** Written by nobody but {@link Cookies.takeChanges}. */
  readonly value: unknown;
}

/**
 * Makes a jar that already has the given cookies for each start URL's host; where the crawl starts at https alone, they
 * are sent over https alone.
 * @param saved what an earlier jar of the crawl has given to be kept: it then goes on from there
 */
export function createCookies(
  given: Readonly<Record<string, string>>,
  start: readonly string[],
  saved: readonly SavedCookies[] = [],
): Cookies {
  const jar = new Jar();
  for (const one of saved) jar.restore(one);
  if (saved.length > 0) return jar;
  const open = new Set(
    start.map((url) => new URL(url)).flatMap(({ protocol, hostname }) => (protocol === 'http:' ? hostname : [])),
  );
  for (const url of start) {
    const { hostname } = new URL(url);
    const secure = !open.has(hostname);
    for (const [key, value] of Object.entries(given)) jar.give(new Cookie({ key, value, path: '/', secure }), url);
  }
  return jar;
}

/** What a site may have us keep, and send with each request (RFC 6265 §6.1 has at least 50 of 4,096 bytes). */
const limits = { cookiesPerHost: 100, bytes: 4_096 } as const;

/** The latest time that there is. */
const maxTimeMs = 8.64e15;

class Jar implements Cookies {
  readonly #store = new MemoryCookieStore();
  // By itself it would take plain http for secure where the host is this machine.
  readonly #jar = new CookieJar(this.#store, { looseMode: true, allowSecureOnLocal: false });
  /** Domains that have something new. */
  readonly #changed = new Set<string>();
  /** Of a cookie that was sent again: when it expires by what is kept. */
  readonly #keptUntil = new WeakMap<Cookie, number>();
  /** Most crawls never get a cookie, and looking for one takes the jar a while. */
  #isEmpty = true;

  header(url: string): string | undefined {
    return this.#isEmpty ? undefined : this.#jar.getCookieStringSync(url) || undefined;
  }

  take(url: string, setCookie: readonly string[]): void {
    for (const line of setCookie) if (line.length <= limits.bytes) this.#takeLine(url, line);
  }

  takeChanges(): SavedCookies[] {
    if (this.#changed.size === 0) return [];
    const changes = Array.from(this.#changed, (key) => ({
      key,
      value: this.#of(key).map((cookie) => cookie.toJSON()),
    }));
    this.#changed.clear();
    return changes;
  }

  /** Puts in one that no site has sent. */
  give(cookie: Cookie, url: string): void {
    if (this.#put(cookie, url) && cookie.domain !== null) this.#changed.add(cookie.domain);
  }

  /** Puts in what was kept of a domain. */
  restore({ value }: SavedCookies): void {
    // Written by ourselves.
    for (const one of value as unknown[]) {
      const cookie = Cookie.fromJSON(one);
      if (cookie === undefined) continue;
      this.#isEmpty = false;
      this.#store.putCookie(cookie, () => {});
    }
  }

  #takeLine(url: string, line: string): void {
    const cookie = Cookie.parse(line, { loose: true });
    if (cookie === undefined) return;
    settleExpiry(cookie);
    const known = this.#isEmpty ? [] : this.#jar.getCookiesSync(url, { allPaths: true });
    if (known.length >= limits.cookiesPerHost && known.every(({ key }) => key !== cookie.key)) return;
    if (!this.#put(cookie, url) || cookie.domain === null) return;
    const before = known.find((one) => isNamesake(one, cookie));
    if (this.#isNew(cookie, before)) this.#changed.add(cookie.domain);
  }

  #put(cookie: Cookie, url: string): boolean {
    try {
      if (this.#jar.setCookieSync(cookie, url) === undefined) return false;
    } catch {
      // A cookie for another domain, or none at all: as in a browser, it is left out.
      return false;
    }
    this.#isEmpty = false;
    return true;
  }

  /** Many sites send the same cookie with each page. One whose end only moves on is kept anew before a tenth of its time is over. */
  #isNew(cookie: Cookie, before: Cookie | undefined): boolean {
    const until = expiryOf(cookie);
    const leftMs = until - Date.now();
    // Told to forget what is not there.
    if (before === undefined) return leftMs > 0;
    const keptUntil = this.#keptUntil.get(before) ?? expiryOf(before);
    if (!isSame(cookie, before) || (until !== keptUntil && !(Math.abs(until - keptUntil) < leftMs / 10))) return true;
    this.#keptUntil.set(cookie, keptUntil);
    return false;
  }

  #of(domain: string): Cookie[] {
    let found: Cookie[] = [];
    // In memory nothing is waited for.
    this.#store.findCookies(domain, '', true, (_, cookies) => {
      found = cookies?.filter((cookie) => cookie.domain === domain) ?? [];
    });
    return found;
  }
}

/** The jar counts a cookie's age from when it was last used, and would keep one that is in use for ever: its end is put down as a time. */
function settleExpiry(cookie: Cookie): void {
  if (cookie.maxAge === null) return;
  cookie.expires = new Date(Math.min(Math.max(cookie.expiryTime(new Date()) ?? 0, 0), maxTimeMs));
  cookie.maxAge = null;
}

/** In milliseconds since 1970; a cookie of the session never does. */
function expiryOf({ expires }: Cookie): number {
  return expires instanceof Date ? expires.getTime() : Number.POSITIVE_INFINITY;
}

/** Whether one takes the place of the other. */
function isNamesake(one: Cookie, other: Cookie): boolean {
  return one.key === other.key && one.path === other.path && one.domain === other.domain;
}

/** Whether two of one name are the same but for their end. */
function isSame(one: Cookie, other: Cookie): boolean {
  return (
    one.value === other.value &&
    one.secure === other.secure &&
    one.httpOnly === other.httpOnly &&
    one.hostOnly === other.hostOnly &&
    one.sameSite === other.sameSite
  );
}
