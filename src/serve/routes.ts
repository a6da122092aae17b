/** How a path finds its handler, and what a handler gets. */
import type { SpiderLibrary } from '../crawl/library.js';
import type { HostSnapshot } from '../crawl/politeness.js';
import type { RobotsState } from '../crawl/robots-memory.js';
import type { Runner } from '../crawl/runner.js';
import { CrawlcastError } from '../errors.js';
import type { Store } from '../store/store.js';
import type { Access, Need } from './access.js';
import type { Hub } from './hub.js';
import type { Metrics } from './metrics.js';
import type { Readiness } from './readiness.js';
import type { Headers, HttpRequest, HttpResponse } from './transport.js';

/** What every handler may use. */
export interface Context {
  readonly store: Store;
  readonly runner: Runner;
  readonly spiders: SpiderLibrary;
  readonly hub: Hub;
  readonly access: Access;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  /** The hosts that crawls have asked lately. */
  readonly hosts: () => HostState[];
}

/** One request with all that its handler needs. */
export interface Exchange extends Context {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  /** What the path's `:name` parts were, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** To be sent with every answer. */
  readonly cors: Headers;
}

/** Answers a request. What it throws becomes problem details. */
export type Handler = (exchange: Exchange) => void | Promise<void>;

/** A host, and what came of asking it for its robots.txt. */
export type HostState = HostSnapshot & { readonly robots: RobotsState | 'unknown' };

/** A path, `:name` for a part of any value, and its handlers by method. HEAD is answered by GET's. */
export interface Route {
  readonly path: string;
  /** What a reader of this path must have; changing anything always needs the write token. Default `read`. */
  readonly needs?: Need;
  readonly GET?: Handler;
  readonly POST?: Handler;
  readonly PUT?: Handler;
  readonly DELETE?: Handler;
  readonly [method: string]: Handler | string | undefined;
}

/** A route, and what the `:name` parts of its path are. */
export interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Makes what finds the route of a path: where one is written out whole, that one.
 * @throws CrawlcastError `route.unknown`
 */
export function createRouter(routes: readonly Route[]): (path: string) => Found {
  const whole = new Map<string, Found>();
  const patterns: { readonly route: Route; readonly pattern: readonly string[] }[] = [];
  for (const route of routes) {
    if (route.path.includes(':')) patterns.push({ route, pattern: route.path.split('/') });
    else whole.set(route.path, { route, params: {} });
  }
  return (path) => {
    const known = whole.get(path);
    if (known !== undefined) return known;
    const parts = path.split('/');
    for (const { route, pattern } of patterns) {
      const params = match(pattern, parts);
      if (params !== undefined) return { route, params };
    }
    throw new CrawlcastError('route.unknown', `there is nothing at ${path.slice(0, 200)}`);
  };
}

function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, wanted] of pattern.entries()) {
    const part = parts[i] ?? '';
    if (wanted.startsWith(':')) {
      if (part === '') return undefined;
      params[wanted.slice(1)] = decode(part);
    } else if (wanted !== part) return undefined;
  }
  return params;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * Reads a query that has only these parameters, each once.
 * @param list one that may come again: its values are put together with commas
 * @throws CrawlcastError `query.unknown`, `query.invalid`
 */
export function readQuery<Name extends string>(
  query: string,
  names: readonly Name[],
  list?: NoInfer<Name>,
): Partial<Record<Name, string>> {
  const values: Partial<Record<Name, string>> = {};
  for (const [given, value] of new URLSearchParams(query)) {
    if (given === 'access_token') continue;
    const name = names.find((one) => one === given);
    if (name === undefined) {
      const use = names.length === 0 ? 'there are none here' : `use ${names.join(', ')}`;
      throw new CrawlcastError('query.unknown', `"${given.slice(0, 100)}" is no parameter here: ${use}`);
    }
    const before = values[name];
    if (before !== undefined && name !== list) {
      throw new CrawlcastError('query.invalid', `"${name}" is given twice`);
    }
    values[name] = before === undefined ? value : `${before},${value}`;
  }
  return values;
}
