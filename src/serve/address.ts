/** Addresses to listen on, and those of peers. */
import { lookup } from 'node:dns/promises';
import { createServer, type Server } from 'node:net';
import { CrawlcastError } from '../errors.js';

/** Where to listen. */
export interface Endpoint {
  /** As it was asked for. */
  readonly host: string;
  /** The IP address that it means. */
  readonly address: string;
  readonly port: number;
}

/**
 * What a host means as one IP address: left to themselves the transports choose differently among those of `localhost`.
 * @throws CrawlcastError `usage.invalid`
 */
export async function resolveEndpoint(host: string, port: number): Promise<Endpoint> {
  try {
    return { host, address: (await lookup(host)).address, port };
  } catch (cause) {
    throw new CrawlcastError('usage.invalid', `cannot listen on ${host}: the name does not resolve`, { cause });
  }
}

/** Why listening failed, in words for the user. */
export function bindError({ host, port }: Endpoint, cause: unknown): CrawlcastError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  if (code === 'EADDRINUSE') {
    return new CrawlcastError(
      'port.in_use',
      `port ${port} on ${host} is in use: stop the other process, or choose another port`,
      { cause },
    );
  }
  return new CrawlcastError(
    'usage.invalid',
    `cannot listen on ${host} port ${port} (${code}): choose another address`,
    { cause },
  );
}

/**
 * A port that can be bound just now: the one asked for, or a free one for 0.
 * @throws CrawlcastError `port.in_use` or `usage.invalid`, saying why not
 */
export function probePort(endpoint: Endpoint): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once('error', (cause) => reject(bindError(endpoint, cause)));
    probe.listen({ host: endpoint.address, port: endpoint.port, exclusive: true }, () => {
      const port = boundPort(probe);
      probe.close(() => resolve(port));
    });
  });
}

/** The port of a server that listens. */
export function boundPort(server: Server): number {
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}

/** An IP address in its shortest form, IPv4-mapped IPv6 as IPv4. */
export function normaliseAddress(address: string): string {
  const mapped = /^(?:0{0,4}:)*:?ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  return address.includes(':') ? shortenIpv6(address) : address;
}

function shortenIpv6(address: string): string {
  const bare = address.split('%')[0] ?? address;
  return URL.canParse(`http://[${bare}]`) ? new URL(`http://[${bare}]`).hostname.slice(1, -1) : address;
}
