import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Credit } from '#src/crawl/credit.js';

test('credit › who has used it up waits for more', async () => {
  const credit = new Credit(1);
  assert.equal(credit.available(), undefined);
  credit.take();
  assert.ok(credit.available(), 'with nothing left');
  credit.take();
  const available = credit.available();
  assert.ok(available);
  let has = false;
  void available.then(() => {
    has = true;
  });
  credit.give();
  await Promise.resolve();
  assert.equal(has, false);
  credit.give();
  await available;
  assert.equal(credit.available(), undefined);
});

test('credit › nobody waits any more when it has ended, however much had been used', async () => {
  const credit = new Credit(1);
  for (let used = 0; used < 5; used++) credit.take();
  const available = credit.available();
  assert.ok(available);
  credit.end();
  await available;
  credit.take();
  assert.equal(credit.available(), undefined);
});
