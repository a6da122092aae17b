/**
 * All URLs that a crawl has seen, numbered in the order in which they came. On disk they are a log: a list of the URLs, one
 * of their hosts, and one of the numbers of those whose page has ended. In memory there are, for each URL, some six bytes of an
 * index that says where in the list it may be, and one to three more while it waits. So a URL costs the same among a million as
 * among ten thousand.
 */
import { fingerprint } from '../url.js';
import { HostQueues } from './host-queues.js';
import { keys, rankText } from './keys.js';
import { List, ListDraft, newRecord, recordStart } from './list.js';
import { SeenIndex } from './seen-index.js';
import type { Offer } from './store.js';
import type { Row, Tables } from './tables.js';
import {
  decodeOffer,
  depthIn,
  encodeMark,
  encodeOffer,
  hashIn,
  hashOf,
  hasMark,
  hostNumberIn,
  markLength,
  priorityIn,
  type Rank,
} from './url-record.js';

/** Records of a block: of a URL, a host, an ended one. */
const perBlock = { urls: 16, hosts: 50, ended: 240 } as const;

/** A URL of the list. */
export interface Known extends Rank {
  readonly number: number;
}

/** Those of one frontier that are durable. */
export class Urls {
  readonly list: List;
  readonly hostList: List;
  readonly endedList: List;
  readonly #index = new SeenIndex();
  readonly #ended = new NumberSet();
  readonly #hosts: string[] = [];
  readonly #hostNumbers = new Map<string, number>();
  /** Those that wait, without those that are on lease or were given back. */
  readonly waiting = new HostQueues((number) => this.isEnded(number));

  constructor(tables: Tables, space: string) {
    this.list = new List(tables, keys.urls(space), perBlock.urls);
    this.hostList = new List(tables, keys.hosts(space), perBlock.hosts);
    this.endedList = new List(tables, keys.ended(space), perBlock.ended);
    this.endedList.forEach((bytes, begin) => {
      this.#ended.add(bytes.readUInt32LE(begin));
    });
    this.hostList.forEach((bytes, begin, end) => {
      this.#learnHost(bytes.toString('utf8', begin, end));
    });
    let number = 0;
    this.list.forEach((bytes, begin) => {
      this.#index.add(hashIn(bytes, begin), this.list.blockOf(number));
      const host = hostNumberIn(bytes, begin);
      if (host !== undefined && !this.isEnded(number)) {
        const rank = rankText(priorityIn(bytes, begin), depthIn(bytes, begin));
        this.waiting.add(this.#hostName(host), rank, number);
      }
      number += 1;
    });
  }

  /** Of a mark that was added several times the newest counts. */
  find(mark: string): Known | undefined {
    for (const block of this.#index.find(hashOf(mark))) {
      const found = this.list.findLastIn(block, (bytes, begin) => hasMark(bytes, begin, mark));
      if (found === undefined) continue;
      const { number, bytes, begin } = found;
      return { number, priority: priorityIn(bytes, begin), depth: depthIn(bytes, begin) };
    }
    return undefined;
  }

  /** Whether a URL's page has ended, or a later number of the list took its place. */
  isEnded(number: number): boolean {
    return this.#ended.has(number);
  }

  offer(number: number): Offer {
    const place = this.list.at(number);
    return { host: this.#hostName(hostNumberIn(place.bytes, place.begin) ?? 0), ...decodeOffer(place) };
  }

  hostNumber(host: string): number | undefined {
    return this.#hostNumbers.get(host);
  }

  /**
   * Learns what has become durable.
   * @param isHeld whether a URL is on lease, or was given back: such a one waits no more
   */
  publish(draft: UrlsDraft, isHeld: (fingerprint: string) => boolean): void {
    for (const list of draft.lists) list.publish();
    for (const host of draft.hosts()) this.#learnHost(host);
    for (const number of draft.ended) this.#ended.add(number);
    for (const { mark, number, offer, replaced } of draft.added) {
      this.#index.add(hashOf(mark), this.list.blockOf(number));
      if (offer === undefined || isHeld(mark)) continue;
      this.waiting.add(offer.host, rankText(offer.priority ?? 0, offer.depth), number);
      if (replaced) this.waiting.withdraw(offer.host);
    }
  }

  #hostName(number: number): string {
    return this.#hosts[number] ?? '';
  }

  #learnHost(host: string): void {
    this.#hostNumbers.set(host, this.#hosts.length);
    this.#hosts.push(host);
  }
}

