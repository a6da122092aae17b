/** What comes and goes: in what it does a `Map`, but what has left it is garbage at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Roster } from '#src/roster.js';
import { collectGarbage } from './support/garbage.js';
import { createRandom } from './support/random.js';

test('roster › does what a Map does', () => {
  for (const keyOf of [(number: number) => number, (number: number) => `key ${number}`]) {
    const random = createRandom(7);
    const model = new Map<string | number, object>();
    const roster = new Roster<string | number, object>();
    for (let next = 0; next < 5_000; next++) {
      const key = keyOf(next);
      const value = { next };
      model.set(key, value);
      roster.set(key, value);
      const one = keyOf(next - random.below(40));
      assert.equal(roster.has(one), model.has(one));
      assert.equal(roster.get(one), model.get(one));
      if (random.chance(0.9)) assert.equal(roster.delete(one), model.delete(one));
      if (random.chance(0.001)) {
        model.clear();
        roster.clear();
      }
      assert.equal(roster.size, model.size);
    }
    assert.deepEqual(roster.values(), [...model.values()]);
  }
});

test('roster › has no keys of its own', () => {
  const roster = new Roster<string, object>();
  assert.equal(roster.get('constructor'), undefined);
  roster.set('__proto__', { is: 'a value' });
  assert.equal(roster.size, 1);
  assert.deepEqual(roster.get('__proto__'), { is: 'a value' });
  assert.equal(roster.get('is'), undefined);
});

test('roster › keeps nothing alive that has left, however old it is itself', () => {
  const roster = new Roster<number, object>();
  const come = (id: number) => roster.set(id, new Array(100).fill(id));
  for (let id = 0; id < 8; id++) come(id);
  for (let age = 0; age < 3; age++) collectGarbage({ type: 'minor' });
  const before = process.memoryUsage().heapUsed;
  for (let id = 8; id < 40_000; id++) {
    come(id);
    roster.delete(id - 8);
    if (id % 500 === 0) collectGarbage({ type: 'minor' });
  }
  const heldMb = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  assert.ok(heldMb < 5, `a Map holds 20 MB of them, and this holds ${heldMb.toFixed(1)}`);
});
