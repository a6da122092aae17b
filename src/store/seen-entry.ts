/** The entries of the list of what a crawl has seen, one behind the other in bytes. */

/** Where the URL with a mark was queued; says nothing where the mark is not one of a URL. */
export interface SeenPlace {
  readonly priority: number;
  readonly depth: number;
  readonly sequence: number;
}

/** A mark, 22 characters of ASCII, and what is known under it. */
export type SeenEntry = readonly [mark: string, place: SeenPlace];

/** Characters of a mark. */
export const markLength = 22;

/** Of one entry: mark, priority, depth, sequence. */
export const entryBytes = markLength + 8 + 4 + 6;

/** Entries one behind the other. */
export function encodeEntries(entries: readonly SeenEntry[]): Buffer {
  const bytes = Buffer.allocUnsafe(entries.length * entryBytes);
  let at = 0;
  for (const [mark, { priority, depth, sequence }] of entries) {
    bytes.write(mark, at, 'latin1');
    bytes.writeDoubleBE(priority, at + markLength);
    bytes.writeUInt32BE(depth, at + markLength + 8);
    bytes.writeUIntBE(sequence, at + markLength + 12, 6);
    at += entryBytes;
  }
  return bytes;
}

/** How many entries there are. */
export function countEntries(bytes: Buffer): number {
  return bytes.length / entryBytes;
}

/** The mark of an entry, by its place. */
export function markAt(bytes: Buffer, index: number): string {
  return bytes.toString('latin1', index * entryBytes, index * entryBytes + markLength);
}

/** What is known under a mark, by its place. */
export function placeAt(bytes: Buffer, index: number): SeenPlace {
  const at = index * entryBytes + markLength;
  return {
    priority: bytes.readDoubleBE(at),
    depth: bytes.readUInt32BE(at + 8),
    sequence: bytes.readUIntBE(at + 12, 6),
  };
}

/** 32 bits that say of most marks that they are others (FNV-1a). */
export function hashOf(mark: string): number {
  let hash = offsetBasis;
  for (let at = 0; at < markLength; at += 1) hash = Math.imul(hash ^ mark.charCodeAt(at), prime);
  return hash >>> 0;
}

/** The same of an entry's mark, by its place. */
export function hashAt(bytes: Buffer, index: number): number {
  const end = index * entryBytes + markLength;
  let hash = offsetBasis;
  for (let at = end - markLength; at < end; at += 1) hash = Math.imul(hash ^ (bytes[at] ?? 0), prime);
  return hash >>> 0;
}

const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;
