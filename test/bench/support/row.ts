/** A row of the table: ours beside another, read in turns in one run. */

/** One turn of one contender. */
export interface Reading {
  readonly value: number;
  /** CPU microseconds for each unit of work. */
  readonly cpuMicros?: number;
  readonly peakRssMb?: number;
}

/** Readings in the order of the rounds. */
export interface Side {
  readonly name: string;
  readonly readings: readonly Reading[];
  /** Why there are none. */
  readonly missing?: string;
}

/** A comparison. */
export interface Row {
  readonly bench: string;
  readonly what: string;
  readonly unit: string;
  readonly ours: Side;
  /** Absent where there is nothing to compare with. */
  readonly other?: Side;
  readonly goal?: Goal;
}

/** What is wanted. */
export interface Goal {
  /** Of our own figure, or of its ratio to the other. */
  readonly of: 'ours' | 'ratio';
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** The middle of some figures; `NaN` of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}

/** Ours to other, round by round: both have met the same weather. */
export function ratios({ ours, other }: Row): number[] {
  return ours.readings.flatMap(({ value }, round) => {
    const against = other?.readings[round]?.value;
    return against === undefined ? [] : [value / against];
  });
}

/** Whether the goal is met; `undefined` where there is none, or nothing to hold against it. */
export function isMet(row: Row): boolean | undefined {
  if (row.goal === undefined) return undefined;
  const value = median(row.goal.of === 'ours' ? row.ours.readings.map((reading) => reading.value) : ratios(row));
  if (Number.isNaN(value)) return undefined;
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = row.goal;
  return value >= atLeast && value <= atMost;
}
