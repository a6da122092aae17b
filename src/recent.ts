/** The few things that were used last. */

/** Few, because each is looked at until one is found; `roster.ts` says why they are in no `Map`. */
export class Recent<Thing> {
  /** The least recently used first. */
  readonly #things: Thing[] = [];

  /** @param max how many are kept */
  constructor(private readonly max: number) {}

  /** The most recently used one that answers to a description, which is thereby used. */
  find(isIt: (thing: Thing) => boolean): Thing | undefined {
    const at = this.#things.findLastIndex(isIt);
    const thing = this.#things[at];
    if (thing === undefined || at === this.#things.length - 1) return thing;
    this.#things.copyWithin(at, at + 1);
    this.#things[this.#things.length - 1] = thing;
    return thing;
  }

  /** Adds one, in place of the least recently used, which it gives back. */
  add(thing: Thing): Thing | undefined {
    return this.#things.push(thing) > this.max ? this.#things.shift() : undefined;
  }
}
