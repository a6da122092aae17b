/** Which of the two transports serves. */
import { CrawlcastError } from '../errors.js';
import { resolveEndpoint } from './address.js';
import type { Service, Transport, TransportLimits } from './transport.js';
import { listenUws, loadUws } from './uws.js';

/** `auto` is uWebSockets.js where its binary loads, else node:http with ws. */
export type TransportKind = 'uws' | 'ws' | 'auto';

const defaults: TransportLimits = { maxMessageBytes: 65_536, requestTimeoutMs: 10_000 };

/**
 * Starts listening on the transport asked for.
 * @throws CrawlcastError `port.in_use`; `usage.invalid` where the address cannot be bound, or where uWebSockets.js was
 * asked for and does not load
 */
export async function listen(
  kind: TransportKind,
  service: Service,
  host: string,
  port: number,
  limits: Partial<TransportLimits> = {},
): Promise<Transport> {
  const uws = kind === 'ws' ? undefined : await loadUws();
  if (kind === 'uws' && uws === undefined) {
    throw new CrawlcastError('usage.invalid', 'uWebSockets.js does not load on this machine: choose the transport ws');
  }
  const endpoint = await resolveEndpoint(host, port);
  const kept = { ...defaults, ...limits };
  if (uws !== undefined) return listenUws(uws, service, endpoint, kept);
  // Who does not need it is spared the memory of ws.
  const { listenNode } = await import('./node.js');
  return listenNode(service, endpoint, kept);
}
