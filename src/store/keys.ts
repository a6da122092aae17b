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
const frontierKinds = ['e', 'h', 'k', 'n', 'p'] as const;

/** The frontier that a row belongs to. */
export function spaceOf(key: string): string | undefined {
  return frontierKinds.some((kind) => key.startsWith(kind)) ? key.slice(1, key.indexOf(' ')) : undefined;
}

/** The frontier that was dropped, by the key of the row that says so. */
export function droppedSpace(key: string): string {
  return key.slice(keys.allDropped.length);
}

/** What the keys of a frontier's rows begin with, by kind. */
export function frontierPrefixes(space: string): string[] {
  return frontierKinds.map((kind) => `${kind}${space} `);
}

/** Every key that begins with a prefix lies between it and this. */
export function after(prefix: string): string {
  return `${prefix}\u007f`;
}

/** What the rows of a table mean; another number whenever that changes. */
export const tableFormat = '3';

const blockWidth = 8;

/** The key of each kind of row. The log's letter is the last one: LMDB fills its pages whole only at the end. */
export const keys = {
  space: (number: number) => digits(number, 6),
  epoch: 'm epoch',
  format: 'm format',
  first: 'm first',
  position: 'm position',
  record: (order: number) => `c${digits(order, 6)}`,
  allProgress: 'g',
  progress: (order: number) => keys.allProgress + digits(order, 6),
  allDropped: 'x',
  dropped: (space: string) => keys.allDropped + space,
  urls: (space: string) => `n${space} `,
  hosts: (space: string) => `h${space} `,
  ended: (space: string) => `e${space} `,
  block: (list: string, number: number) => list + digits(number, blockWidth),
  blockNumberOf: (key: string) => Number.parseInt(key.slice(-blockWidth), 36),
  ownDocuments: (space: string) => `k${space} `,
  ownDocument: (space: string, key: string) => keys.ownDocuments(space) + part(key),
  pages: (space: string) => `p${space} `,
  page: (space: string, fingerprint: string) => `${keys.pages(space)}${part(fingerprint)} `,
  pageStep: (space: string, fingerprint: string, step: number) => keys.page(space, fingerprint) + digits(step, 6),
  documents: 'd',
  collection: (collection: string) => `${keys.documents}${part(collection)} `,
  document: (collection: string, key: string) => keys.collection(collection) + part(key),
  chunks: 'z',
  chunk: (offset: number) => keys.chunks + digits(offset, 10),
} as const;

/** Whether a row is of one copy of a table that several processes share, and means nothing to the others. */
export function isLocal(key: string): boolean {
  return key === keys.position;
}

/** Whether a key is that of a chunk of the log. */
export function isChunk(key: string): boolean {
  return key.startsWith(keys.chunks);
}

/** The offset in the key of a chunk. */
export function offsetOf(chunkKey: string): number {
  return Number.parseInt(chunkKey.slice(1), 36);
}

const priorityWidth = 16;
const depthWidth = 4;
const maxDepth = 36 ** depthWidth - 1;

/** A text that says where a URL stands among those of its host: by priority, then depth. The least goes first. */
export function rankText(priority: number, depth: number): string {
  return priorityText(priority) + digits(Math.min(depth, maxDepth), depthWidth);
}

const float = new DataView(new ArrayBuffer(8));

/** The highest priority first; most have none, and theirs is short: a letter for the sign, then bits that sort as the number does. */
function priorityText(priority: number): string {
  if (priority === 0) return 'm';
  float.setFloat64(0, Math.abs(priority));
  const bits = float.getBigUint64(0);
  const rising = priority < 0 ? bits : ~bits & 0xffffffffffffffffn;
  return (priority < 0 ? 'n' : 'l') + rising.toString(16).padStart(priorityWidth, '0');
}
