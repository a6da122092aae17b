/** What happened in each second. */
import type { Kind } from './feed.js';

interface Second {
  pages: number;
  items: number;
  latencySum: number;
  latencyMax: number;
  latencies: number;
  queued?: number;
}

/** Rows of equal length: seconds since the epoch, then one row for each line of a chart. */
export type Rows = [seconds: number[], ...lines: (number | null)[][]];

/** What the charts are drawn from. */
export interface Charts {
  readonly pages: Rows;
  readonly items: Rows;
  /** Milliseconds from the event's time to its arrival here: mean and worst. */
  readonly latency: Rows;
  readonly queue: Rows;
}

/** How far back the charts go. */
export const windowSeconds = 60;

/** Counts by the second of the event's own time, so that a replay shows what was. */
export class Rates {
  readonly #seconds = new Map<number, Second>();
  #newest = 0;

  /** Counts one event; `nowMs` where its latency is known. */
  count(kind: Kind, timeMs: number, nowMs: number | undefined): void {
    const second = this.#at(Math.floor(timeMs / 1_000));
    if (kind === 'pages') second.pages++;
    if (kind !== 'items') return;
    second.items++;
    if (nowMs === undefined) return;
    // Clocks of two machines differ: what seems to come from the future has just come.
    const latency = Math.max(0, nowMs - timeMs);
    second.latencies++;
    second.latencySum += latency;
    second.latencyMax = Math.max(second.latencyMax, latency);
  }

  /** Notes how many URLs wait. */
  noteQueue(queued: number, nowMs: number): void {
    this.#at(Math.floor(nowMs / 1_000)).queued = queued;
  }

  /** Mean latency of the newest second that has one. */
  get latencyMs(): number | undefined {
    for (let second = this.#newest; second > this.#newest - 10; second--) {
      const { latencies = 0, latencySum = 0 } = this.#seconds.get(second) ?? {};
      if (latencies > 0) return latencySum / latencies;
    }
    return undefined;
  }

  /** The window that ends with `nowMs`, or where that is absent with the newest event; without any, now. */
  charts(nowMs: number | undefined): Charts {
    const endMs = nowMs ?? (this.#newest > 0 ? this.#newest * 1_000 : Date.now());
    const last = Math.floor(endMs / 1_000);
    const seconds = Array.from({ length: windowSeconds }, (_, i) => last - windowSeconds + 1 + i);
    const rows = seconds.map((second) => this.#seconds.get(second));
    return {
      pages: [seconds, rows.map((row) => row?.pages ?? 0)],
      items: [seconds, rows.map((row) => row?.items ?? 0)],
      latency: [
        seconds,
        rows.map((row) => (row && row.latencies > 0 ? row.latencySum / row.latencies : null)),
        rows.map((row) => (row && row.latencies > 0 ? row.latencyMax : null)),
      ],
      queue: [seconds, rows.map((row) => row?.queued ?? null)],
    };
  }

  #at(number: number): Second {
    let second = this.#seconds.get(number);
    if (second !== undefined) return second;
    second = { pages: 0, items: 0, latencySum: 0, latencyMax: 0, latencies: 0 };
    this.#seconds.set(number, second);
    this.#newest = Math.max(this.#newest, number);
    const oldest = this.#newest - 2 * windowSeconds;
    if (this.#seconds.size > 3 * windowSeconds) {
      for (const key of this.#seconds.keys()) if (key < oldest) this.#seconds.delete(key);
    }
    return second;
  }
}
