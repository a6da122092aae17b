/** Looks at LMDB's file before LMDB does: it maps the file into memory, and dies on one that is shorter than it says. */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { CrawlcastError } from '../errors.js';

const magic = 0xbeefc0de;

/** Of the page header, then of the fields behind it, as LMDB 0.9 and 1.0 lay out their two meta pages. */
const at = { magic: 24, pageSize: 48, lastPage: 144, transaction: 152 } as const;
const metaBytes = 160;

interface Meta {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly transaction: number;
}

/**
 * Makes the file as long as it says it is. LMDB does not write a page at the end that it took and gave back within one
 * transaction, so one that is too short may be whole all the same: only reading all of it tells.
 * @returns how long it was, where it was too short
 * @throws CrawlcastError `data.corrupt` where it is something else
 */
export function lengthenDataFile(path: string): number | undefined {
  let file: number;
  try {
    file = openSync(path, 'r+');
  } catch {
    // Missing, or not ours to read: LMDB makes a new one, or says why it cannot.
    return undefined;
  }
  try {
    const { size } = fstatSync(file);
    const needed = size === 0 ? 0 : neededSize(path, file);
    if (size >= needed) return undefined;
    ftruncateSync(file, needed);
    return size;
  } finally {
    closeSync(file);
  }
}

function neededSize(path: string, file: number): number {
  const first = readMeta(file, 0);
  const second = first && readMeta(file, first.pageSize);
  if (!first || !second) throw damagedFile(path, 'it is not a log of ours, or has lost its end');
  const newest = first.transaction > second.transaction ? first : second;
  return (newest.lastPage + 1) * newest.pageSize;
}

function readMeta(file: number, position: number): Meta | undefined {
  const page = Buffer.alloc(metaBytes);
  const isWhole = readSync(file, page, 0, metaBytes, position) === metaBytes;
  if (!isWhole || page.readUInt32LE(at.magic) !== magic) return undefined;
  const number = (offset: number) => Number(page.readBigUInt64LE(offset));
  return {
    pageSize: page.readUInt32LE(at.pageSize),
    lastPage: number(at.lastPage),
    transaction: number(at.transaction),
  };
}

/** What is said of a file that cannot be read. */
export function damagedFile(path: string, reason: string): CrawlcastError {
  const message = `${path} is damaged: ${reason}. Restore it from a copy, or start with a new directory.`;
  return new CrawlcastError('data.corrupt', message);
}