interface Added {
  readonly mark: string;
  readonly number: number;
  /** `undefined` where it is no URL. */
  readonly offer: Offer | undefined;
  /** Whether it takes the place of one that waited. */
  readonly replaced: boolean;
}

/** What a group of steps is about to change of them. */
export class UrlsDraft {
  readonly added: Added[] = [];
  readonly ended = new Set<number>();
  /** By mark. */
  readonly #numbers = new Map<string, Known>();
  readonly #hostNumbers = new Map<string, number>();
  readonly #list: ListDraft;
  readonly #hostList: ListDraft;
  readonly #endedList: ListDraft;

  constructor(readonly base: Urls) {
    this.#list = new ListDraft(base.list);
    this.#hostList = new ListDraft(base.hostList);
    this.#endedList = new ListDraft(base.endedList);
  }

  get lists(): readonly ListDraft[] {
    return [this.#list, this.#hostList, this.#endedList];
  }

  /** Those that are new, in order. */
  hosts(): Iterable<string> {
    return this.#hostNumbers.keys();
  }

  /** The rows that make it durable; nothing is added after that. */
  settle(): Row[] {
    return this.lists.flatMap((list) => list.settle());
  }

  /** By fingerprint, or whatever else was seen once. */
  find(name: string): Known | undefined {
    const mark = asMark(name);
    return this.#numbers.get(mark) ?? this.base.find(mark);
  }

  /** False where it was seen before. */
  see(name: string): boolean {
    const mark = asMark(name);
    if (this.find(mark) !== undefined) return false;
    this.#add(mark, encodeMark(mark), { priority: 0, depth: 0 });
    return true;
  }

  /** @param replaced the number under which it waits; it gets a new one */
  queue(offer: Offer, replaced?: number): void {
    if (replaced !== undefined) this.end(replaced);
    const { fingerprint: mark, priority = 0, depth, host } = offer;
    this.#add(mark, encodeOffer(offer, this.#hostNumber(host)), { priority, depth }, offer, replaced !== undefined);
  }

  isEnded(number: number): boolean {
    return this.ended.has(number) || this.base.isEnded(number);
  }

  end(number: number): void {
    this.ended.add(number);
    const record = newRecord(4);
    record.writeUInt32LE(number, recordStart);
    this.#endedList.add(record);
  }

  /** The offer under a number. */
  offer(number: number, host: string): Offer {
    return { host, ...decodeOffer(this.#list.at(number)) };
  }

  #add(mark: string, record: Buffer, rank: Rank, offer?: Offer, replaced = false): void {
    const number = this.#list.add(record);
    this.#numbers.set(mark, { number, ...rank });
    this.added.push({ mark, number, offer, replaced });
  }

  #hostNumber(host: string): number {
    const known = this.base.hostNumber(host) ?? this.#hostNumbers.get(host);
    if (known !== undefined) return known;
    const record = newRecord(Buffer.byteLength(host));
    record.write(host, recordStart);
    const number = this.#hostList.add(record);
    this.#hostNumbers.set(host, number);
    return number;
  }
}

/** Fingerprints are marks; whatever else is seen once has its own. */
function asMark(name: string): string {
  return name.length === markLength ? name : fingerprint(name);
}

/** Numbers from 0 on, a bit each. */
class NumberSet {
  #bits = new Uint8Array(1024);

  has(number: number): boolean {
    return ((this.#bits[number >> 3] ?? 0) & (1 << (number & 7))) !== 0;
  }

  add(number: number): void {
    const at = number >> 3;
    if (at >= this.#bits.length) {
      const bits = new Uint8Array(Math.max(at + 1, 2 * this.#bits.length));
      bits.set(this.#bits);
      this.#bits = bits;
    }
    this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (number & 7));
  }
}
