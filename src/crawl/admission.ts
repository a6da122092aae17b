/** The one gate: every link of a page and every start URL is admitted here, or refused with a reason. */
import type { SkipReason } from '../events.js';
import type { Offer } from '../store/store.js';
import { canonicalUrl, fingerprint, hostKey, maxUrlLength, printableUrl } from '../url.js';
import { blockedPorts } from './addresses.js';

/** What asks to be admitted. */
export interface Candidate {
  /** Absolute. */
  readonly url: string;
  readonly depth: number;
  /** Whether the link, or the page that it is on, says so. */
  readonly nofollow?: boolean;
  readonly priority?: number;
  /** A start URL may be on any host. */
  readonly start?: boolean;
}

/** What a crawl admits. */
export interface AdmissionRules {
  readonly allows: HostRule;
  /** Whether `nofollow` counts: the setting `robots`. */
  readonly robots: boolean;
  /** Links from a start URL; absent: any number. */
  readonly maxDepth?: number;
  /** Whether a host name is the literal address of a network that this crawl must not enter; absent: it may enter any. */
  readonly isPrivate?: (hostname: string) => boolean;
}

/** The gate's answer. `url` is fit to be shown: without user and password, cut where it is too long. */
export type Admission = { readonly offer: Offer } | { readonly skip: SkipReason; readonly url: string };

/** Decides about one link. Duplicates and robots.txt are not its business: those two need to be looked up. */
export function admit(candidate: Candidate, rules: AdmissionRules): Admission {
  const url = parse(candidate.url);
  const skip = url === undefined ? 'invalid' : refusal(url, candidate, rules);
  if (url === undefined || skip !== undefined) {
    return { skip: skip ?? 'invalid', url: printableUrl(candidate.url).slice(0, maxUrlLength) };
  }
  return { offer: offerOf(url, candidate) };
}

function parse(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}

/** The first reason against it, in the order in which they are documented. */
function refusal(url: URL, candidate: Candidate, rules: AdmissionRules): SkipReason | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'scheme';
  if (url.href.length > maxUrlLength) return 'length';
  if (blockedPorts.has(url.port)) return 'port';
  if (candidate.start !== true && !rules.allows(url)) return 'offsite';
  if (rules.robots && candidate.nofollow === true) return 'nofollow';
  if (rules.maxDepth !== undefined && candidate.depth > rules.maxDepth) return 'depth';
  if (candidate.start !== true && isTrap(url)) return 'trap';
  if (rules.isPrivate?.(url.hostname) === true) return 'private';
  return undefined;
}

function offerOf(url: URL, { depth, priority, start }: Candidate): Offer {
  // Most have none of these, and each of them that is set makes the URL anew.
  if (url.href.includes('#')) url.hash = '';
  if (start !== true && url.href.includes('@')) {
    // A page may not make us send credentials; who starts a crawl may.
    url.username = '';
    url.password = '';
  }
  return {
    url: url.href,
    fingerprint: fingerprint(canonicalUrl(url)),
    host: hostKey(url),
    depth,
    ...(priority === undefined ? {} : { priority }),
    ...(start === undefined ? {} : { start }),
  };
}

/** Whether a crawl may enter the host of a URL. */
export type HostRule = (url: URL) => boolean;

/**
 * Makes the rule of a spider's `allow`.
 *
 * `example.org` is that name at any port, `example.org:8080` at that port only; `.example.org` is the name and all its
 * subdomains, `*.example.org` the subdomains only; `*` is every host. Without `allow`: the hosts of the start URLs, at
 * their port; a default port stands for both http and https.
 */
export function hostRule(allow: readonly string[] | undefined, start: readonly string[]): HostRule {
  const tests = allow === undefined ? start.map(sameHost) : allow.map(entryRule);
  return (url) => tests.some((test) => test(url));
}

function sameHost(startUrl: string): HostRule {
  const start = parse(startUrl);
  if (start === undefined) return () => false;
  const name = plainName(start);
  return (url) => plainName(url) === name && url.port === start.port;
}

/** Whether an entry of `allow` can be of any host at all. */
export function isHostPattern(entry: string): boolean {
  const { wild, rest } = partsOf(entry);
  if (rest === '') return wild === '*';
  return wild !== '*' && /^[^\s/\\?#@*]+$/.test(rest) && parse(`http://${rest}`) !== undefined;
}

function partsOf(entry: string): { wild: string; rest: string } {
  const [, wild = '', rest = ''] = /^(\*\.?|\.)?(.*)$/.exec(entry.trim()) ?? [];
  return { wild, rest };
}

function entryRule(entry: string): HostRule {
  const { wild, rest } = partsOf(entry);
  if (wild === '*' && rest === '') return () => true;
  const named = parse(`http://${rest}`);
  if (named === undefined) return () => false;
  const name = plainName(named);
  const port = /:(\d+)$/.exec(rest)?.[1];
  return (url) => {
    if (port !== undefined && portOf(url) !== port) return false;
    const host = plainName(url);
    return (host === name && wild !== '*.') || (wild !== '' && host.endsWith(`.${name}`));
  };
}

function plainName(url: URL): string {
  return url.hostname.replace(/\.$/, '');
}

function portOf(url: URL): string {
  return url.port || (url.protocol === 'https:' ? '443' : '80');
}

const maxSegments = 30;
const maxParameters = 30;
const maxPeriod = 5;
const maxRepeats = 3;

/**
 * Whether a URL looks as if its site made URLs without end: a path of more than 30 segments, a query of more than 30
 * parameters, or one to five segments four times in a row (`/a/b/a/b/a/b/a/b`; the idea is Heritrix' pathological path
 * rule). Numbers may repeat: `/0/0/0/0` is a map tile. An endless calendar looks like an honest archive: it is ended by
 * `maxDepth` and `maxPages`.
 */
function isTrap(url: URL): boolean {
  const { pathname, search } = url;
  const count = segmentCount(pathname);
  if (count > maxSegments || (search !== '' && search.split('&').length > maxParameters)) return true;
  // Most paths are short: they are not taken apart.
  if (count <= maxRepeats) return false;
  const segments = pathname.split('/').filter((segment) => segment !== '');
  for (let period = 1; period <= maxPeriod; period++) if (repeats(segments, period)) return true;
  return false;
}

function segmentCount(path: string): number {
  let count = 0;
  for (let at = 1; at < path.length; at++) if (path[at] !== '/' && path[at - 1] === '/') count += 1;
  return count;
}

function repeats(segments: readonly string[], period: number): boolean {
  let run = 0;
  let named = false;
  for (let i = period; i < segments.length; i++) {
    const same = segments[i] === segments[i - period];
    run = same ? run + 1 : 0;
    named = same && (named || !/^\d+$/.test(segments[i] ?? ''));
    if (named && run >= maxRepeats * period) return true;
  }
  return false;
}
