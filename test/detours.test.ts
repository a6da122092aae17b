import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Detours } from '#src/crawl/detours.js';
import type { FetchOptions } from '#src/crawl/messages.js';
import type { Lease } from '#src/store/store.js';

const url = 'http://a.test/';
const lease: Lease = { url, crawl: 'x', fingerprint: 'f', host: 'http://a.test', depth: 0, begun: false };
const optionsWith = (headers: FetchOptions['headers']): FetchOptions => ({
  userAgent: 'x',
  headers,
  timeoutMs: 1,
  totalTimeoutMs: 1,
  maxBytes: 1,
  publicOnly: false,
});

test('detours › a page is told by its request, as long as somebody waits for it', () => {
  const detours = new Detours();
  const bare = detours.through(lease);
  detours.ask(lease, optionsWith({}));
  assert.deepEqual(detours.through(lease), bare);
  detours.ask(lease, optionsWith({ cookie: 'a=1' }));
  assert.notDeepEqual(detours.through(lease), bare);
  assert.deepEqual(detours.through({ ...lease, via: ['before'] }), ['before', ...detours.through(lease)]);
  detours.forget(lease);
  assert.deepEqual(detours.through(lease), bare);
});
