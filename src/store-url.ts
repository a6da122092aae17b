/** Where a log lies that several processes share: the URL of `--store`, taken apart. */
import { CrawlcastError } from './errors.js';

/** A NATS JetStream cluster, and what is ours on it. */
export interface StoreUrl {
  /** `host:port` of at least one server; the others of its cluster are learnt from it. */
  readonly servers: readonly string[];
  readonly tls: boolean;
  readonly user?: string;
  readonly password?: string;
  /** Instead of user and password. */
  readonly token?: string;
  /** Name of the stream that holds the log. */
  readonly stream: string;
  /** On how many servers of the cluster the stream is kept; counts when it is made. */
  readonly replicas: number;
}

const shape = /^(nats|tls):\/\/(?:([^@/?#]*)@)?([^@/?#]+)\/?(?:\?([^#]*))?$/i;
const server = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/i;
const defaultPort = 4222;
const defaultStream = 'crawlcast';

/**
 * Reads `nats://[user:password@]host[:port][,host[:port]…][?stream=NAME&replicas=N]`, or the same with `tls://`.
 * @throws CrawlcastError `usage.invalid`: it repeats no password
 */
export function parseStoreUrl(text: string): StoreUrl {
  const [, scheme = '', credentials, hosts, query = ''] = shape.exec(text.trim()) ?? [];
  if (hosts === undefined) throw invalid('write nats://host:4222, or tls://host:4222');
  return {
    servers: hosts.split(',').map(readServer),
    tls: scheme.toLowerCase() === 'tls',
    ...readCredentials(credentials),
    ...readQuery(new URLSearchParams(query)),
  };
}

function readServer(text: string): string {
  const [, host, port = String(defaultPort)] = server.exec(text) ?? [];
  if (host !== undefined && Number(port) > 0 && Number(port) <= 65_535) return `${host}:${Number(port)}`;
  throw invalid(`"${text}" is no host, or no port`);
}

function readCredentials(text: string | undefined): Pick<StoreUrl, 'user' | 'password' | 'token'> {
  if (text === undefined) return {};
  const [first = '', ...rest] = text.split(':');
  try {
    if (rest.length === 0) return { token: decodeURIComponent(first) };
    return { user: decodeURIComponent(first), password: decodeURIComponent(rest.join(':')) };
  } catch {
    throw invalid('in user and password % is written as %25');
  }
}

function readQuery(query: URLSearchParams): Pick<StoreUrl, 'stream' | 'replicas'> {
  for (const name of query.keys()) {
    if (name !== 'stream' && name !== 'replicas') throw invalid(`"${name}" is unknown: there are stream and replicas`);
  }
  const stream = query.get('stream') ?? defaultStream;
  if (!/^[A-Za-z0-9_-]{1,200}$/.test(stream)) throw invalid('stream is a name of letters, digits, - and _');
  const replicas = query.get('replicas') ?? '1';
  if (!/^[1-5]$/.test(replicas)) throw invalid('replicas is a number from 1 to 5');
  return { stream, replicas: Number(replicas) };
}

function invalid(reason: string): CrawlcastError {
  return new CrawlcastError('usage.invalid', reason);
}
