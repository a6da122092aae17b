/** Items that carry the time at which they left, and what is read from them. */

/** The time as an item carries it. The clock is the machine's: every process reads the same one. */
export function timeMark(): string {
  return `@${process.hrtime.bigint()}@`;
}

const mark = /@(\d+)@/g;
/** A mark that has been cut in two is never longer. */
const maxMark = 32;

/**
 * Between the arrival of some bytes and the reading of them: who waits behind them in the process that subscribes waits for nothing but the
 * arrival itself.
 */
const readAfterMs = 10;

/** How long deliveries took, in milliseconds. */
export class Latencies {
  #samples: number[] = [];
  #unread: (() => void)[] = [];

  /** @param onRead told when what has come is counted */
  constructor(private readonly onRead: () => void = () => {}) {}

  /**
   * Makes what reads one stream.
   * @param skip the first so many items are not counted
   */
  reader(skip: number): (bytes: Buffer) => void {
    let left = skip;
    let rest = '';
    const read = (now: bigint, bytes: Buffer) => {
      const text = rest + bytes.toString('latin1');
      let end = 0;
      for (const found of text.matchAll(mark)) {
        if (left > 0) left--;
        else this.add(Number(now - BigInt(found[1] ?? 0)) / 1e6);
        end = found.index + found[0].length;
      }
      rest = text.slice(Math.max(end, text.length - maxMark));
    };
    return (bytes) => {
      const now = process.hrtime.bigint();
      const copy = Buffer.from(bytes);
      if (this.#unread.push(() => read(now, copy)) === 1) setTimeout(() => this.#read(), readAfterMs);
    };
  }

  #read(): void {
    for (const read of this.#unread.splice(0)) read();
    this.onRead();
  }

  add(ms: number): void {
    this.#samples.push(ms);
  }

  get count(): number {
    return this.#samples.length;
  }

  /** Begins anew. */
  clear(): void {
    this.#samples = [];
  }

  /** What the given share of deliveries stayed within; `NaN` where there was none. */
  percentile(share: number): number {
    const sorted = Float64Array.from(this.#samples).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  }
}
