/** What was used last: held against a list that is written out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Recent } from '#src/recent.js';
import { createRandom } from './support/random.js';

test('recent › keeps what was used last, and finds the newest of several', () => {
  const random = createRandom(11);
  const recent = new Recent<{ number: number; version: number }>(8);
  let model: { number: number; version: number }[] = [];
  for (let version = 0; version < 20_000; version++) {
    const number = random.below(20);
    if (random.chance(0.3)) {
      const thing = { number, version };
      recent.add(thing);
      model = [...model.slice(-7), thing];
    } else {
      const wanted = model.findLast((thing) => thing.number === number);
      assert.equal(
        recent.find((thing) => thing.number === number),
        wanted,
      );
      if (wanted !== undefined) model = [...model.filter((thing) => thing !== wanted), wanted];
    }
  }
});
