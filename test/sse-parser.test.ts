import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Block, SseParser } from '#src/client/sse-parser.js';

function parse(...chunks: string[]): Block[] {
  const parser = new SseParser();
  return chunks.flatMap((chunk) => [...parser.push(chunk)]);
}

const stream =
  'retry: 1000\nid: e-0\n\nid: e-1\nevent: quote\ndata: {"a":\ndata: "é😀"}\n\n: a comment\n\nid:e-2\n\ndata\n\n';
const blocks: Block[] = [{ id: 'e-0' }, { id: 'e-1', data: '{"a":\n"é😀"}' }, { id: 'e-2' }, { data: '' }];

describe('the SSE parser', () => {
  for (const [name, lineEnd] of Object.entries({ LF: '\n', CR: '\r', CRLF: '\r\n' })) {
    const text = stream.replaceAll('\n', lineEnd);

    it(`reads lines that end with ${name}, whole or unit by unit`, () => {
      assert.deepEqual(parse(text), blocks);
      assert.deepEqual(parse(...text.split('')), blocks);
    });

    it(`reads lines that end with ${name}, cut in two anywhere`, () => {
      for (let i = 0; i <= text.length; i++) assert.deepEqual(parse(text.slice(0, i), text.slice(i)), blocks);
    });
  }

  it('gives a block as soon as a bare CR has ended it', () => {
    assert.deepEqual(parse('data: 1\r\r'), [{ data: '1' }]);
    assert.deepEqual(parse('data: 1\r\n\r', '\n'), [{ data: '1' }]);
    assert.deepEqual(parse('data: 1\r', '\n', 'data: 2\n\n'), [{ data: '1\n2' }]);
  });

  for (const [line, expected] of [
    ['data:  two spaces', [{ data: ' two spaces' }]],
    ['data:a:b', [{ data: 'a:b' }]],
    ['data: \u2028', [{ data: '\u2028' }]],
    ['id: a\0b', []],
    ['id', [{ id: '' }]],
    ['unknown: x', []],
    [' data: x', []],
  ] as const) {
    it(`reads ${JSON.stringify(line)} as it is defined`, () => assert.deepEqual(parse(`${line}\n\n`), expected));
  }

  it('gives nothing of a block that has not ended', () => {
    assert.deepEqual(parse('data: 1\n\ndata: 2\n'), [{ data: '1' }]);
  });

  it('reads a line of ten megabytes that comes in small pieces in no time', () => {
    const parser = new SseParser();
    const piece = 'x'.repeat(100);
    let found = 0;
    for (const chunk of ['data: ', ...Array<string>(100_000).fill(piece), '\n\n']) {
      for (const { data } of parser.push(chunk)) found = data?.length ?? 0;
    }
    assert.equal(found, 10_000_000);
  });
});
