/** The cookies of one crawl. */
import { Cookie, CookieJar, type SerializedCookieJar } from 'tough-cookie';

/** What a site is told, and what it tells. */
export interface Cookies {
  /** The value of the `Cookie` header for a URL; `undefined` where there is none. */
  header(url: string): string | undefined;
  /** Takes the `Set-Cookie` headers of an answer; what is no cookie is left out. Says whether anything changed. */
  take(url: string, setCookie: readonly string[]): boolean;
  /** All of them as JSON, to be kept and given back. */
  save(): unknown;
}

/**
 * Makes a jar that already has the given cookies for each start URL's host; where the crawl starts at https alone, they
 * are sent over https alone.
 * @param saved what an earlier jar of the crawl has saved: it then goes on from there
 */
export function createCookies(
  given: Readonly<Record<string, string>>,
  start: readonly string[],
  saved?: unknown,
): Cookies {
  // What was saved is written by nobody but `save`.
  if (saved !== undefined) return cookiesIn(CookieJar.deserializeSync(saved as SerializedCookieJar));
  const jar = new CookieJar(undefined, { looseMode: true });
  const open = new Set(
    start.map((url) => new URL(url)).flatMap(({ protocol, hostname }) => (protocol === 'http:' ? hostname : [])),
  );
  for (const url of start) {
    const { hostname } = new URL(url);
    const secure = !open.has(hostname);
    for (const [key, value] of Object.entries(given)) put(jar, new Cookie({ key, value, path: '/', secure }), url);
  }
  return cookiesIn(jar);
}

/** What a site may have us keep, and send with each request (RFC 6265 §6.1 has at least 50 of 4,096 bytes). */
const limits = { cookiesPerHost: 100, bytes: 4_096 } as const;

/** Whether a host's line may be kept: one more only where there is room, or where it replaces one. */
function hasRoom(jar: CookieJar, line: string, url: string): boolean {
  if (line.length > limits.bytes) return false;
  const known = jar.getCookiesSync(url, { allPaths: true });
  return known.length < limits.cookiesPerHost || known.some(({ key }) => line.trimStart().startsWith(`${key}=`));
}

function put(jar: CookieJar, cookie: Cookie | string, url: string): boolean {
  try {
    return jar.setCookieSync(cookie, url) !== undefined;
  } catch {
    // A cookie for another domain, or none at all: as in a browser, it is left out.
    return false;
  }
}

function cookiesIn(jar: CookieJar): Cookies {
  // Most crawls never get a cookie, and looking for one takes the jar a while.
  let isEmpty = jar.serializeSync()?.cookies.length === 0;
  return {
    header: (url) => (isEmpty ? undefined : jar.getCookieStringSync(url) || undefined),
    take(url, setCookie) {
      const hasTaken = setCookie.map((line) => hasRoom(jar, line, url) && put(jar, line, url)).includes(true);
      isEmpty &&= !hasTaken;
      return hasTaken;
    },
    save: () => jar.serializeSync(),
  };
}
