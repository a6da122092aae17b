/** The keys of the one table: a letter for the kind, then fixed-width numbers, so that text order is the order we want. */
import { createHash } from 'node:crypto';

const plain = /^[!-}]{1,150}$/;

/** A text as part of a key: as it is where it is short and plain, else its hash. */
export function part(text: string): string {
  return plain.test(text) ? text : `~${createHash('sha256').update(text).digest('base64url')}`;
}

/** A whole number as text of fixed width, in the same order. */
function digits(number: number, width: number): string {
  return number.toString(36).padStart(width, '0');
}

/** Kinds of rows that belong to a crawl's frontier, and go with it. */
export const frontierKinds = ['f', 'h', 'o', 'p', 's'] as const;

/** Every key that begins with a prefix lies between it and this. */
export function after(prefix: string): string {
  return `${prefix}\u007f`;
}

/** The key of each kind of row. The log's letter is the last one: LMDB fills its pages whole only at the end. */
export const keys = {
  space: (number: number) => digits(number, 6),
  epoch: 'm epoch',
  first: 'm first',
  record: (order: number) => `c${digits(order, 6)}`,
  progress: (order: number) => `g${digits(order, 6)}`,
  dropped: (space: string) => `x${space}`,
  queued: (space: string, place: string) => `f${space} ${place}`,
  host: (space: string, host: string) => `h${space} ${part(host)}`,
  once: (space: string, once: string) => `o${space} ${part(once)}`,
  page: (space: string, fingerprint: string) => `p${space} ${part(fingerprint)} `,
  pageStep: (space: string, fingerprint: string, step: number) => keys.page(space, fingerprint) + digits(step, 6),
  seen: (space: string, fingerprint: string) => `s${space} ${part(fingerprint)}`,
  collection: (collection: string) => `d${part(collection)} `,
  document: (collection: string, key: string) => keys.collection(collection) + part(key),
  chunk: (offset: number) => `z${digits(offset, 10)}`,
} as const;

/** Whether a key is that of a chunk of the log. */
export function isChunk(key: string): boolean {
  return key.startsWith('z');
}

/** The offset in the key of a chunk. */
export function offsetOf(chunkKey: string): number {
  return Number.parseInt(chunkKey.slice(1), 36);
}

const priorityWidth = 16;
const depthWidth = 6;
const sequenceWidth = 10;

/** A URL's place in the frontier: by host, then priority, then depth, then first come. */
export function placeOf(host: string, priority: number, depth: number, sequence: number): string {
  return `${part(host)} ${rankOf(priority)}${digits(depth, depthWidth)}${digits(sequence, sequenceWidth)}`;
}

/** The number with which a place was given out. */
export function sequenceOf(place: string): number {
  return Number.parseInt(place.slice(-sequenceWidth), 36);
}

/** Whether a priority or a depth is better than that of a place. */
export function isBetter(place: string, priority: number, depth: number): boolean {
  const depthAt = place.length - sequenceWidth - depthWidth;
  const rankAt = depthAt - priorityWidth;
  return (
    depth < Number.parseInt(place.slice(depthAt, -sequenceWidth), 36) || rankOf(priority) < place.slice(rankAt, depthAt)
  );
}

const float = new DataView(new ArrayBuffer(8));
const ordinary = encodeRank(0);

function rankOf(priority: number): string {
  return priority === 0 ? ordinary : encodeRank(priority);
}

/** The bits of the negated number, turned so that they sort as numbers do: the highest priority first. */
function encodeRank(priority: number): string {
  float.setFloat64(0, 0 - priority);
  const bits = float.getBigUint64(0);
  const negative = bits >> 63n === 1n;
  const sortable = negative ? ~bits & 0xffffffffffffffffn : bits | 0x8000000000000000n;
  return sortable.toString(16).padStart(priorityWidth, '0');
}
