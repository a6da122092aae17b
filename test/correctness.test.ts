/** Keeps the table of what a crawl meets whole: each case has tests, and a line in the document. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cases } from './support/cases.js';
import { scenes } from './support/hostile-scenes.js';
import { tables } from './support/hostile-tables.js';
import { textOf } from './support/repository.js';

const titles = [
  ...Object.values(tables).flat(),
  ...scenes,
  ...[...textOf('test/hostile-time.test.ts').matchAll(/^ {2}it\('(.+?)',/gm)].map(([, title = '']) => ({ title })),
].map(({ title }) => title);

const numberOf = (title: string) => /^[A-Z]\d+(?= )/.exec(title)?.[0] ?? title;

test('correctness › each case has a whole crawl that shows it, and each such crawl a case', () => {
  const shown = new Set(titles.map(numberOf));
  assert.deepEqual([...shown].sort(), Object.keys(cases).sort());
});

test('correctness › each crawl has a title of its own', () => {
  assert.deepEqual(
    titles.filter((title, i) => titles.indexOf(title) !== i),
    [],
  );
});

test('correctness › the document lists each case in its order, with what we do about it', () => {
  const rows = [...textOf('docs/correctness.md').matchAll(/^\| ([A-Z]\d+) \| (.+?) \| (.+) \|$/gm)];
  assert.deepEqual(
    rows.map(([, number, title]) => [number, title]),
    Object.entries(cases),
  );
});
