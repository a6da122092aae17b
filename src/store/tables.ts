/** Where the bytes lie: one ordered table of text keys. The two stores differ in this alone. */

/** A key and its bytes. */
export type Row = readonly [key: string, value: Buffer];

/** What one transaction changes: `undefined` deletes. */
export type Changes = ReadonlyMap<string, Buffer | undefined>;

/** An ordered table. Reads are synchronous and see what was written last. */
export interface Tables {
  get(key: string): Buffer | undefined;
  /** The first `limit` rows with `from <= key < to`, in the order of their keys. */
  range(from: string, to: string, limit: number): Row[];
  /** The row with the greatest key in `from <= key < to`. */
  last(from: string, to: string): Row | undefined;
  /**
   * One transaction; durable when the promise resolves.
   * @throws CrawlcastError `store.full`, `store.failed`: nothing was written
   */
  write(changes: Changes): Promise<void>;
  close(): Promise<void>;
}
