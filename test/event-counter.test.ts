import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChunkReader, Occurrences } from './bench/support/event-counter.js';

const payload = 'retry: 1000\nid: e-0\n\nid: e-1\nevent: quote\ndata: {}\n\nid: e-2\nevent: page\ndata: {}\n\n';

/** A chunked answer, its payload cut where the sizes say. */
function answerOf(sizes: readonly number[]): Buffer {
  let text = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  let at = 0;
  for (const size of [...sizes, payload.length]) {
    const piece = payload.slice(at, at + size);
    if (piece !== '') text += `${piece.length.toString(16)}\r\n${piece}\r\n`;
    at += size;
  }
  return Buffer.from(text);
}

test('event counter › counts the same in whatever chunks and pieces a stream comes', () => {
  for (const sizes of [[], [64], [26, 1, 1, 1, 5], [33, 17]]) {
    const answer = answerOf(sizes);
    for (let step = 1; step <= answer.length; step++) {
      const events = new Occurrences('\nevent: ');
      const quotes = new Occurrences('\nevent: quote\n');
      let text = '';
      const reader = new ChunkReader((bytes) => {
        text += bytes.toString();
        for (const counter of [events, quotes]) counter.push(bytes);
      });
      for (let at = 0; at < answer.length; at += step) reader.push(answer.subarray(at, at + step));
      assert.equal(text, payload);
      assert.deepEqual([events.count, quotes.count], [2, 1], `chunks of ${sizes}, pieces of ${step}`);
    }
  }
});

test('event counter › an answer that is no stream is an error', () => {
  const reader = new ChunkReader(() => {});
  assert.throws(() => reader.push(Buffer.from('HTTP/1.1 404 Not Found\r\n\r\n')), /404/);
});
