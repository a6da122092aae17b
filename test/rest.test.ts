import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endRest } from '#src/crawl/rest.js';
import { createTestFrontier } from './support/frontier.js';

const urls = Array.from({ length: 2_500 }, (_, n) => `http://${n % 2 === 0 ? 'a' : 'b'}/${n}`);

test('what is left of a frontier is ended, many at a time', async () => {
  const frontier = createTestFrontier(...urls);
  const ended = new Set<string>();
  let underWay = 0;
  let most = 0;
  await endRest(
    frontier,
    async ({ url }) => {
      underWay++;
      most = Math.max(most, underWay);
      await Promise.resolve();
      underWay--;
      ended.add(url);
    },
    () => true,
  );
  assert.equal(ended.size, urls.length);
  assert.equal(most, 1_000);
});

test('no more of it than while that is wanted', async () => {
  const frontier = createTestFrontier(...urls);
  let ended = 0;
  await endRest(
    frontier,
    async () => {
      ended++;
    },
    () => ended === 0,
  );
  assert.equal(ended, 1_000);
});
