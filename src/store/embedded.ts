/** The store on this machine's disk: LMDB, one file, one process. */
import { accessSync, constants, existsSync, mkdirSync, statSync, truncateSync } from 'node:fs';
import { constants as systemErrors } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { CrawlcastError, messageOf, toCrawlcastError } from '../errors.js';
import { systemLimit } from '../system-limits.js';
import { decodeChunk } from './chunk.js';
import { damagedFile, lengthenDataFile } from './data-file.js';
import { DiskRoom } from './disk-room.js';
import { FilePlace } from './file-place.js';
import { isChunk, offsetOf } from './keys.js';
import { lockDirectory, type Unlock } from './lock.js';
import type { Store } from './store.js';
import { openTableStore, type StoreOptions } from './table-store.js';
import type { Changes, Row, Tables, Visitor } from './tables.js';

/**
 * Opens the store in a directory, which is made where it is missing.
 * @throws CrawlcastError `data.in_use`, `data.unusable`, `data.corrupt`
 */
export function openEmbeddedStore(dir: string, options: StoreOptions = {}): Promise<Store> {
  return openWith(dir, (tables) => openTableStore(tables, options));
}

/**
 * Opens the table alone, for a store that keeps in it what it has elsewhere as well.
 * @throws CrawlcastError `data.in_use`, `data.unusable`, `data.corrupt`
 */
export function openEmbeddedTables(dir: string): Promise<Tables> {
  return openWith(dir, (tables) => Promise.resolve(tables));
}

/** Whether a directory has the store's file, and nothing in it: if there was a log, it is gone. A first start on a full disk leaves that as well. */
export function isEmptied(dir: string): boolean {
  try {
    return statSync(dataFile(dir)).size === 0;
  } catch {
    // Missing, or not ours to look at: opening it says which.
    return false;
  }
}

async function openWith<Opened>(dir: string, use: (tables: Tables) => Promise<Opened>): Promise<Opened> {
  prepareDirectory(dir);
  const unlock = await lockDirectory(dir);
  try {
    return await openTables(dir, unlock, use);
  } catch (thrown) {
    await unlock();
    throw explainOpening(thrown, dir);
  }
}

/** LMDB gives the system's error numbers as they are. */
function explainOpening(thrown: unknown, dir: string): CrawlcastError {
  const number = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  const { ENOSPC, EACCES, EPERM, EROFS } = systemErrors.errno;
  if (number === ENOSPC) return new CrawlcastError('store.full', fullMessage(dir), { cause: thrown });
  if (thrown instanceof Error && thrown.message.startsWith('MDB_')) return damagedFile(dataFile(dir), thrown.message);
  const isRefused = number === EACCES || number === EPERM || number === EROFS;
  return toCrawlcastError(thrown, isRefused ? 'data.unusable' : 'data.corrupt');
}

const dataFile = (dir: string) => join(dir, 'data.mdb');

function fullMessage(dir: string): string {
  const isLimited = Number.isFinite(systemLimit('file_size_blocks') ?? Number.POSITIVE_INFINITY);
  if (!isLimited) return `The disk that holds ${dir} is full: make room on it.`;
  return `The disk that holds ${dir} is full: make room on it, or raise the limit of a file's size (ulimit -f).`;
}

async function openTables<Opened>(
  dir: string,
  unlock: Unlock,
  use: (tables: Tables) => Promise<Opened>,
): Promise<Opened> {
  const path = dataFile(dir);
  const shortSize = lengthenDataFile(path);
  let db: RootDatabase<Buffer, string> | undefined;
  try {
    db = openDatabase(dir);
    if (shortSize !== undefined) readAll(db, path);
    return await use(new LmdbTables(db, dir, unlock));
  } catch (thrown) {
    await db?.close();
    // Whoever has to repair it finds it as it was.
    if (shortSize !== undefined) truncateSync(path, shortSize);
    throw thrown;
  }
}

/** Reads every row, and the events in it. */
function readAll(db: RootDatabase<Buffer, string>, path: string): void {
  let count = 0;
  for (const { key, value } of db.getRange({ snapshot: false })) {
    if (isChunk(key)) decodeChunk(offsetOf(key), value);
    count += 1;
  }
  const stats: { entryCount?: number } = db.getStats();
  if (stats.entryCount !== count) throw damagedFile(path, `it has ${count} of ${stats.entryCount} rows`);
}

function prepareDirectory(dir: string): void {
  try {
    makeFolders(resolve(dir));
    if (!statSync(dir).isDirectory()) throw new Error('it is a file');
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    // As after a start or a restore by another user: the library does not say which, and may end the process.
    for (const file of [dataFile(dir), join(dir, 'lock.mdb')]) {
      if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK);
    }
  } catch (cause) {
    const message = `The data directory ${dir} cannot be used: ${messageOf(cause)}`;
    throw new CrawlcastError('data.unusable', message, { cause });
  }
}

/** One folder after the other: told to make them all, Node never comes back where the system denies that any exists (/proc). */
function makeFolders(dir: string): void {
  if (existsSync(dir)) return;
  makeFolders(dirname(dir));
  mkdirSync(dir);
}

function movedMessage(path: string): string {
  return `${path} has been deleted, moved or replaced while it is in use. Nothing more is written, as nobody would find it: put the file back, or restart.`;
}

