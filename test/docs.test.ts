/** Keeps the documents true: what can be checked against the code is. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { parseSpider, spiderJsonSchema } from '#src/crawl/spider.js';
import { type ErrorCode, errorFacts, errorTable } from '#src/errors.js';
import { filesIn, manifest, textOf } from './support/repository.js';

/** First cells of a document's table rows, without their backquotes. */
function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => /^\| /.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const isCode = (cell = '') => /^`[^`]+`$/.test(cell);
const bare = (cell = '') => cell.replaceAll('`', '');

/** The part of a document under one heading. */
function sectionOf(document: string, heading: string): string {
  const [, rest = ''] = textOf(document).split(`\n${heading}\n`);
  return rest.split(/\n#+ /)[0] ?? '';
}

/** The words of a union of texts in the source, which is a type and leaves nothing behind. */
function unionOf(name: string): string[] {
  const [, union = ''] = new RegExp(`export type ${name} =([^;]+);`).exec(textOf('src/events.ts')) ?? [];
  return [...union.matchAll(/'([^']+)'/g)].map(([, word = '']) => word);
}

test('docs › every error code is listed, with what it means and how it is answered, and no other', () => {
  const listed = rowsOf(textOf('docs/errors.md'))
    .filter(([code]) => isCode(code) && code !== '`http.NNN`')
    .map(([code, title, answer]) => [bare(code), title, answer]);
  const wanted = Object.keys(errorTable).map((code) => {
    const { title, status, retryable = false } = errorFacts(code as ErrorCode); // the table's own keys
    const isNoAnswer = /^((port|data)\.|store\.un|limit\.files$)/.test(code);
    return [code, title, isNoAnswer ? undefined : status !== undefined ? String(status) : retryable ? 'yes' : 'no'];
  });
  const byCode = (a: (string | undefined)[], b: (string | undefined)[]) => String(a[0]).localeCompare(String(b[0]));
  assert.deepEqual(listed.sort(byCode), wanted.sort(byCode));
});

for (const [type, heading] of [
  ['SkipReason', '## `page.skipped`'],
  ['GapReason', '## `log.gap`'],
] as const) {
  test(`docs › every ${type} is explained, and no other`, () => {
    const rows = rowsOf(sectionOf('docs/events.md', heading).split('\n| reason | |\n')[1] ?? '');
    assert.deepEqual(rows.flatMap(([cell]) => (isCode(cell) ? [bare(cell)] : [])).sort(), unionOf(type).sort());
  });
}

test('docs › every type of event has its heading, and no other', () => {
  const source = textOf('src/events.ts');
  const [, body = ''] = /export interface EventData \{([\s\S]*?)\n\}/.exec(source) ?? [];
  const types = [...body.matchAll(/^ {2}'?([\w.]+)'?:/gm)].map(([, type = '']) => type);
  const headings = [...textOf('docs/events.md').matchAll(/^## (`.*)$/gm)].flatMap(([, heading = '']) =>
    heading.split(', ').map(bare),
  );
  assert.deepEqual(headings.sort(), types.sort());
});

test('docs › every setting of a spider is explained with its default, and no other', () => {
  const rows = rowsOf(sectionOf('docs/spiders.md', '## Settings')).filter(([cell]) => isCode(cell));
  const spider = parseSpider({ name: 's', start: ['http://site.test/'], items: {} });
  const properties = propertiesOf(spiderJsonSchema(), 'settings');
  assert.deepEqual(rows.map(([cell]) => bare(cell)).sort(), properties.sort());
  for (const [name = '', told = ''] of rows.map((row) => row.map(bare))) {
    const value: unknown = Reflect.get(spider.settings, name);
    if (typeof value === 'number') assert.equal(Number(told), name === 'timeout' ? value / 1_000 : value, name);
    if (typeof value === 'boolean') assert.equal(told, String(value), name);
  }
});

test('docs › every field of a spider is explained, and no other', () => {
  const [head = ''] = textOf('docs/spiders.md').split('\n## ');
  const rows = rowsOf(head).filter(([cell]) => isCode(cell));
  assert.deepEqual(rows.map(([cell]) => bare(cell)).sort(), propertiesOf(spiderJsonSchema()).sort());
});

function propertiesOf(schema: unknown, ...path: string[]): string[] {
  const at = ['properties', ...path.flatMap((name) => [name, 'properties'])];
  const found = at.reduce<unknown>(
    (holder, name) => (typeof holder === 'object' && holder !== null ? Reflect.get(holder, name) : undefined),
    schema,
  );
  return Object.keys(typeof found === 'object' && found !== null ? found : {});
}

test('docs › every option of serve is in the README, and no other', () => {
  const help = execFileSync(process.execPath, ['dist/cli.js', 'serve', '--help'], { encoding: 'utf8' });
  const options = [...help.matchAll(/^ {2}(--[\w-]+)/gm)].map(([, option = '']) => option);
  const rows = rowsOf(sectionOf('README.md', '## Options of `serve`'));
  const listed = rows.flatMap(([cell]) => (isCode(cell) ? [bare(cell)] : []));
  assert.deepEqual(listed.sort(), options.sort());
});

test('docs › the spider of the README is one, and the same in both formats', () => {
  const readme = textOf('README.md');
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(readme) ?? [];
  assert.deepEqual(parseSpider(parseYaml(yaml)), parseSpider(JSON.parse(json)));
});

test('docs › every example that calls itself JSON is', () => {
  for (const file of documents) {
    for (const [, example = ''] of textOf(file).matchAll(/```json\n([\s\S]*?)```/g)) JSON.parse(example);
  }
});

test('docs › every dependency is accounted for, and no other', () => {
  const names = rowsOf(textOf('docs/dependencies.md')).flatMap(([cell = '']) => cell.split(', '));
  const listed = names.filter((name) => name !== 'package' && !/^-+$/.test(name));
  assert.deepEqual(listed.sort(), Object.keys(manifest().dependencies).sort());
});

const documents = ['README.md', 'CHANGELOG.md', 'src/README.md', ...filesIn('docs', '.md')];

test('docs › every link to a file leads to one', () => {
  for (const file of documents) {
    for (const [, target = ''] of textOf(file).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const path = new URL(target, new URL(`../${file}`, import.meta.url));
      assert.ok(existsSync(path), `${file}: ${target}`);
    }
  }
});

test('docs › every file that the walk names is there', () => {
  const [walk = ''] = textOf('src/README.md').split('## The rooms');
  const named = [...walk.matchAll(/`((?:[a-z]+\/)?[a-z-]+\.ts)`/g)].map(([, file = '']) => file);
  assert.ok(named.length > 20);
  assert.deepEqual(
    named.filter((file) => !existsSync(new URL(`../src/${file}`, import.meta.url))),
    [],
  );
});
