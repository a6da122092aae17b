import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseStoreUrl, type StoreUrl } from '#src/store-url.js';

const plain: StoreUrl = { servers: ['host:4222'], tls: false, stream: 'crawlcast', replicas: 1 };

const good: readonly [string, StoreUrl][] = [
  ['nats://host', plain],
  ['NATS://host:4222/', plain],
  ['nats://host:04222', plain],
  ['tls://host', { ...plain, tls: true }],
  ['nats://a:1,b,[::1]:3?replicas=3', { ...plain, servers: ['a:1', 'b:4222', '[::1]:3'], replicas: 3 }],
  ['nats://host?stream=my-log_2', { ...plain, stream: 'my-log_2' }],
  ['nats://me:p%40ss:w%25rd@host', { ...plain, user: 'me', password: 'p@ss:w%rd' }],
  ['nats://t0ken@host', { ...plain, token: 't0ken' }],
];

const bad = [
  ...['', 'host:4222', 'http://host', 'nats:', 'nats://', 'nats://host/path', 'nats://host:0', 'nats://host:99999'],
  ...['nats://host,', 'nats://a b', 'nats://me:secret@', 'nats://me:100%@host', 'nats://secret@secret@host'],
  ...[
    'nats://host?replicas=0',
    'nats://host?replicas=6',
    'nats://host?stream=',
    'nats://host?stream=a.b',
    'nats://host?x=1',
  ],
  ...['nats://host#x'],
];

describe('store URL', () => {
  it('is taken apart', () => {
    for (const [text, expected] of good) assert.deepEqual(parseStoreUrl(text), expected, text);
  });

  it('is refused where it is none, without a word of its secrets', () => {
    for (const text of bad) {
      assert.throws(() => parseStoreUrl(text), { code: 'usage.invalid', message: /^(?!.*(secret|100%@)).*$/ }, text);
    }
  });
});
