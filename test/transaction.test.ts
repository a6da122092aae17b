import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Assembler, encodeTransaction, readPart, readRows } from '#src/store/transaction.js';

type Rows = Map<string, Buffer | undefined>;

const rows: Rows = new Map([
  ['a', Buffer.from('1')],
  ['gone', undefined],
  ['empty', Buffer.alloc(0)],
  ['ü', Buffer.alloc(1000, 'x')],
  // Its length takes two bytes.
  ['k'.repeat(300), Buffer.from('2')],
]);

/** What a reader makes of messages, one transaction after the other. */
function assemble(messages: readonly Buffer[], assembler = new Assembler()): Rows[] {
  return messages.flatMap((message) => {
    const part = readPart(message);
    assert.ok(part);
    const body = assembler.add(part);
    if (body === undefined) return [];
    const into: Rows = new Map();
    readRows(body, into);
    return [into];
  });
}

describe('transaction', () => {
  it('is the same behind any number of messages', () => {
    for (const maxBytes of [22, 30, 100, 500, 1_000_000]) {
      const messages = encodeTransaction(7n, 6n, rows, maxBytes);
      for (const message of messages) assert.ok(message.length <= maxBytes);
      assert.deepEqual(assemble(messages), [rows]);
      const part = readPart(messages[0] ?? Buffer.alloc(0));
      assert.deepEqual([part?.id, part?.previous, part?.count], [7n, 6n, messages.length]);
    }
    assert.deepEqual(assemble(encodeTransaction(1n, 0n, new Map(), 100)), [new Map()]);
  });

  it('takes no more messages than it fills', () => {
    const [{ length = 0 } = {}] = encodeTransaction(1n, 0n, rows, 1_000_000);
    const counts = [length, length - 1].map((maxBytes) => encodeTransaction(1n, 0n, rows, maxBytes).length);
    assert.deepEqual(counts, [1, 2]);
  });

  it('counts for nothing where another one was written into it', () => {
    const [first = [], second = []] = [encodeTransaction(1n, 0n, rows, 300), encodeTransaction(2n, 0n, rows, 300)];
    const other = encodeTransaction(3n, 0n, new Map([['b', Buffer.from('2')]]), 300);
    const [head = Buffer.alloc(0), ...rest] = first;
    assert.deepEqual(assemble([head, ...other, ...rest]).length, 1);
    assert.deepEqual(assemble([head, ...second]), [rows]);
    assert.deepEqual(assemble([...rest, ...other]).length, 1);
    assert.deepEqual(assemble([head, head, ...rest]), [rows]);
    assert.deepEqual(assemble([head, ...second.slice(1)]), [], 'its end is that of another one');
    assert.deepEqual(assemble([head, ...rest.slice(1)]), [], 'one of its messages is missing');
  });

  it('is forgotten half-way when this process has written itself', () => {
    const messages = encodeTransaction(1n, 0n, rows, 300);
    const assembler = new Assembler();
    assert.deepEqual(assemble(messages, assembler), [rows]);
    assert.equal(assembler.isOpen, false, 'it has ended');
    assert.deepEqual(assemble(messages.slice(0, 2), assembler), []);
    assert.equal(assembler.isOpen, true);
    assembler.reset();
    assert.equal(assembler.isOpen, false);
    assert.deepEqual(assemble(messages.slice(2), assembler), []);
  });

  it('is nothing where the message is of another version, or too short to be one', () => {
    const [message = Buffer.alloc(0)] = encodeTransaction(1n, 0n, rows, 2000);
    message[0] = 1;
    assert.equal(readPart(message), undefined);
    assert.equal(readPart(Buffer.from('hello')), undefined);
    const [whole = Buffer.alloc(0)] = encodeTransaction(1n, 0n, new Map(), 100);
    assert.ok(readPart(whole));
    for (const length of [0, 1, whole.length - 1]) assert.equal(readPart(whole.subarray(0, length)), undefined);
  });
});
