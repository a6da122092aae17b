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
export const frontierKinds = ['f', 'h', 'i', 'n', 'p'] as const;

/** The frontier that a row belongs to. */
export function spaceOf(key: string): string | undefined {
  return frontierKinds.some((kind) => key.startsWith(kind)) ? key.slice(1, key.indexOf(' ')) : undefined;
}

/** Every key that begins with a prefix lies between it and this. */
export function after(prefix: string): string {
  return `${prefix}\u007f`;
}

/** What the rows of a table mean; another number whenever that changes. */
export const tableFormat = '2';

/** The key of each kind of row. The log's letter is the last one: LMDB fills its pages whole only at the end. */
export const keys = {
  space: (number: number) => digits(number, 6),
  epoch: 'm epoch',
  format: 'm format',
  first: 'm first',
  position: 'm position',
  record: (order: number) => `c${digits(order, 6)}`,
  progress: (order: number) => `g${digits(order, 6)}`,
  dropped: (space: string) => `x${space}`,
  journalProgress: 'jp',
  journalRows: 'jr',
  journalRow: (number: number) => keys.journalRows + digits(number, 10),
  queued: (space: string, place: string) => `f${space} ${place}`,
  host: (space: string, host: string) => `h${space} ${part(host)}`,
  page: (space: string, fingerprint: string) => `p${space} ${part(fingerprint)} `,
  pageStep: (space: string, fingerprint: string, step: number) => keys.page(space, fingerprint) + digits(step, 6),
  seenBlocks: (space: string) => `n${space} `,
  seenBlock: (space: string, number: number) => keys.seenBlocks(space) + digits(number, 8),
  seenHashes: (space: string) => `i${space} `,
  seenHashRow: (space: string, number: number) => keys.seenHashes(space) + digits(number, 8),
  collection: (collection: string) => `d${part(collection)} `,
  document: (collection: string, key: string) => keys.collection(collection) + part(key),
  chunk: (offset: number) => `z${digits(offset, 10)}`,
} as const;

/** Whether rows with such keys are many, small, and written in no order: the queued URLs, and the counts of the hosts. */
export function isScattered(key: string): boolean {
  return key.startsWith('f') || key.startsWith('h');
}

/** Whether a row is of one copy of a table that several processes share, and means nothing to the others. */
export function isLocal(key: string): boolean {
  return key === keys.position || key.startsWith('j');
}

/** The number in the key of a row of the journal. */
export function journalNumberOf(key: string): number {
  return Number.parseInt(key.slice(keys.journalRows.length), 36);
}

/** Whether a key is that of a chunk of the log. */
export function isChunk(key: string): boolean {
  return key.startsWith('z');
}

/** The offset in the key of a chunk. */
export function offsetOf(chunkKey: string): number {
  return Number.parseInt(chunkKey.slice(1), 36);
}

const priorityWidth = 16;
const depthWidth = 4;
const sequenceWidth = 8;
const maxDepth = 36 ** depthWidth - 1;

/** A URL's place in the frontier: by host, then priority, then depth, then first come. */
export function placeOf(host: string, priority: number, depth: number, sequence: number): string {
  return `${part(host)} ${rankOf(priority)}${digits(Math.min(depth, maxDepth), depthWidth)}${digits(sequence, sequenceWidth)}`;
}

/** The number with which a place was given out. */
export function sequenceOf(place: string): number {
  return Number.parseInt(place.slice(-sequenceWidth), 36);
}

const float = new DataView(new ArrayBuffer(8));

/** The highest priority first; most have none, and theirs is short: a letter for the sign, then bits that sort as the number does. */
function rankOf(priority: number): string {
  if (priority === 0) return 'm';
  float.setFloat64(0, Math.abs(priority));
  const bits = float.getBigUint64(0);
  const rising = priority < 0 ? bits : ~bits & 0xffffffffffffffffn;
  return (priority < 0 ? 'n' : 'l') + rising.toString(16).padStart(priorityWidth, '0');
}
