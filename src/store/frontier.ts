/** The frontier of one crawl: on disk all of it, in memory the next few URLs of each host, and who is leased. */
import type { FrontierChange } from './draft.js';
import { after, keys, part, sequenceOf } from './keys.js';
import { allRows, decodeJson, decodeOffer } from './state.js';
import type { Frontier, Lease, Offer } from './store.js';
import type { Tables } from './tables.js';

/** URLs of a host that are in memory: a few at first, more as it is asked for more; fewer where there are many hosts. */
const windowSizes = { least: 4, most: 64, ofAllHosts: 16_384 } as const;

type Moved = Extract<FrontierChange, { kind: 'moved' }>;

interface Waiting {
  readonly place: string;
  readonly offer: Offer;
}

/** The URLs of one host that can be taken. */
interface HostQueue {
  available: number;
  /** Given back; they go first. */
  readonly returned: Lease[];
  /** The next ones in order: all that wait at places up to `readTo`. */
  readonly window: Waiting[];
  /** `undefined`: the window holds all there is. */
  readTo: string | undefined;
  /** How many it would read next. */
  size: number;
}

/** Hosts are counted on disk, so that opening a long frontier reads none of it. */
export class TableFrontier implements Frontier {
  readonly #hosts = new Map<string, HostQueue>();
  /** By fingerprint: out on lease, or given back. */
  readonly #held = new Map<string, Lease>();
  readonly #given = new WeakSet<Lease>();
  /** Pages that were under way when the process ended. */
  readonly #begun = new Set<string>();
  readonly #listeners = new Set<(host: string) => void>();
  #queued = 0;
  #returned = 0;

  constructor(
    private readonly tables: Tables,
    private readonly crawl: string,
    private space: string,
    /** Rows with later numbers are on disk already, but not announced yet. */
    private announced: number,
    /** Whether a transaction was under way: what the disk says may then be of before it or of after it. */
    private isUncertain: boolean,
  ) {
    for (const [key] of allRows(tables, `p${space} `)) this.#begun.add(key.slice(0, key.lastIndexOf(' ') + 1));
    this.#recount();
  }

  get queued(): number {
    return this.#queued;
  }

  get leased(): number {
    return this.#held.size - this.#returned;
  }

  hosts(): Iterable<string> {
    return this.#hosts.keys();
  }

  isHeld(fingerprint: string): boolean {
    return this.#held.has(fingerprint);
  }

  /** Whether a lease was taken from here. */
  gave(lease: Lease): boolean {
    return this.#given.has(lease);
  }

  take(host: string): Lease | undefined {
    const queue = this.#hosts.get(host);
    if (queue === undefined) return undefined;
    const lease = this.#takeReturned(queue) ?? this.#takeNext(host, queue);
    if (lease !== undefined) this.#count(host, queue, -1);
    return lease;
  }

