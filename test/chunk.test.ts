import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutChunks, decodeChunk } from '#src/store/chunk.js';

const place = { offset: 95, time: 1, position: 0 };

test('chunk › each event bears its own id, also where an offset has one digit more than the one before', () => {
  const pending = Array.from({ length: 920 }, (_, i) => ({
    type: i % 3 === 0 ? 'page' : 'quote',
    crawl: 'a',
    tail: Buffer.from(`,"data":${i}}`),
  }));
  const events = cutChunks('ab12', place, pending).flatMap(
    ({ chunk, value }) => decodeChunk(chunk.offset, value).events,
  );
  assert.equal(events.length, pending.length);
  for (const [i, { offset, type, bytes, begin, end, json }] of events.entries()) {
    const id = `ab12-${place.offset + i}`;
    const written = `{"specversion":"1.0","id":"${id}","data":${i}}`;
    assert.equal(offset, place.offset + i);
    assert.equal(json.toString(), written);
    assert.equal(bytes.toString('utf8', begin, end), `id: ${id}\nevent: ${type}\ndata: ${written}\n\n`);
  }
});
