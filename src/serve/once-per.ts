/**
 * What is made from a value once and kept as long as that value lives. It lies on the value itself: what an old `WeakMap` holds V8 takes for
 * alive whenever it collects the young generation, so that every frame, and the chunk of the log in which its bytes are, would live for a
 * collection longer than anybody needs it.
 */
export function oncePer<Key extends object, Value extends object>(make: (key: Key) => Value): (key: Key) => Value {
  const made: unique symbol = Symbol('made');
  return (key) => {
    const holder: Key & { [made]?: Value } = key;
    holder[made] ??= make(key);
    return holder[made];
  };
}
