/** The cookies of one crawl. */
import { Cookie, CookieJar } from 'tough-cookie';

/** What a site is told, and what it tells. */
export interface Cookies {
  /** The value of the `Cookie` header for a URL; `undefined` where there is none. */
  header(url: string): string | undefined;
  /** Takes the `Set-Cookie` headers of an answer; what is no cookie is left out. Says whether anything changed. */
  take(url: string, setCookie: readonly string[]): boolean;
}

/** Makes a jar that already has the given cookies for each start URL's host. */
export function createCookies(given: Readonly<Record<string, string>>, start: readonly string[]): Cookies {
  const jar = new CookieJar(undefined, { looseMode: true });
  for (const url of start) {
    for (const [key, value] of Object.entries(given)) set(new Cookie({ key, value, path: '/' }), url);
  }

  function set(cookie: Cookie | string, url: string): boolean {
    try {
      return jar.setCookieSync(cookie, url) !== undefined;
    } catch {
      // A cookie for another domain, or none at all: as in a browser, it is left out.
      return false;
    }
  }

  return {
    header: (url) => jar.getCookieStringSync(url) || undefined,
    take: (url, setCookie) => setCookie.map((line) => set(line, url)).includes(true),
  };
}
