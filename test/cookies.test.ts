import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCookies } from '#src/crawl/cookies.js';

const url = 'http://a.test/';
const named = (count: number) => Array.from({ length: count }, (_, n) => `c${n}=1`);

test('cookies › a host may have a hundred of them', () => {
  const cookies = createCookies({}, [url]);
  assert.equal(cookies.take(url, named(150)), true);
  assert.equal(cookies.header(url)?.split('; ').length, 100);
  assert.equal(cookies.take(url, ['c200=1']), false);
  assert.equal(cookies.take(url, ['c7=2']), true);
  assert.match(cookies.header(url) ?? '', /\bc7=2\b/);
  assert.equal(cookies.take('http://b.test/', ['c0=1']), true);
});

test('cookies › one that is longer than 4,096 bytes is left out', () => {
  const cookies = createCookies({}, [url]);
  assert.equal(cookies.take(url, [`a=${'x'.repeat(4_094)}`]), true);
  assert.equal(cookies.take(url, [`b=${'x'.repeat(4_095)}`]), false);
});
