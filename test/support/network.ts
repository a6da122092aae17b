/**
 * A network for tests, as the engine and its threads load it: the ports 80 and 443 of `NAME-pPORT.crawl.test` are that port of
 * loopback, and the name says how it resolves. Nothing leaves this machine.
 */
import type { LookupAddress, LookupOptions } from 'node:dns';
import net from 'node:net';
import { defaultLookup, type Lookup } from '#src/crawl/addresses.js';
import type { FetcherOptions, Network } from '#src/crawl/fetcher.js';
import type { Dial } from '#src/crawl/routes.js';

/** What may be changed of it. */
export interface NetworkChanges {
  /** A certificate to trust, PEM. */
  readonly ca?: string | undefined;
  readonly maxSockets?: number;
}

/** Opens a network of its own: names that change their addresses begin anew. */
export async function openNetwork({ ca, maxSockets }: NetworkChanges = {}): Promise<Network> {
  const url = new URL(import.meta.url);
  if (ca !== undefined) url.searchParams.set('ca', ca);
  if (maxSockets !== undefined) url.searchParams.set('maxSockets', String(maxSockets));
  const { default: options }: { default: FetcherOptions } = await import(url.href);
  return { options, module: url.href };
}

const inside = '127.0.0.1';
/** Public to whoever looks at it; here it leads to loopback as well. */
const outside = '1.2.3.4';

/** The addresses of a name, or what the resolver says instead, by its first word and how often it was asked for. */
const answers: Readonly<Record<string, (nth: number) => readonly string[] | string>> = {
  public: () => [outside],
  mixed: () => [outside, inside],
  mapped: () => ['::ffff:7f00:1'],
  rebinding: (nth) => (nth === 0 ? [outside] : [inside]),
  several: () => ['127.0.0.2', inside],
  gone: () => 'ENOTFOUND',
  late: (nth) => (nth === 0 ? 'ENOTFOUND' : [inside]),
  failing: (nth) => (nth === 0 ? 'EAI_AGAIN' : [inside]),
  dead: () => 'EAI_AGAIN',
};

const asked = new Map<string, number>();

const lookup: Lookup = (hostname, options, callback) => {
  if (!hostname.endsWith('.crawl.test')) return defaultLookup(hostname, options, callback);
  const nth = asked.get(hostname) ?? 0;
  asked.set(hostname, nth + 1);
  const found = answers[hostname.split('-')[0] ?? '']?.(nth) ?? [inside];
  if (typeof found === 'string') return callback(Object.assign(new Error(found), { code: found }), '', 0);
  give(found.map(addressOf), options, callback);
};

function addressOf(address: string): LookupAddress {
  return { address, family: net.isIPv6(address) ? 6 : 4 };
}

function give(found: LookupAddress[], { all }: LookupOptions, callback: Parameters<Lookup>[2]): void {
  const [first = addressOf(inside)] = found;
  if (all === true) callback(null, found);
  else callback(null, first.address, first.family);
}

const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });

/** Looks up as it is told to, and goes to loopback where the address is the public one. */
const dial: Dial = ({ host = '', port, lookup: resolve = lookup, ...rest }) => {
  const own = /-p(\d+)\.crawl\.test\.?$/.exec(host)?.[1];
  return net.connect({
    ...rest,
    host,
    port: own !== undefined && (port === 80 || port === 443) ? Number(own) : port,
    lookup: (hostname, options, callback) =>
      resolve(hostname, { ...options, all: true }, (error, found) => {
        if (error) return callback(error, '', 0);
        const addresses = typeof found === 'string' ? [addressOf(found)] : found;
        // Another answer than the one that was checked: whoever connects to it has been taken in.
        if (host.startsWith('rebinding') && addresses[0]?.address === inside) return callback(refused, '', 0);
        give(
          addresses.map(({ address }) => addressOf(address === outside ? inside : address)),
          options,
          callback,
        );
      }),
  });
};

const { searchParams } = new URL(import.meta.url);
const ca = searchParams.get('ca');
const maxSockets = searchParams.get('maxSockets');

const options: FetcherOptions = {
  lookup,
  dial,
  ...(ca !== null && { ca }),
  ...(maxSockets !== null && { maxSockets: Number(maxSockets) }),
};

export default options;
