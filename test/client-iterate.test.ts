import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Subject } from 'rxjs';
import { type Gate, Lock } from '#src/client/gate.js';
import { iterate } from '#src/client/iterate.js';

interface Value {
  readonly n: number;
}

/** A source that somebody iterates over, at most four values of which wait. */
function iterating() {
  const source = new Subject<Value>();
  const told: string[] = [];
  let gate: Gate | undefined;
  const observe = (one: Gate) => {
    gate = one;
    return source;
  };
  const pace = { size: 4, onHeld: () => told.push('held'), onReleased: () => told.push('released') };
  const values = iterate(observe, pace);
  const give = (...numbers: number[]) => {
    for (const n of numbers) source.next({ n });
  };
  const take = async () => (await values.next()).value?.n;
  return { source, values, give, take, told, isOpen: () => gate instanceof Lock && gate.isOpen };
}

const done = { value: undefined, done: true };

describe('iterating over a stream', () => {
  it('holds it up while four wait, until two of them have been taken, and keeps what it gives all the same', async () => {
    const { give, take, told, isOpen } = iterating();
    give(1, 2, 3);
    assert.equal(isOpen(), true);
    give(4, 5);
    assert.equal(isOpen(), false);
    assert.deepEqual([await take(), await take(), isOpen()], [1, 2, false]);
    assert.deepEqual([await take(), isOpen()], [3, true]);
    assert.deepEqual([await take(), await take()], [4, 5]);
    assert.deepEqual(told, ['held', 'released']);
  });

  it('gives values to those who wait, in their order', async () => {
    const { source, give, take } = iterating();
    const waiting = [take(), take(), take()];
    give(1, 2);
    source.complete();
    assert.deepEqual(await Promise.all(waiting), [1, 2, undefined]);
  });

  it('throws an error once, behind what came before it', async () => {
    const { source, values, give, take } = iterating();
    give(1);
    source.error(new Error('lost'));
    assert.equal(await take(), 1);
    await assert.rejects(values.next(), /lost/);
    assert.deepEqual(await values.next(), done);
  });

  it('is over when it is left, whatever still waits', async () => {
    for (const last of ['values', 'an error']) {
      const { source, values, give } = iterating();
      give(1, 2);
      if (last === 'an error') source.error(new Error('lost'));
      assert.deepEqual(await values.return?.(), done);
      assert.deepEqual([await values.next(), source.observed], [done, false]);
    }
  });
});
