/** A map that keeps its keys in order. */

const segmentSize = 512;

type Entry<Value> = readonly [key: string, value: Value];

/** Keys and values in the order of the keys, in segments so that an insertion moves little; an empty one is small. */
export class SortedMap<Value> {
  readonly #segments: Entry<Value>[][] = [];

  get(key: string): Value | undefined {
    const segment = this.#segments[this.#segmentOf(key)] ?? [];
    const entry = segment[lowerBound(segment, key)];
    return entry?.[0] === key ? entry[1] : undefined;
  }

  set(key: string, value: Value): void {
    const index = this.#segmentOf(key);
    const segment = this.#segments[index] ?? [];
    if (segment.length === 0) this.#segments.push(segment);
    const at = lowerBound(segment, key);
    segment.splice(at, segment[at]?.[0] === key ? 1 : 0, [key, value]);
    if (segment.length <= segmentSize) return;
    // A full last segment is cut near its end: keys mostly come in order, and then segments stay well filled.
    const cut = index === this.#segments.length - 1 ? segmentSize - 1 : segmentSize / 2;
    this.#segments.splice(index + 1, 0, segment.splice(cut));
  }

  delete(key: string): void {
    const index = this.#segmentOf(key);
    const segment = this.#segments[index] ?? [];
    const at = lowerBound(segment, key);
    if (segment[at]?.[0] !== key) return;
    segment.splice(at, 1);
    if (segment.length === 0) this.#segments.splice(index, 1);
  }

  /** The entry with the least key. */
  first(): Entry<Value> | undefined {
    return this.#segments[0]?.[0];
  }

  /** Entries from a key on, in order. */
  *from(key: string): Generator<Entry<Value>> {
    let index = this.#segmentOf(key);
    let at = lowerBound(this.#segments[index] ?? [], key);
    for (; index < this.#segments.length; index += 1, at = 0) {
      const segment = this.#segments[index] ?? [];
      for (let entry = segment[at]; entry !== undefined; entry = segment[at]) {
        yield entry;
        at += 1;
      }
    }
  }

  /** The entry with the greatest key below this one. */
  before(key: string): Entry<Value> | undefined {
    const index = this.#segmentOf(key);
    const segment = this.#segments[index] ?? [];
    return segment[lowerBound(segment, key) - 1] ?? this.#segments[index - 1]?.at(-1);
  }

  /** The last segment that begins at or below the key; the first one where none does. */
  #segmentOf(key: string): number {
    let low = 0;
    let high = Math.max(0, this.#segments.length - 1);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#segments[middle]?.[0]?.[0] ?? '') <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function lowerBound(sorted: readonly Entry<unknown>[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.[0] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
