import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ExportFormat, exportFormats, exportItems } from '#src/serve/export.js';
import { openMemoryStore } from '#src/store/memory.js';

async function csvOf(...items: readonly Record<string, unknown>[]): Promise<string> {
  const store = await openMemoryStore();
  const events = items.map((data) => ({
    type: 'quote',
    tail: Buffer.from(`,"type":"quote","data":${JSON.stringify(data)}}`),
  }));
  await store.commit({ crawl: 'a', events });
  const text = Buffer.concat([...exportItems(store, { crawl: 'a', until: store.log.last }, 'csv')]).toString('utf8');
  await store.close();
  return text;
}

test('export › a cell of CSV with any kind of line break is quoted', async () => {
  for (const text of ['a\nb', 'a\rb', 'a\r\nb', 'a,b']) {
    assert.equal(await csvOf({ text, n: 1 }), `text,n\r\n"${text}",1\r\n`);
  }
  assert.equal(await csvOf({ text: 'a "b"' }), 'text\r\n"a ""b"""\r\n');
});

test('export › a cell of CSV is no formula', async () => {
  assert.equal(await csvOf({ text: '=1+1' }), `text\r\n'=1+1\r\n`);
});

test('export › a field may have the name of what every object inherits', async () => {
  const item: Record<string, unknown> = JSON.parse('{"__proto__":"b","constructor":["c","d"]}');
  assert.equal(await csvOf(item), '__proto__,constructor\r\nb,"c, d"\r\n');
  // Another item need not have it.
  assert.equal(await csvOf({ n: 1 }, item), 'n,__proto__,constructor\r\n1,,\r\n,b,"c, d"\r\n');
});

test('export › a truth value in CSV is a word, in a list and alone; nothing is an empty cell', async () => {
  const items = [
    { yes: true, no: false, zero: 0, nothing: null, list: [true, null, 0], deep: { no: false } },
    { yes: '', no: [], zero: -1 },
  ];
  assert.equal(
    await csvOf(...items),
    'yes,no,zero,nothing,list,deep\r\ntrue,false,0,,"true, , 0","{""no"":false}"\r\n,,-1,,,\r\n',
  );
});

test('export › leaves out what is no item of the crawl, wherever it lies, also where nothing else is there', async () => {
  const store = await openMemoryStore();
  const append = (crawl: string, type: string, ...numbers: readonly number[]) => {
    const events = numbers.map((n) => ({ type, tail: Buffer.from(`,"type":"${type}","data":{"n":${n}}}`) }));
    return store.commit({ crawl, events });
  };
  const textOf = (format: ExportFormat, until = store.log.last) =>
    Buffer.concat([...exportItems(store, { crawl: 'a', until }, format)]).toString('utf8');
  const all = (until?: number) => exportFormats.map((format) => textOf(format, until));
  assert.deepEqual(all(), ['[]', '', ''], 'nothing of the crawl');
  // Each a batch by itself.
  await append('a', 'crawl.started', 1);
  assert.deepEqual(all(), ['[]', '', ''], 'no item');
  await append('b', 'quote', 2);
  await append('a', 'quote', 3, 4);
  await append('a', 'page', 5);
  await append('a', 'quote', 6);
  await append('b', 'quote', 7);
  assert.deepEqual(all(), ['[{"n":3},{"n":4},{"n":6}]', '{"n":3}\n{"n":4}\n{"n":6}\n', 'n\r\n3\r\n4\r\n6\r\n']);
  assert.deepEqual(all(3), ['[{"n":3}]', '{"n":3}\n', 'n\r\n3\r\n'], 'in the midst of a batch');
  await store.close();
});