/**
 * Address space for the file, 64 GiB. Where a file outgrows what is set aside, it is mapped once more, at twice the size, and what of it is
 * resident counts twice: the library, which begins with 128 KB, never lets go of the old map.
 */
const mapSize = 2 ** 36;

function openDatabase(dir: string): RootDatabase<Buffer, string> {
  // More than the process may have ends it.
  const hasRoom = systemLimit('virtual_memory_kbytes') === Number.POSITIVE_INFINITY;
  return open<Buffer, string>(dir, {
    noSubdir: false,
    ...(hasRoom && { mapSize }),
    encoding: 'binary',
    cache: false,
    // A promise that resolves means: flushed to disk.
    overlappingSync: false,
    // With it, a commit that fails leaves behind a rejected promise that nobody can reach.
    eventTurnBatching: false,
  });
}

/** Between two looks at what others do to the file. */
const lookMs = 1_000;

class LmdbTables implements Tables {
  readonly #room: DiskRoom;
  readonly #place: FilePlace;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly db: RootDatabase<Buffer, string>,
    private readonly dir: string,
    private readonly unlock: Unlock,
  ) {
    this.#room = new DiskRoom(dir, dataFile(dir));
    this.#place = new FilePlace(dataFile(dir));
  }

  get(key: string): Buffer | undefined {
    const lent = this.#lend(key);
    if (lent === undefined) return undefined;
    // A copy of our own is cut from a pool, and costs half of the library's.
    const bytes = Buffer.allocUnsafe(lent.length);
    bytes.set(lent);
    return bytes;
  }

  /** Until the next read, which overwrites it. */
  #lend(key: string): Buffer | undefined {
    const shared = this.db.getBinaryFast(key);
    return shared?.subarray(0, shared.length);
  }

  range(from: string, to: string, limit: number): Row[] {
    const rows: Row[] = [];
    // A look-up for each is quicker than the library's own copies, which are filled with zeros first.
    for (const key of this.db.getKeys({ start: from, end: to, limit })) {
      const value = this.get(key);
      if (value !== undefined) rows.push([key, value]);
    }
    return rows;
  }

  visit(from: string, to: string, visitor: Visitor): void {
    for (const key of this.db.getKeys({ start: from, end: to })) {
      const lent = this.#lend(key);
      if (lent !== undefined && !visitor(key, lent)) return;
    }
  }

  last(from: string, to: string): Row | undefined {
    const range = { start: to, exclusiveStart: true, end: from, inclusiveEnd: true, reverse: true, limit: 1 };
    for (const { key, value } of this.db.getRange(range)) return [key, value];
    return undefined;
  }

  async write(changes: Changes): Promise<void> {
    // LMDB must not find out by itself: a write that fails half-way can end the process.
    await this.#checkDisk(sizeOf(changes));
    try {
      await this.db.batch(() => {
        for (const [key, value] of changes) void (value === undefined ? this.db.remove(key) : this.db.put(key, value));
      });
    } catch (thrown) {
      throw await this.#explain(await causeOf(thrown));
    }
  }

  trouble(): Promise<CrawlcastError | undefined> {
    return this.#checkDisk(smallStepBytes).then(
      () => undefined,
      (thrown) => toCrawlcastError(thrown),
    );
  }

  async close(): Promise<void> {
    await this.db.close();
    await this.unlock();
  }

  async #checkDisk(bytes: number): Promise<void> {
    await this.#lookAround();
    if (!(await this.#room.has(bytes))) throw new CrawlcastError('store.full', fullMessage(this.dir));
  }

  /** What others do to the file shows in nothing that we read or write. */
  async #lookAround(): Promise<void> {
    const now = performance.now();
    if (now - this.#lookedAt < lookMs) return;
    if (!(await this.#place.isHeld())) throw new CrawlcastError('store.failed', movedMessage(this.#place.path));
    this.#lookedAt = now;
    // A process that was killed while it read, as in the middle of a backup, would keep freed room from being used again.
    this.db.readerCheck();
  }

  /** LMDB calls a write that the disk had no room for an input/output error. */
  async #explain(cause: unknown): Promise<CrawlcastError> {
    const reason = messageOf(cause);
    if ((await this.#room.free()) < nearlyFullBytes || /space|quota|full/i.test(reason)) {
      return new CrawlcastError('store.full', fullMessage(this.dir), { cause });
    }
    return new CrawlcastError('store.failed', `Writing to ${this.dir} failed: ${reason}`, { cause });
  }
}

/** What a transaction may take on disk: each row may be on a page of its own, and its parents change with it. */
function sizeOf(changes: Changes): number {
  let bytes = 0;
  for (const value of changes.values()) bytes += 2 * pageBytes + (value?.length ?? 0);
  return bytes;
}

const pageBytes = 4096;

/** A crawl with less room than this does not come far. */
const smallStepBytes = 32 * pageBytes;

/** More than one transaction can take. */
const nearlyFullBytes = 4 * 1024 * 1024;

/** The reason of a failed commit comes as a promise of its own. */
async function causeOf(thrown: unknown): Promise<unknown> {
  if (!(thrown instanceof Error && 'commitError' in thrown)) return thrown;
  try {
    await thrown.commitError;
    return thrown;
  } catch (cause) {
    return cause;
  }
}
