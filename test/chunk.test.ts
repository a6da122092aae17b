import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chunkLimits, cutChunks, decodeChunk } from '#src/store/chunk.js';

const place = { offset: 95, time: 1, position: 0 };

test('chunk › each event bears its own id, also where an offset has one digit more than the one before', () => {
  const pending = Array.from({ length: 920 }, (_, i) => ({
    type: i % 3 === 0 ? 'page' : 'quote',
    crawl: 'a',
    tail: Buffer.from(`,"data":${i}}`),
  }));
  const batches = cutChunks('ab12', place, pending).map(({ chunk, value }) => decodeChunk(chunk.offset, value).events);
  const events = batches.flatMap((batch) =>
    [...batch].map((event, i) => ({ ...event, json: event.json, frame: batch.frames(i, i + 1) })),
  );
  assert.equal(events.length, pending.length);
  for (const [i, { offset, type, frame, json }] of events.entries()) {
    const id = `ab12-${place.offset + i}`;
    const written = `{"specversion":"1.0","id":"${id}","data":${i}}`;
    assert.equal(offset, place.offset + i);
    assert.equal(json.toString(), written);
    assert.equal(frame.toString(), `id: ${id}\nevent: ${type}\ndata: ${written}\n\n`);
  }
});

test('chunk › none has more events, or begins another when it has more bytes, than its limits say', () => {
  const event = (bytes: number) => ({ type: 'quote', crawl: 'a', tail: Buffer.alloc(bytes) });
  const countsOf = (pending: ReturnType<typeof event>[]) =>
    cutChunks('ab12', place, pending).map(({ chunk }) => chunk.count);
  const { events, bytes } = chunkLimits;
  assert.deepEqual(countsOf(Array.from({ length: 2 * events + 1 }, () => event(0))), [events, events, 1]);
  assert.deepEqual(countsOf([bytes - 1, 9 * bytes, 1, bytes, 1].map(event)), [2, 2, 1]);
});

test('chunk › bytes that are cut short anywhere are damaged', () => {
  const [{ value } = assert.fail()] = cutChunks('ab12', place, [{ type: 'page', crawl: 'a', tail: Buffer.from('}') }]);
  for (let length = 0; length < value.length; length += 1) {
    assert.throws(() => decodeChunk(place.offset, value.subarray(0, length)), { code: 'data.corrupt' });
  }
});
