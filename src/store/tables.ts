/** Where the bytes lie: one ordered table of text keys. The stores differ in this alone. */
import type { CrawlcastError } from '../errors.js';

/** A key and its bytes. */
export type Row = readonly [key: string, value: Buffer];

/** What one transaction changes: `undefined` deletes. */
export type Changes = ReadonlyMap<string, Buffer | undefined>;

/** Is shown a row, whose bytes are lent until it returns; says whether it wants the next. */
export type Visitor = (key: string, lent: Buffer) => boolean;

/** An ordered table. Reads are synchronous and see what was written last. */
export interface Tables {
  get(key: string): Buffer | undefined;
  /** The first `limit` rows with `from <= key < to`, in the order of their keys. */
  range(from: string, to: string, limit: number): Row[];
  /** Shows the same rows one by one, for as long as they are wanted. */
  visit(from: string, to: string, visitor: Visitor): void;
  /** The row with the greatest key in `from <= key < to`. */
  last(from: string, to: string): Row | undefined;
  /**
   * One transaction; durable when the promise resolves.
   * @throws CrawlcastError `store.full`, `store.failed`: nothing was written
   * @throws Outrun where others write as well: nothing was written, and what they wrote has to be taken in first
   */
  write(changes: Changes): Promise<void>;
  /** What would keep the next transaction from being written, as far as can be told without one. */
  trouble?(): Promise<CrawlcastError | undefined>;
  close(): Promise<void>;
  /** What other processes write; absent where nobody else does. */
  readonly news?: News;
}

/** The transactions of other processes. Reads see them only once they have been taken in. */
export interface News {
  /** Whether there is something to take in. */
  readonly isWaiting: boolean;
  /**
   * Takes in some of it, in order, and says what has changed.
   * @throws CrawlcastError `store.full`, `store.failed`: it still waits
   */
  take(): Promise<Changes>;
  /** Calls back when there is something to take in. */
  listen(listener: () => void): void;
  /** Why nothing can be written just now, as far as is known without trying. */
  readonly failure: CrawlcastError | undefined;
}

/** Another process has written first. */
export class Outrun extends Error {
  override readonly name = 'Outrun';
}
