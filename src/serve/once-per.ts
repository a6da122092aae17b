/**
 * Makes something from a value once, and keeps it as long as the value lives. It is kept on the value itself: when V8 collects the young
 * generation, it takes what an old `WeakMap` holds for alive, so that every frame, and the chunk of the log that holds its bytes, would live
 * for one collection longer than anybody needs them.
 */
export function oncePer<Key extends object, Value extends object>(make: (key: Key) => Value): (key: Key) => Value {
  const made: unique symbol = Symbol('made');
  return (key) => {
    const holder: Key & { [made]?: Value } = key;
    holder[made] ??= make(key);
    return holder[made];
  };
}
