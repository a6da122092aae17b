/** A map that keeps its keys in order. */

const segmentSize = 512;

/** Keys and values in the order of the keys, in segments so that an insertion moves little. */
export class SortedMap<Value> {
  readonly #values = new Map<string, Value>();
  readonly #segments: string[][] = [[]];

  get size(): number {
    return this.#values.size;
  }

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: Value): void {
    if (!this.#values.has(key)) this.#insert(key);
    this.#values.set(key, value);
  }

  delete(key: string): void {
    if (!this.#values.delete(key)) return;
    const index = this.#segmentOf(key);
    const segment = this.#segments[index] ?? [];
    segment.splice(lowerBound(segment, key), 1);
    if (segment.length === 0 && this.#segments.length > 1) this.#segments.splice(index, 1);
  }

  /** Entries from a key on, in order. */
  *from(key: string): Generator<[string, Value]> {
    let index = this.#segmentOf(key);
    let at = lowerBound(this.#segments[index] ?? [], key);
    for (; index < this.#segments.length; index += 1, at = 0) {
      const segment = this.#segments[index] ?? [];
      for (; at < segment.length; at += 1) yield this.#entry(segment[at]);
    }
  }

  /** The entry with the greatest key below this one. */
  before(key: string): [string, Value] | undefined {
    const index = this.#segmentOf(key);
    const segment = this.#segments[index] ?? [];
    const below = segment[lowerBound(segment, key) - 1] ?? this.#segments[index - 1]?.at(-1);
    return below === undefined ? undefined : this.#entry(below);
  }

  #entry(key = ''): [string, Value] {
    // Every key in a segment has its value in the map.
    return [key, this.#values.get(key) as Value];
  }

  #insert(key: string): void {
    const index = this.#segmentOf(key);
    const segment = this.#segments[index] ?? [];
    segment.splice(lowerBound(segment, key), 0, key);
    if (segment.length <= segmentSize) return;
    // A full last segment is cut near its end: keys mostly come in order, and then segments stay well filled.
    const cut = index === this.#segments.length - 1 ? segmentSize - 1 : segmentSize / 2;
    this.#segments.splice(index + 1, 0, segment.splice(cut));
  }

  /** The last segment that begins at or below the key; the first one where none does. */
  #segmentOf(key: string): number {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#segments[middle]?.[0] ?? '') <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
