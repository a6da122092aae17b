/** How the service is run, and how the texts of options are read. */
import { availableParallelism } from 'node:os';
import { CrawlcastError } from './errors.js';
import type { Retention } from './store/store.js';
import type { StoreUrl } from './store-url.js';

/** How the service is run. */
export interface Config {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly data: string;
  readonly spiders: string;
  /** Replaces the start URLs of the built-in spider. */
  readonly startUrl?: readonly string[];
  readonly transport: 'auto' | 'uws' | 'ws';
  readonly workers: number;
  readonly token?: string;
  readonly readToken?: string;
  readonly corsOrigin: readonly string[];
  readonly allowPrivateNetworks: boolean;
  readonly retention: Retention;
  /** Absent: the log is in `data` alone. */
  readonly store?: StoreUrl;
  /** Streams that may be open, in all and of one address; see `StreamLimits`. */
  readonly maxConnections?: number;
  readonly maxConnectionsPerAddress?: number;
}

/** Threads that fetch and parse where nothing else is said: one core is left to the thread that serves. */
export const defaultWorkers = Math.max(1, availableParallelism() - 1);

/** The folder of spiders where nothing else is said; it need not be there. */
export const defaultSpiders = './spiders';

const byteUnits: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
const ageUnits: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/**
 * Reads how much log to keep: `1000000` events, `10GB`, `30d`, or `unlimited`.
 * @throws CrawlcastError `usage.invalid`
 */
export function parseRetention(text: string): Retention {
  if (text === 'unlimited') return {};
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(text.trim()) ?? [];
  const value = Number(number);
  if (value > 0) {
    const bytes = byteUnits[unit.toUpperCase()];
    const age = ageUnits[unit];
    if (unit === '' && Number.isInteger(value)) return { maxEvents: value };
    if (age !== undefined) return { maxAgeMs: value * age };
    if (bytes !== undefined) return { maxBytes: value * bytes };
  }
  throw new CrawlcastError(
    'usage.invalid',
    `"${text}" is no retention: write events (1000000), size (10GB), age (30d) or unlimited`,
  );
}

/**
 * Reads a whole number within bounds.
 * @throws CrawlcastError `usage.invalid`
 */
export function parseWhole(text: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new CrawlcastError('usage.invalid', `"${text}" is not a whole number from ${min} to ${max}`);
}

/**
 * Reads an http or https URL.
 * @throws CrawlcastError `usage.invalid`
 */
export function parseHttpUrl(text: string): string {
  try {
    const url = new URL(text);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url.href;
  } catch {
    // said below
  }
  throw new CrawlcastError('usage.invalid', `"${text}" is not a whole http or https URL`);
}

/**
 * Reads a browser's origin, `*` for any: scheme, host and port, nothing behind them. It becomes what a browser sends, without the scheme's own
 * port and with a host in ASCII.
 * @throws CrawlcastError `usage.invalid`
 */
export function parseOrigin(text: string): string {
  if (text === '*') return text;
  const origin = text.replace(/\/$/, '');
  // A URL knows no origin of the schemes that extensions and apps have.
  const isWeb = /^https?:/i.test(origin);
  const isOrigin = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$/i.test(origin) && (!isWeb || URL.canParse(origin));
  if (isOrigin) return isWeb ? new URL(origin).origin : origin;
  throw new CrawlcastError('usage.invalid', `"${text}" is no origin: write https://example.com, or *`);
}

/**
 * Reads a text that must not be empty.
 * @throws CrawlcastError `usage.invalid`
 */
export function parseText(text: string): string {
  if (text.trim() !== '') return text;
  throw new CrawlcastError('usage.invalid', 'it is empty');
}

/**
 * Reads a token: one that is empty would protect nothing.
 * @throws CrawlcastError `usage.invalid`
 */
export function parseToken(text: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new CrawlcastError('usage.invalid', 'a token is one or more characters of ASCII, without white space');
}