  putBack(lease: Lease): void {
    // A lease that has ended meanwhile, or that was forgotten, is no longer ours.
    if (this.#held.get(lease.fingerprint) !== lease) return;
    const queue = this.#queueOf(lease.host);
    if (queue.returned.includes(lease)) return;
    queue.returned.push(lease);
    this.#returned += 1;
    this.#count(lease.host, queue, 1);
    this.#announce(new Set([lease.host]));
  }

  onAvailable(listener: (host: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Learns what has become durable. */
  publish(changes: readonly FrontierChange[], space: string, announced: number): void {
    this.announced = announced;
    this.space = space;
    const hosts = new Set<string>();
    for (const change of changes) {
      if (change.kind === 'released') this.#release(change.fingerprint);
      else if (change.kind === 'dropped') this.#clear();
      else {
        if (change.kind === 'moved') this.#move(change);
        this.#add(change);
        hosts.add(change.offer.host);
      }
    }
    if (this.isUncertain) this.#recount();
    this.isUncertain = false;
    // Only now: a listener may take at once, and must find all of it in place.
    this.#announce(hosts);
  }

  /** Begins anew with what the disk says, without what is leased. */
  #recount(): void {
    const returned = [...this.#hosts.values()].flatMap((queue) => queue.returned);
    this.#hosts.clear();
    this.#queued = 0;
    for (const [, row] of allRows(this.tables, `h${this.space} `)) {
      const [host, count] = decodeJson<[string, number]>(row);
      this.#hosts.set(host, { available: count, returned: [], window: [], readTo: '', size: windowSizes.least });
      this.#queued += count;
    }
    for (const { host } of this.#held.values()) this.#count(host, this.#queueOf(host), -1);
    for (const lease of returned) {
      const queue = this.#queueOf(lease.host);
      queue.returned.push(lease);
      this.#count(lease.host, queue, 1);
    }
  }

  #announce(hosts: Iterable<string>): void {
    for (const host of hosts) {
      if (!this.#hosts.has(host)) continue;
      for (const listener of this.#listeners) listener(host);
    }
  }

  #queueOf(host: string): HostQueue {
    const known = this.#hosts.get(host);
    if (known !== undefined) return known;
    const queue: HostQueue = { available: 0, returned: [], window: [], readTo: undefined, size: windowSizes.least };
    this.#hosts.set(host, queue);
    return queue;
  }

  #count(host: string, queue: HostQueue, change: number): void {
    queue.available += change;
    this.#queued += change;
    if (queue.available <= 0) this.#hosts.delete(host);
  }

  #takeReturned(queue: HostQueue): Lease | undefined {
    const lease = queue.returned.pop();
    if (lease !== undefined) this.#returned -= 1;
    return lease;
  }

  #takeNext(host: string, queue: HostQueue): Lease | undefined {
    while (queue.window.length === 0 && queue.readTo !== undefined) this.#refill(host, queue);
    const next = queue.window.shift();
    if (next === undefined) return undefined;
    const { offer, place } = next;
    const begun = this.#begun.has(keys.page(this.space, offer.fingerprint));
    const lease: Lease = { ...offer, crawl: this.crawl, key: place, begun };
    this.#held.set(offer.fingerprint, lease);
    this.#given.add(lease);
    return lease;
  }

  /** Reads on behind `readTo`. */
  #refill(host: string, queue: HostQueue): void {
    const prefix = keys.queued(this.space, `${part(host)} `);
    const from = queue.readTo === '' ? prefix : `${keys.queued(this.space, queue.readTo ?? '')} `;
    const size = this.#sizeOf(queue);
    const rows = this.tables.range(from, after(prefix), size);
    queue.size = 2 * size;
    for (const [key, value] of rows) {
      const place = key.slice(keys.queued(this.space, '').length);
      const offer = decodeOffer(host, value);
      queue.readTo = place;
      if (sequenceOf(place) <= this.announced && !this.#held.has(offer.fingerprint))
        queue.window.push({ place, offer });
    }
    if (rows.length < size) queue.readTo = undefined;
  }

  /** How much of a host's window may be filled, now that there are so many hosts. */
  #sizeOf({ size }: HostQueue): number {
    const { least, most, ofAllHosts } = windowSizes;
    return Math.min(size, most, Math.max(least, Math.floor(ofAllHosts / this.#hosts.size)));
  }

  #add({ place, offer }: Waiting): void {
    if (this.#held.has(offer.fingerprint)) return;
    const queue = this.#queueOf(offer.host);
    this.#count(offer.host, queue, 1);
    if (queue.readTo !== undefined && place > queue.readTo) return;
    queue.window.splice(placeIn(queue.window, place), 0, { place, offer });
    const size = this.#sizeOf(queue);
    if (queue.window.length <= 2 * size) return;
    queue.window.length = size;
    queue.readTo = queue.window.at(-1)?.place;
  }

  /** Takes a URL away from its old place; one that was leased from there meanwhile is told its new one. */
  #move({ offer: { fingerprint, host }, place, from }: Moved): void {
    const lease = this.#held.get(fingerprint);
    if (lease !== undefined) {
      lease.key = place;
      return;
    }
    const queue = this.#hosts.get(host);
    if (queue === undefined) return;
    const at = placeIn(queue.window, from);
    if (queue.window[at]?.place === from) queue.window.splice(at, 1);
    // It is added again at once, so the host stays.
    queue.available -= 1;
    this.#queued -= 1;
  }

  #release(fingerprint: string): void {
    const lease = this.#held.get(fingerprint);
    if (lease === undefined) return;
    this.#held.delete(fingerprint);
    const queue = this.#hosts.get(lease.host);
    const at = queue?.returned.indexOf(lease) ?? -1;
    if (queue === undefined || at < 0) return;
    queue.returned.splice(at, 1);
    this.#returned -= 1;
    this.#count(lease.host, queue, -1);
  }

  #clear(): void {
    this.#hosts.clear();
    this.#held.clear();
    this.#queued = 0;
    this.#returned = 0;
  }
}

/** Where a place is, or would be, in the window. */
function placeIn(window: readonly Waiting[], place: string): number {
  let low = 0;
  let high = window.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((window[middle]?.place ?? '') < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
