import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, suite, test } from 'node:test';
import { createFetcher } from '#src/crawl/fetcher.js';
import type { FetchOptions } from '#src/crawl/messages.js';
import type { ErrorCode } from '#src/errors.js';
import { outcomeOf, request } from './support/fetching.js';
import { type Answer, drip, startHostile } from './support/hostile.js';

const fetcher = createFetcher();
after(() => fetcher.close());

interface Case {
  readonly title: string;
  /** Bytes to say before the socket is closed, or what to do. */
  readonly answer: string | Answer;
  readonly changes?: Partial<FetchOptions>;
  readonly text?: string;
  readonly error?: ErrorCode;
}

const ok = 'HTTP/1.1 200 OK\r\n';

/** Short, but longer than a busy machine needs to connect. */
const impatient = { timeoutMs: 600 };

const cases: Case[] = [
  { title: 'a body without a length ends with its connection', answer: `${ok}\r\nabc`, text: 'abc' },
  { title: 'an answer of HTTP/1.0 is read', answer: 'HTTP/1.0 200 OK\r\n\r\nold', text: 'old' },
  // bodies
  {
    title: 'D1 a body shorter than its Content-Length is given, then is truncated',
    answer: `${ok}content-length: 10\r\n\r\nabc`,
    text: 'abc',
    error: 'body.truncated',
  },
  {
    title: 'D1 the same where the connection was to be closed anyway',
    answer: `${ok}content-length: 10\r\nconnection: close\r\n\r\nabc`,
    text: 'abc',
    error: 'body.truncated',
  },
  {
    title: 'D1 a body longer than its Content-Length is cut there',
    answer: `${ok}content-length: 3\r\n\r\nabcdef`,
    text: 'abc',
  },
  {
    title: 'D1 a chunk without a valid size is malformed, after what came before',
    answer: `${ok}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\nxyz`,
    text: 'abc',
    error: 'http.malformed',
  },
  {
    title: 'D1 chunks without the last one are truncated',
    answer: `${ok}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`,
    text: 'abc',
    error: 'body.truncated',
  },
  {
    title: 'D1 chunks without the last one are truncated where the connection was to be closed too',
    answer: `${ok}transfer-encoding: chunked\r\nconnection: close\r\n\r\n3\r\nabc\r\n`,
    text: 'abc',
    error: 'body.truncated',
  },
  { title: 'D7 204 has no body', answer: 'HTTP/1.1 204 No Content\r\n\r\n', text: '' },
  { title: 'D7 205 has an empty body', answer: 'HTTP/1.1 205 Reset\r\ncontent-length: 0\r\n\r\n', text: '' },
  {
    title: 'D7 304 has no body, whatever its length says',
    answer: 'HTTP/1.1 304 X\r\ncontent-length: 9\r\n\r\n',
    text: '',
  },
  { title: 'D7 an empty body gives no chunk', answer: `${ok}content-length: 0\r\n\r\n`, text: '' },
  { title: 'D9 a page without a content type is read', answer: `${ok}content-length: 1\r\n\r\nx`, text: 'x' },
  // transport
  { title: 'E1 a head that does not come in time', answer: () => {}, changes: impatient, error: 'timeout.headers' },
  {
    title: 'E1 a head that stops in its middle',
    answer: (socket) => socket.write(`${ok}content-`),
    changes: impatient,
    error: 'timeout.headers',
  },
  {
    title: 'E1 a body that stops gives what came, then times out',
    answer: (socket) => socket.write(`${ok}content-length: 10\r\n\r\nabc`),
    changes: impatient,
    text: 'abc',
    error: 'timeout.body',
  },
  {
    title: 'E1 a body that never stops meets the limit in all',
    answer: (socket) => drip(socket),
    changes: { totalTimeoutMs: 600 },
    error: 'timeout.total',
  },
  {
    title: 'E1 a head that drips byte by byte meets the limit of the head',
    answer: (socket) => dripHead(socket),
    changes: impatient,
    error: 'timeout.headers',
  },
  {
    title: 'E2 a reset before the answer on a fresh connection is not repeated',
    answer: (s) => s.resetAndDestroy(),
    error: 'connect.reset',
  },
  { title: 'E2 a connection closed before the answer is a reset', answer: '', error: 'connect.reset' },
  {
    title: 'E2 a reset within the body gives what came',
    answer: (socket) => {
      socket.write(`${ok}content-length: 10\r\n\r\nabc`, () => setImmediate(() => socket.resetAndDestroy()));
    },
    text: 'abc',
    error: 'body.truncated',
  },
  {
    title: 'E3 a head of 100 KB is too large',
    answer: `${ok}x: ${'y'.repeat(100_000)}\r\n\r\n`,
    error: 'http.headers_too_large',
  },
  // undici's parser allows none; RFC 9112 §5.2 has them deprecated
  { title: 'E3 a folded header is malformed', answer: `${ok}x: one\r\n two\r\n\r\n`, error: 'http.malformed' },
  {
    title: 'E3 ten thousand headers are too large',
    answer: `${ok}${'x-header: y\r\n'.repeat(10_000)}\r\n`,
    error: 'http.headers_too_large',
  },
  {
    title: 'E3 a header of 30 KB is read',
    answer: `${ok}x: ${'y'.repeat(30_000)}\r\ncontent-length: 1\r\n\r\nz`,
    text: 'z',
  },
  {
    title: 'E4 informational answers before the final one are passed over',
    answer: `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${ok}content-length: 2\r\n\r\nok`,
    text: 'ok',
  },
  {
    title: 'E4 101 that nobody asked for is malformed',
    answer: 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    error: 'http.malformed',
  },
  {
    title: 'E4 101 without an upgrade is malformed too',
    answer: 'HTTP/1.1 101 Now What\r\n\r\n',
    error: 'http.malformed',
  },
  { title: 'an answer that is no HTTP is malformed', answer: 'SSH-2.0-OpenSSH_9.6\r\n', error: 'http.malformed' },
  {
    title: 'two lengths that differ are malformed',
    answer: `${ok}content-length: 1\r\ncontent-length: 2\r\n\r\nab`,
    error: 'http.malformed',
  },
];

suite('fetcher against a hostile server', { concurrency: true }, () => {
  for (const { title, answer, changes, text, error } of cases) {
    test(title, async () => {
      const say: Answer = typeof answer === 'string' ? (socket) => socket.end(answer) : answer;
      await using site = await startHostile(say);
      const outcome = await outcomeOf(fetcher, request(site.url, changes));
      assert.equal(outcome.error?.code, error, outcome.error?.message);
      if (text !== undefined) assert.equal(outcome.text, text);
      if (error !== undefined) assert.match(outcome.error?.message ?? '', /127\.0\.0\.1/);
      await site.emptied();
    });
  }
});

function dripHead(socket: Socket): void {
  socket.write(`${ok}x: `);
  const timer = setInterval(() => socket.write('x'), 20);
  socket.once('close', () => clearInterval(timer));
}
