/** Where in a list of marks one may be: a hash table of eight bytes an entry, which the collector of garbage need not look at. */

/** Parts that grow each for itself, so that nobody ever waits until all has moved. */
const parts = 256;

/** Places of a part at least. */
const leastPlaces = 16;

/** How many places are taken before there have to be more, and how many times as many there are then. */
const maxLoad = 0.85;
const growth = 1.25;

/** Open addressing: a number is at the first free place behind the one that its hash gives. */
interface Part {
  /** Pairs of a hash and a number, which is one more here: 0 says that the place is free. */
  slots: Uint32Array;
  used: number;
}

const nothing: readonly number[] = [];

/** Numbers by hashes of 32 bits; there may be several under one. */
export class SeenIndex {
  readonly #parts: (Part | undefined)[] = new Array(parts);
  readonly #firstPlaces: number;

  /** @param expected how many numbers will be added soon, so that it need not grow meanwhile */
  constructor(expected = 0) {
    this.#firstPlaces = Math.max(leastPlaces, Math.ceil((expected / parts / maxLoad) * 1.1));
  }

  /** What was added under a hash, the greatest number first. */
  find(hash: number): readonly number[] {
    const part = this.#parts[partOf(hash)];
    if (part === undefined) return nothing;
    const { slots } = part;
    let found: number[] | undefined;
    for (let at = placeOf(hash, slots); ; at = next(at, slots)) {
      const number = slots[at + 1] ?? 0;
      if (number === 0) return found?.sort((one, other) => other - one) ?? nothing;
      if (slots[at] !== hash) continue;
      found ??= [];
      found.push(number - 1);
    }
  }

  add(hash: number, number: number): void {
    const part = this.#partOf(hash);
    if (part.used + 1 > (part.slots.length / 2) * maxLoad) grow(part);
    put(part.slots, hash, number + 1);
    part.used += 1;
  }

  #partOf(hash: number): Part {
    const known = this.#parts[partOf(hash)];
    if (known !== undefined) return known;
    const part = { slots: new Uint32Array(2 * this.#firstPlaces), used: 0 };
    this.#parts[partOf(hash)] = part;
    return part;
  }
}

function grow(part: Part): void {
  const { slots } = part;
  part.slots = new Uint32Array(2 * Math.ceil((slots.length / 2) * growth));
  for (let at = 0; at < slots.length; at += 2) {
    const number = slots[at + 1] ?? 0;
    if (number > 0) put(part.slots, slots[at] ?? 0, number);
  }
}

function put(slots: Uint32Array, hash: number, number: number): void {
  let at = placeOf(hash, slots);
  while (slots[at + 1] !== 0) at = next(at, slots);
  slots[at] = hash;
  slots[at + 1] = number;
}

function partOf(hash: number): number {
  return hash & (parts - 1);
}

/** By the upper bits: the lower ones are the same in all of a part. */
function placeOf(hash: number, { length }: Uint32Array): number {
  return 2 * Math.floor((hash / 2 ** 32) * (length / 2));
}

function next(at: number, { length }: Uint32Array): number {
  return at + 2 === length ? 0 : at + 2;
}
