/** Whether a disk has room for what is to be written; it is asked only now and then. */
import { statfs } from 'node:fs/promises';

/** Bytes that are written before it is asked again, however much room it had. */
const maxUnasked = 16 * 1024 * 1024;

/** How long its answer counts: others write to it as well. */
const maxAgeMs = 1_000;

/** The room on the disk that holds a directory. */
export class DiskRoom {
  /** Bytes that can be written before the disk has to be asked. */
  #unasked = 0;
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly dir: string) {}

  /** Whether there is room for so many bytes twice over. True where the system does not tell. */
  async has(bytes: number): Promise<boolean> {
    this.#unasked -= bytes;
    if (this.#unasked >= 0 && performance.now() - this.#askedAt < maxAgeMs) return true;
    const free = await this.free();
    const hasRoom = free >= 2 * bytes;
    this.#unasked = hasRoom ? Math.min((free - bytes) / 4, maxUnasked) : 0;
    this.#askedAt = performance.now();
    return hasRoom;
  }

  /** Bytes that the disk has room for just now. Infinite where the system does not tell. */
  async free(): Promise<number> {
    try {
      const { bavail, bsize } = await statfs(this.dir);
      return bavail * bsize;
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }
}
