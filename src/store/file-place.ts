/** Whether a file that is open is still where it was: what is written to one that has no name any more is gone with the process. */
import { type BigIntStats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/** The place of a file that has just been opened. */
export class FilePlace {
  readonly #opened: BigIntStats;

  constructor(readonly path: string) {
    this.#opened = statSync(path, { bigint: true });
  }

  /** False where it has been deleted or moved, or where another file is in its place. True where the system does not tell. */
  async isHeld(): Promise<boolean> {
    try {
      const { dev, ino } = await stat(this.path, { bigint: true });
      return dev === this.#opened.dev && ino === this.#opened.ino;
    } catch (thrown) {
      // The second: a file is now where one of its folders was.
      return !(thrown instanceof Error && 'code' in thrown && (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR'));
    }
  }
}
