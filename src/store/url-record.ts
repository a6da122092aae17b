/** What the list of a crawl's URLs says of each. */
import { newRecord, type RecordPlace, recordStart } from './list.js';
import type { Offer } from './store.js';

/** Where a URL stands among those of its host. */
export interface Rank {
  readonly priority: number;
  readonly depth: number;
}

/** What is known of an offer beyond its rank, its host and its fingerprint; most have a URL only. */
type Rest = string | readonly [url: string, more: Pick<Offer, 'start' | 'via' | 'again'>];

/** Characters of a mark, which are ASCII. */
export const markLength = 22;

const priorityAt = markLength;
const depthAt = priorityAt + 8;
const hostAt = depthAt + 4;
const restAt = hostAt + 4;

/** In place of a host's number, where the mark is not one of a URL. */
const noHost = 0xffffffff;

/** The record of a URL, whose host has a number. */
export function encodeOffer(offer: Offer, host: number): Buffer {
  const { fingerprint, url, depth, host: _, priority = 0, ...more } = offer;
  const rest: Rest = Object.keys(more).length > 0 ? [url, more] : url;
  return encode(fingerprint, { priority, depth }, host, JSON.stringify(rest));
}

/** The record of whatever else is seen once. */
export function encodeMark(mark: string): Buffer {
  return encode(mark, { priority: 0, depth: 0 }, noHost, '');
}

function encode(mark: string, { priority, depth }: Rank, host: number, rest: string): Buffer {
  const record = newRecord(restAt + Buffer.byteLength(rest));
  record.write(mark, recordStart, 'latin1');
  record.writeDoubleLE(priority, recordStart + priorityAt);
  record.writeUInt32LE(depth, recordStart + depthAt);
  record.writeUInt32LE(host, recordStart + hostAt);
  record.write(rest, recordStart + restAt);
  return record;
}

/** The offer that a record says, but for the name of its host. */
export function decodeOffer({ bytes, begin, end }: RecordPlace): Omit<Offer, 'host'> {
  // Written by `encodeOffer`.
  const rest: Rest = JSON.parse(bytes.toString('utf8', begin + restAt, end));
  const [url, more] = typeof rest === 'string' ? [rest] : rest;
  const priority = priorityIn(bytes, begin);
  const depth = depthIn(bytes, begin);
  return { fingerprint: markIn(bytes, begin), url, depth, ...(priority !== 0 && { priority }), ...more };
}

/** The mark in a record, by where it begins. */
function markIn(bytes: Buffer, begin: number): string {
  return bytes.toString('latin1', begin, begin + markLength);
}

/** Whether a record has a mark. */
export function hasMark(bytes: Buffer, begin: number, mark: string): boolean {
  // Most others differ in the first character already.
  return bytes[begin] === mark.charCodeAt(0) && markIn(bytes, begin) === mark;
}

/** The priority in a record. */
export function priorityIn(bytes: Buffer, begin: number): number {
  return bytes.readDoubleLE(begin + priorityAt);
}

/** The depth in a record. */
export function depthIn(bytes: Buffer, begin: number): number {
  return bytes.readUInt32LE(begin + depthAt);
}

/** The number of the host in a record; `undefined` where it is none of a URL. */
export function hostNumberIn(bytes: Buffer, begin: number): number | undefined {
  const host = bytes.readUInt32LE(begin + hostAt);
  return host === noHost ? undefined : host;
}

/** The hash of a mark, 32 bits (FNV-1a). */
export function hashOf(mark: string): number {
  let hash = offsetBasis;
  for (let at = 0; at < markLength; at += 1) hash = Math.imul(hash ^ mark.charCodeAt(at), prime);
  return hash >>> 0;
}

/** The hash of the mark in a record. */
export function hashIn(bytes: Buffer, begin: number): number {
  let hash = offsetBasis;
  for (let at = begin; at < begin + markLength; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), prime);
  return hash >>> 0;
}

const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;
