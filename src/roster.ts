/** What is there at the moment, by key: for what comes and goes all the time. */

/**
 * In what it does a `Map`, in the order in which its keys came. But V8 links each table that a `Map` has outgrown to the next one, for
 * iterators that still walk it; one that was moved to the old generation before it was outgrown keeps all that has come since, and left long
 * ago, alive until the next full collection. The tables of a plain object are not linked.
 */
export class Roster<Key extends string | number, Value extends object> {
  #entries: Record<string | number, Value> = Object.create(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(key: Key): boolean {
    return this.#entries[key] !== undefined;
  }

  get(key: Key): Value | undefined {
    return this.#entries[key];
  }

  set(key: Key, value: Value): void {
    if (this.#entries[key] === undefined) this.#size += 1;
    this.#entries[key] = value;
  }

  /** Whether it was there. */
  delete(key: Key): boolean {
    if (this.#entries[key] === undefined) return false;
    this.#size -= 1;
    return Reflect.deleteProperty(this.#entries, key);
  }

  /** Those that are there now: a copy. */
  values(): Value[] {
    return Object.values(this.#entries);
  }

  clear(): void {
    this.#entries = Object.create(null);
    this.#size = 0;
  }
}
