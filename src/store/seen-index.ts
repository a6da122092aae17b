/** Where in a list of marks one may be: a hash table of some eight bytes an entry, which the collector of garbage need not look at. */

/** Parts that grow each for itself, so that nobody ever waits until all has moved. */
const parts = 256;

/** Places of a part at least. */
const leastPlaces = 16;

/**
 * How many places are taken before there have to be more, and how many times as many there are then: a look-up passes
 * over some dozens of places, which lie side by side, so that memory is worth more here than time.
 */
const maxLoad = 0.92;
const growth = 1.07;

/** Open addressing: a number is at the first free place behind the one that its hash gives. */
interface Part {
  /** One more than each number: 0 says that the place is free. */
  numbers: Uint32Array;
  /** What of the hash the part does not say already: bits 8 to 23, and bits 24 to 31. */
  middles: Uint16Array;
  uppers: Uint8Array;
  used: number;
}

const nothing: readonly number[] = [];

/** Numbers by hashes of 32 bits; there may be several under one. */
export class SeenIndex {
  readonly #parts: (Part | undefined)[] = new Array(parts);
  readonly #firstPlaces: number;

  /** @param expected how many numbers will be added soon, so that it need not grow meanwhile */
  constructor(expected = 0) {
    this.#firstPlaces = Math.max(leastPlaces, Math.ceil((expected / parts / maxLoad) * growth));
  }

  /** What was added under a hash, the greatest number first. */
  find(hash: number): readonly number[] {
    const part = this.#parts[hash & (parts - 1)];
    if (part === undefined) return nothing;
    const { numbers, middles, uppers } = part;
    const middle = (hash >>> 8) & 0xffff;
    const upper = hash >>> 24;
    let found: number[] | undefined;
    for (let at = placeOf(hash, numbers); ; at = next(at, numbers)) {
      const number = numbers[at] ?? 0;
      if (number === 0) return found?.sort((one, other) => other - one) ?? nothing;
      if (middles[at] !== middle || uppers[at] !== upper) continue;
      found ??= [];
      found.push(number - 1);
    }
  }

  add(hash: number, number: number): void {
    const part = this.#partOf(hash);
    if (part.used + 1 > part.numbers.length * maxLoad) grow(part);
    put(part, hash, number + 1);
    part.used += 1;
  }

  #partOf(hash: number): Part {
    const key = hash & (parts - 1);
    const part = this.#parts[key] ?? { ...placesFor(this.#firstPlaces), used: 0 };
    this.#parts[key] = part;
    return part;
  }
}

function placesFor(count: number): Omit<Part, 'used'> {
  return { numbers: new Uint32Array(count), middles: new Uint16Array(count), uppers: new Uint8Array(count) };
}

function grow(part: Part): void {
  const { numbers, middles, uppers } = part;
  Object.assign(part, placesFor(Math.ceil(numbers.length * growth) + 1));
  for (let at = 0; at < numbers.length; at += 1) {
    const number = numbers[at] ?? 0;
    if (number > 0) put(part, ((uppers[at] ?? 0) << 24) | ((middles[at] ?? 0) << 8), number);
  }
}

function put({ numbers, middles, uppers }: Part, hash: number, number: number): void {
  let at = placeOf(hash, numbers);
  while (numbers[at] !== 0) at = next(at, numbers);
  numbers[at] = number;
  middles[at] = hash >>> 8;
  uppers[at] = hash >>> 24;
}

/** By the upper bits: the lower ones are the same in all of a part. */
function placeOf(hash: number, { length }: Uint32Array): number {
  return Math.floor(((hash >>> 8) / 2 ** 24) * length);
}

function next(at: number, { length }: Uint32Array): number {
  return at + 1 === length ? 0 : at + 1;
}
