/** What a URL is: how a link becomes one, and when two are the same. */
import { hash } from 'node:crypto';
import { encodeQuery } from './query.js';

/** The longest URL that is followed, in characters. Older browsers and many caches end at about 2,000 as well. */
export const maxUrlLength = 2_000;

/** An escape, or a percent sign that begins none. */
const percentForm = /%([0-9A-Fa-f]{2})?/g;
const unreserved = /[A-Za-z0-9._~-]/;
/** RFC 3986 lets these stand in path and query only escaped; the URL parser leaves some of them as they came. */
const needsEscape = /[[\]|^`{}\\]/g;
/** Whether there is anything to normalise at all; most URLs have nothing. */
const unusual = /[%[\]|^`{}\\]/;

/**
 * The URL's identity: two URLs with the same canonical form are the same page. Never sent; what is sent is the URL itself.
 *
 * Without fragment, user and password; scheme and host in lower case, the default port and a host's trailing dot left
 * out; dot segments resolved; escapes of unreserved characters decoded, others in upper case (`%2F` stays); query
 * parameters sorted by name, those of one name in their order. `?` alone is no query; `?a` and `?a=` differ;
 * so do `/a` and `/a/`, `a//b` and `a/b` (RFC 3986 §6.2.2).
 */
export function canonicalUrl({ protocol, pathname, search, host }: URL): string {
  const authority = host === '' ? protocol : `${protocol}//${withoutTrailingDot(host)}`;
  return authority + normaliseEscapes(pathname) + sortParameters(normaliseEscapes(search));
}

/** A canonical URL in 22 characters (132 bits of its SHA-1, base64url): the key by which it is known. */
export function fingerprint(canonical: string): string {
  return hash('sha1', canonical, 'base64url').slice(0, 22);
}

/**
 * Where a link leads, by the rules of HTML; `undefined` where it is no URL.
 *
 * @param href as in the document, entities decoded; white space around it and tabs and newlines within do not count
 * @param base the URL of the document, or what its first `<base href>` says
 * @param charset of the document, in which the query is encoded (WHATWG URL §5); default and for unknown ones UTF-8
 */
export function resolveLink(href: string, base: string, charset = 'utf-8'): URL | undefined {
  try {
    return new URL(charset === 'utf-8' ? href : encodeQuery(href, charset), base);
  } catch {
    return undefined;
  }
}

/** Where the header `Location` of an answer leads; `undefined` where that is no URL. */
export function resolveLocation(location: string, base: string): string | undefined {
  // Headers are bytes: a Location that is not ASCII is UTF-8 more often than not.
  const place = Buffer.from(location, 'latin1').toString('utf8').trim();
  return URL.canParse(place, base) ? new URL(place, base).href : undefined;
}

/** The URL as it may be shown and logged: without user and password. */
export function printableUrl(url: string): string {
  if (!url.includes('@')) return url;
  try {
    const copy = new URL(url);
    copy.username = '';
    copy.password = '';
    return copy.href;
  } catch {
    // Browsers pass over line breaks and tabs, and over slashes that are missing or too many.
    return url.replace(/[\t\n\r]/g, '').replace(/^((?:[^/\\?#:]*:)?[\\/]*)[^/\\?#]*@/, '$1');
  }
}

/** Scheme, host and port: what politeness and robots.txt are kept by. */
export function hostKey(url: URL | string): string {
  const { protocol, host } = typeof url === 'string' ? new URL(url) : url;
  return `${protocol}//${withoutTrailingDot(host)}`;
}

function withoutTrailingDot(host: string): string {
  return host.replace(/\.(?=$|:\d+$)/, '');
}

function normaliseEscapes(text: string): string {
  if (!unusual.test(text)) return text;
  return text.replace(needsEscape, escapeAscii).replace(percentForm, (_, hex: string | undefined) => {
    if (hex === undefined) return '%25';
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return unreserved.test(character) ? character : `%${hex.toUpperCase()}`;
  });
}

function escapeAscii(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function sortParameters(search: string): string {
  if (!search.includes('&')) return search;
  const parameters = search.slice(1).split('&');
  // Array sort is stable: several values of one name keep their order, which may mean something.
  parameters.sort((a, b) => compare(nameOf(a), nameOf(b)));
  return `?${parameters.join('&')}`;
}

function nameOf(parameter: string): string {
  const end = parameter.indexOf('=');
  return end < 0 ? parameter : parameter.slice(0, end);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
