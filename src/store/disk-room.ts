/** Whether a disk has room for what is to be written; it is asked only now and then. */
import { stat, statfs } from 'node:fs/promises';
import { systemLimit } from '../system-limits.js';

/** Bytes that are written before it is asked again, however much room it had. */
const maxUnasked = 16 * 1024 * 1024;

/** How long its answer counts: others write to it as well. */
const maxAgeMs = 1_000;

/** With room for so many bytes twice over no disk is called full, whatever was refused. */
const maxRefused = 2 * 1024 * 1024;

/** The room on the disk that holds a directory, for one file in it. */
export class DiskRoom {
  /** Bytes that can be written before the disk has to be asked. */
  #unasked = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** What there was no room for. Less would still fit, and whoever wrote it would be told that the disk is not full. */
  #refused = 0;

  constructor(
    private readonly dir: string,
    private readonly file: string,
  ) {}

  /** Whether there is room for so many bytes twice over, and for what was refused last. True where the system does not tell. */
  async has(bytes: number): Promise<boolean> {
    this.#unasked -= bytes;
    const isFresh = performance.now() - this.#askedAt < maxAgeMs;
    if (isFresh && this.#refused === 0 && this.#unasked >= 0) return true;
    const wanted = Math.max(bytes, this.#refused);
    const free = await this.free();
    const hasRoom = free >= 2 * wanted;
    this.#unasked = hasRoom ? Math.min((free - bytes) / 4, maxUnasked) : 0;
    this.#refused = hasRoom ? 0 : Math.min(wanted, maxRefused);
    this.#askedAt = performance.now();
    return hasRoom;
  }

  /** Bytes by which the file can grow just now. Infinite where the system does not tell. */
  async free(): Promise<number> {
    try {
      const { bavail, bsize } = await statfs(this.dir);
      return Math.min(bavail * bsize, await this.#growth());
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }

  /** What the system lets a file of this process have (`ulimit -f`): beyond it, LMDB damages its own memory. */
  async #growth(): Promise<number> {
    // In bytes, whatever the name says.
    const limit = systemLimit('file_size_blocks') ?? Number.POSITIVE_INFINITY;
    return Number.isFinite(limit) ? limit - (await stat(this.file)).size : limit;
  }
}
