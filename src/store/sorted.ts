/** A map that keeps its keys in order. */

const segmentSize = 512;

interface Segment<Value> {
  readonly keys: string[];
  readonly values: Value[];
}

/** Keys and values in the order of the keys, in segments so that an insertion moves little; an empty one is small. */
export class SortedMap<Value> {
  readonly #segments: Segment<Value>[] = [];

  get(key: string): Value | undefined {
    const segment = this.#segments[this.#segmentOf(key)];
    if (segment === undefined) return undefined;
    const at = lowerBound(segment.keys, key);
    return segment.keys[at] === key ? segment.values[at] : undefined;
  }

  set(key: string, value: Value): void {
    if (this.#segments.length === 0) this.#segments.push({ keys: [], values: [] });
    const index = this.#segmentOf(key);
    // There is one by now.
    const { keys, values } = this.#segments[index] as Segment<Value>;
    const at = lowerBound(keys, key);
    if (keys[at] === key) values[at] = value;
    else {
      keys.splice(at, 0, key);
      values.splice(at, 0, value);
    }
    if (keys.length <= segmentSize) return;
    // A full last segment is cut near its end: keys mostly come in order, and then segments stay well filled.
    const cut = index === this.#segments.length - 1 ? segmentSize - 1 : segmentSize / 2;
    this.#segments.splice(index + 1, 0, { keys: keys.splice(cut), values: values.splice(cut) });
  }

  delete(key: string): void {
    const index = this.#segmentOf(key);
    const segment = this.#segments[index];
    const at = segment === undefined ? -1 : lowerBound(segment.keys, key);
    if (segment?.keys[at] !== key) return;
    segment.keys.splice(at, 1);
    segment.values.splice(at, 1);
    if (segment.keys.length === 0) this.#segments.splice(index, 1);
  }

  /** The entry with the least key. */
  first(): [string, Value] | undefined {
    return entryOf(this.#segments[0], 0);
  }

  /** Entries from a key on, in order. */
  *from(key: string): Generator<[string, Value]> {
    let index = this.#segmentOf(key);
    let at = lowerBound(this.#segments[index]?.keys ?? [], key);
    for (; index < this.#segments.length; index += 1, at = 0) {
      for (let entry = entryOf(this.#segments[index], at); entry; entry = entryOf(this.#segments[index], at)) {
        yield entry;
        at += 1;
      }
    }
  }

  /** The entry with the greatest key below this one. */
  before(key: string): [string, Value] | undefined {
    const index = this.#segmentOf(key);
    const segment = this.#segments[index];
    const below = entryOf(segment, lowerBound(segment?.keys ?? [], key) - 1);
    const previous = this.#segments[index - 1];
    return below ?? entryOf(previous, (previous?.keys.length ?? 0) - 1);
  }

  /** The last segment that begins at or below the key; the first one where none does. */
  #segmentOf(key: string): number {
    let low = 0;
    let high = Math.max(0, this.#segments.length - 1);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#segments[middle]?.keys[0] ?? '') <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function entryOf<Value>(segment: Segment<Value> | undefined, at: number): [string, Value] | undefined {
  const key = segment?.keys[at];
  // Every key has its value, at the same place.
  return key === undefined ? undefined : [key, segment?.values[at] as Value];
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
