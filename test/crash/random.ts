/** Chance that can be had again: the same seed, the same numbers. */

/** A source of chance. */
export interface Random {
  /** A number from 0 up to, but not including, `below`; not a whole one. */
  number(below: number): number;
  /** A whole number between two, both included. */
  whole(from: number, to: number): number;
  pick<const Value>(values: readonly [Value, ...Value[]]): Value;
}

/** Makes a source of chance (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  return {
    number: (below) => next() * below,
    whole,
    pick: (values) => values[whole(0, values.length - 1)] ?? values[0],
  };
}
