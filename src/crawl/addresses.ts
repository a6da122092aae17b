/** The address guard: which addresses and ports a spider that came in over HTTP may reach. */
import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { CrawlcastError } from '../errors.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** How a host name becomes addresses; the system's resolver unless told otherwise. */
export type Lookup = LookupFunction;

/** Asks the system's resolver, hosts file included. */
export const defaultLookup: Lookup = (hostname, options, callback) => systemLookup(hostname, options, callback);

/**
 * Whether an IP address belongs to the public internet. An IPv4 address inside IPv6 (mapped, compatible, NAT64, 6to4)
 * is judged as itself; Teredo, documentation and every other special block is not public, nor is what is no address.
 */
export function isPublicAddress(text: string): boolean {
  const bare = withoutBrackets(text).replace(/%.*$/, '');
  if (!ipaddr.isValid(bare)) return false;
  const address = innermost(ipaddr.parse(bare));
  return address.range() === 'unicast' && !cloudServices.has(address.toString());
}

/** Public by their number, but answered by the machine's own cloud: Azure's WireServer has this one everywhere. */
const cloudServices: ReadonlySet<string> = new Set(['168.63.129.16']);

/** The IPv4 address that packets to this one end up at, where it holds one; else itself. */
function innermost(address: Address): Address {
  if (!(address instanceof ipaddr.IPv6)) return address;
  const holder = ipv4Holders.find(({ block }) => address.match(block));
  if (holder === undefined) return address;
  return new ipaddr.IPv4(address.toByteArray().slice(holder.start, holder.start + 4));
}

/** Blocks of IPv6 with an IPv4 address inside, and at which byte. */
const ipv4Holders = [
  { block: ipaddr.IPv6.parseCIDR('::/96'), start: 12 },
  { block: ipaddr.IPv6.parseCIDR('::ffff:0:0/96'), start: 12 },
  { block: ipaddr.IPv6.parseCIDR('64:ff9b::/96'), start: 12 },
  { block: ipaddr.IPv6.parseCIDR('2002::/16'), start: 2 },
];

/**
 * A resolver whose answers are checked, so that the address that was checked is the one that is connected to.
 * One private address among several refuses the name.
 */
export function guardLookup(lookup: Lookup): Lookup {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found, family) => {
      if (error) return callback(error, '', 0);
      const addresses: LookupAddress[] = typeof found === 'string' ? [{ address: found, family: family ?? 4 }] : found;
      const refused = addresses.find(({ address }) => !isPublicAddress(address));
      if (refused) return callback(privateAddress(`${hostname} (${refused.address})`), '', 0);
      const [first] = addresses;
      if (first === undefined) return callback(new CrawlcastError('dns.not_found', `${hostname}: no address`), '', 0);
      if (options.all) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}

/**
 * Checks what can be told from the URL alone: its port, and its host where that is an address.
 * @throws CrawlcastError `address.private`, `address.port`
 */
export function checkTarget(url: URL): void {
  if (blockedPorts.has(url.port)) {
    throw new CrawlcastError('address.port', `${url.host}: port ${url.port} belongs to another protocol than HTTP`);
  }
  if (isPrivateHost(url.hostname)) throw privateAddress(url.hostname);
}

/** Whether a URL's host is written as an address, and that is not a public one. */
export function isPrivateHost(hostname: string): boolean {
  return ipaddr.isValid(withoutBrackets(hostname)) && !isPublicAddress(hostname);
}

/** A URL's host as sockets and look-ups want it: one that is an IPv6 address stands in brackets there. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function privateAddress(what: string): CrawlcastError {
  const message = `${what} is not a public address; this spider may fetch it only with --allow-private-networks`;
  return new CrawlcastError('address.private', message);
}

/** The ports that no browser speaks HTTP to, as a URL has them (WHATWG Fetch §2.9); a default port is empty there. */
export const blockedPorts: ReadonlySet<string> = new Set(
  `0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123
  135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 995
  1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080`.split(/\s+/),
);
