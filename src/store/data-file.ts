/** Looks at LMDB's file before LMDB does: it maps the file into memory, and dies on one that is shorter than it says. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
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
 * Nothing is said of a file that is missing or empty: LMDB makes a new one.
 * @throws CrawlcastError `data.corrupt`
 */
export function checkDataFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    const { size } = fstatSync(file);
    if (size > 0) checkSize(path, file, size);
  } finally {
    closeSync(file);
  }
}

function checkSize(path: string, file: number, size: number): void {
  const first = readMeta(file, 0);
  const second = first && readMeta(file, first.pageSize);
  if (first === undefined || second === undefined) throw damaged(path, 'it is not a log of ours');
  const newest = first.transaction > second.transaction ? first : second;
  const needed = (newest.lastPage + 1) * newest.pageSize;
  if (size < needed) throw damaged(path, `it has ${size} bytes and should have ${needed}`);
}

function readMeta(file: number, position: number): Meta | undefined {
  const page = Buffer.alloc(metaBytes);
  if (readSync(file, page, 0, metaBytes, position) < metaBytes || page.readUInt32LE(at.magic) !== magic)
    return undefined;
  const number = (offset: number) => Number(page.readBigUInt64LE(offset));
  return {
    pageSize: page.readUInt32LE(at.pageSize),
    lastPage: number(at.lastPage),
    transaction: number(at.transaction),
  };
}

function damaged(path: string, reason: string): CrawlcastError {
  return new CrawlcastError(
    'data.corrupt',
    `${path} is damaged: ${reason}. Restore it from a copy, or start with a new directory.`,
  );
}
