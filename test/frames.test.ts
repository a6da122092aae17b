import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Piece } from '#src/serve/filter.js';
import { loosePiece, sseCursor, sseFrames, textFrames } from '#src/serve/frames.js';
import { oncePer } from '#src/serve/once-per.js';

/** Runs of a batch whose events are letters; `read` says what was looked up in it. */
function pieceOf(...runs: [from: number, to: number][]) {
  const read: string[] = [];
  const piece: Piece = {
    batch: {
      frames(from, to) {
        read.push(`${from} to ${to}`);
        return Buffer.from('abcdefgh'.slice(from, to));
      },
      jsonAt(place) {
        read.push(`${place}`);
        return Buffer.from('abcdefgh'.charAt(place));
      },
    },
    runs: runs.map(([from, to]) => ({ from, to })),
    last: 8,
  };
  return { piece, read };
}

describe('frames', () => {
  it('of an event that is in no log are its server-sent event, and its JSON without anything around it', () => {
    const piece = loosePiece('abc-7', 7, 'log.gap', ',"source":"ü","data":{}}');
    const json = '{"specversion":"1.0","id":"abc-7","source":"ü","data":{}}';
    assert.equal(String(sseFrames(piece)), `id: abc-7\nevent: log.gap\ndata: ${json}\n\n`);
    assert.deepEqual(textFrames(piece).map(String), [json]);
    assert.equal(piece.last, 7);
  });

  it('are all events of all runs, and made once for however many readers', () => {
    const { piece, read } = pieceOf([0, 2], [5, 8]);
    const [bytes, texts] = [sseFrames(piece), textFrames(piece)];
    assert.equal(String(bytes), 'abfgh');
    assert.deepEqual(texts.map(String), ['a', 'b', 'f', 'g', 'h']);
    assert.ok(sseFrames(piece) === bytes && textFrames(piece) === texts);
    assert.deepEqual(read, ['0 to 2', '5 to 8', '0', '1', '5', '6', '7']);
  });

  it('that lie together are not copied', () => {
    const { piece } = pieceOf([0, 3]);
    const lying = Buffer.from('abc');
    assert.equal(sseFrames({ ...piece, batch: { ...piece.batch, frames: () => lying } }), lying);
  });

  it('say of a place nothing but its id', () => {
    assert.equal(sseCursor('abc-7'), 'id: abc-7\n\n');
  });
});

describe('what is made once from a value', () => {
  it('is made again for another, and by another maker, and is no key that anybody meets', () => {
    const made: string[] = [];
    const maker = (name: string) =>
      oncePer((of: { id: string }) => {
        made.push(`${name} ${of.id}`);
        return { name };
      });
    const [one, two] = [maker('one'), maker('two')];
    const [a, b] = [{ id: 'a' }, { id: 'b' }];
    for (let time = 0; time < 2; time++) {
      assert.deepEqual([one(a), two(a), one(b)], [{ name: 'one' }, { name: 'two' }, { name: 'one' }]);
    }
    assert.deepEqual(made, ['one a', 'two a', 'one b']);
    assert.equal(JSON.stringify(a), '{"id":"a"}');
  });
});
