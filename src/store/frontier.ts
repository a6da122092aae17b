/** The frontier of one crawl: what of its URLs waits, who has which, and what was given back. */
import { Roster } from '../roster.js';
import type { FrontierChange } from './draft.js';
import { keys } from './keys.js';
import { allRows } from './state.js';
import type { Frontier, Lease } from './store.js';
import type { Tables } from './tables.js';
import type { Urls, UrlsDraft } from './urls.js';

/** A crawl has one at a time. */
export class TableFrontier implements Frontier {
  /** By fingerprint: out on lease, or given back. */
  readonly #held = new Roster<string, Lease>();
  /** Given back, by host; they go first. */
  readonly #returned = new Map<string, Lease[]>();
  readonly #given = new WeakSet<Lease>();
  /** Pages of which something is in the log already. */
  readonly #begun: Set<string>;
  readonly #listeners = new Set<(host: string) => void>();
  #returnedCount = 0;
  /** Absent when it has ended: they are most of what a crawl holds in memory, and its last leases may be spoken of later. */
  #urls: Urls | undefined;

  /** @param previous the one that is open now: its leases become void, and wait again */
  constructor(
    tables: Tables,
    private readonly crawl: string,
    space: string,
    urls: Urls,
    previous: TableFrontier | undefined,
  ) {
    this.#urls = urls;
    const before = previous !== undefined && previous.#urls === urls ? previous : undefined;
    this.#begun = before === undefined ? readBegun(tables, space) : before.#begun;
    if (before !== undefined) for (const lease of before.#surrender()) this.#receive(lease);
  }

  get queued(): number {
    return this.#urls === undefined ? 0 : this.#urls.waiting.size + this.#returnedCount;
  }

  get leased(): number {
    return this.#held.size - this.#returnedCount;
  }

  *hosts(): Iterable<string> {
    if (this.#urls === undefined) return;
    yield* this.#returned.keys();
    for (const host of this.#urls.waiting.hosts()) if (!this.#returned.has(host)) yield host;
  }

  isHeld(fingerprint: string): boolean {
    return this.#held.has(fingerprint);
  }

  /** Whether a lease was taken from here. */
  gave(lease: Lease): boolean {
    return this.#given.has(lease);
  }

  take(host: string): Lease | undefined {
    if (this.#urls === undefined) return undefined;
    const lease = this.#takeReturned(host) ?? this.#takeNext(host, this.#urls);
    if (lease !== undefined) this.#given.add(lease);
    return lease;
  }

  putBack(lease: Lease): void {
    // A lease that has ended meanwhile, or that was forgotten, is no longer ours.
    if (this.#held.get(lease.fingerprint) !== lease || this.#returned.get(lease.host)?.includes(lease)) return;
    this.#return(lease);
    this.#announce([lease.host]);
  }

  onAvailable(listener: (host: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Learns what has become durable, after its URLs have. */
  publish(changes: readonly FrontierChange[], urls: UrlsDraft | undefined): void {
    for (const change of changes) {
      if (change.kind === 'dropped') this.#close();
      else if (change.kind === 'released') this.#release(change.fingerprint);
      else this.#begin(change.fingerprint);
    }
    // A frontier may have been opened before its crawl had any.
    if (urls !== undefined && this.#urls !== undefined) this.#urls = urls.base;
    // Only now: a listener may take at once, and must find all of it in place.
    this.#announce(new Set(urls?.added.flatMap(({ offer }) => offer?.host ?? [])));
  }

  #announce(hosts: Iterable<string>): void {
    for (const host of hosts) {
      if (this.#urls === undefined || !(this.#returned.has(host) || this.#urls.waiting.has(host))) continue;
      for (const listener of this.#listeners) listener(host);
    }
  }

  #takeReturned(host: string): Lease | undefined {
    const lease = this.#returned.get(host)?.at(-1);
    if (lease !== undefined) this.#unreturn(lease);
    return lease;
  }

  #takeNext(host: string, urls: Urls): Lease | undefined {
    const number = urls.waiting.take(host);
    if (number === undefined) return undefined;
    const offer = urls.offer(number);
    const lease: Lease = { crawl: this.crawl, begun: this.#begun.has(offer.fingerprint), ...offer };
    this.#held.set(lease.fingerprint, lease);
    return lease;
  }

  #return(lease: Lease): void {
    const returned = this.#returned.get(lease.host);
    if (returned === undefined) this.#returned.set(lease.host, [lease]);
    else returned.push(lease);
    this.#returnedCount += 1;
  }

  /** Takes a lease from among those that were given back, if it is one. */
  #unreturn(lease: Lease): void {
    const returned = this.#returned.get(lease.host);
    const at = returned?.lastIndexOf(lease) ?? -1;
    if (returned === undefined || at < 0) return;
    returned.splice(at, 1);
    this.#returnedCount -= 1;
    if (returned.length === 0) this.#returned.delete(lease.host);
  }

  /** A URL that was on lease from the one before: as a lease of its own, since that one is void. */
  #receive(lease: Lease): void {
    const own = { ...lease, begun: this.#begun.has(lease.fingerprint) };
    this.#held.set(own.fingerprint, own);
    this.#return(own);
  }

  /** Ends here; returns what was on lease or given back, the last one first. */
  #surrender(): Lease[] {
    this.#urls = undefined;
    return this.#held.values().reverse();
  }

  #close(): void {
    this.#urls = undefined;
    this.#held.clear();
    this.#returned.clear();
    this.#returnedCount = 0;
  }

  #begin(fingerprint: string): void {
    this.#begun.add(fingerprint);
    const lease = this.#held.get(fingerprint);
    if (lease !== undefined) lease.begun = true;
  }

  #release(fingerprint: string): void {
    this.#begun.delete(fingerprint);
    const lease = this.#held.get(fingerprint);
    if (lease === undefined) return;
    this.#held.delete(fingerprint);
    this.#unreturn(lease);
  }
}

/** Of pages that were under way when the process ended. */
function readBegun(tables: Tables, space: string): Set<string> {
  const begun = new Set<string>();
  for (const [key] of allRows(tables, keys.pages(space)))
    begun.add(key.slice(keys.pages(space).length, key.lastIndexOf(' ')));
  return begun;
}
