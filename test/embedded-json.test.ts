import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ItemRule } from '#src/crawl/extraction.js';
import { startSite } from '#src/site/site.js';
import { startCrawler, startWeb } from './support/crawling.js';
import { extract } from './support/page.js';

const inScript = (script: string, rule: Partial<ItemRule> & Pick<ItemRule, 'fields'>) =>
  extract(`<html><body><script src=x></script><script>${script}</script><p>behind</p>`, {
    items: { x: { from: { css: 'script', after: 'data =' }, ...rule } },
  });

test('embedded json › each entry of a list is an item', () => {
  const { data } = inScript('var data = [{"a":"]}\\"<b>"},{"a":2}]; for (;;) {}', { fields: { a: 'a' } });
  assert.deepEqual(data, [{ a: ']}"<b>' }, { a: '2' }]);
});

test('embedded json › an object is one item', () => {
  assert.deepEqual(inScript('data = {"item":{"a":1}}', { fields: { a: 'item > a' } }).data, [{ a: '1' }]);
  assert.deepEqual(inScript('data = {"id":1234567890123456789}', { fields: { id: 'id' } }).data, [
    { id: '1234567890123456789' },
  ]);
});

test('embedded json › each and links work in it', () => {
  const { data } = inScript('data = {"list":[{"u":"x"},{"u":"/y"}]}', {
    each: 'list',
    fields: { u: { css: 'u', as: 'url' } },
  });
  assert.deepEqual(data, [{ u: 'http://site.test/dir/x' }, { u: 'http://site.test/y' }]);
});

test('embedded json › brackets and digits of a marker are not the JSON behind it', () => {
  const behind = (script: string, after: string) =>
    inScript(script, { from: { css: 'script', after }, fields: { a: {} } }).data;
  assert.deepEqual(behind('x["data"] = [7]', 'x["data"] ='), [{ a: '7' }]);
  assert.deepEqual(behind('use(data1)', 'data1'), []);
});

for (const [title, script] of [
  ['no marker', 'var x = [{"a":1}]'],
  ['no JSON behind it', 'data = window.x;'],
  ['what is no JSON', 'data = {a: 1}'],
  ['JSON that is cut', 'data = [{"a":"1'],
] as const) {
  test(`embedded json › ${title} is no item`, () => {
    assert.deepEqual(inScript(script, { fields: { a: 'a' } }).data, []);
  });
}

test('embedded json › only the first element with the marker counts', () => {
  const scripts = [1, 2].map((n) => `<script>data = [${n}]</script>`).join('');
  const rule = { from: { css: 'script', after: 'data =' }, fields: { n: {} } };
  assert.deepEqual(extract(scripts, { items: { x: rule } }).data, [{ n: '1' }]);
});

test('embedded json › without a marker it is the whole text, as in linked data', () => {
  const rule = { from: { css: 'script[type="application/ld+json"]' }, fields: { type: '\\@type', name: 'name' } };
  const page = '<script>[0]</script><script type="application/ld+json"> {"@type":"Book","name":"N"} </script>';
  assert.deepEqual(extract(page, { items: { x: rule } }).data, [{ type: 'Book', name: 'N' }]);
});

test('embedded json › linked data is chosen by its text, or in its graph', () => {
  const script = (data: unknown) => `<script type="application/ld+json">${JSON.stringify(data)}</script>`;
  const [list, book] = [
    { '@type': 'List', name: 'L' },
    { '@type': 'Book', name: 'N' },
  ];
  const css = 'script[type="application/ld+json"]';
  const byText = { from: { css: `${css}:contains('"Book"')` }, fields: { name: 'name' } };
  assert.deepEqual(extract(script(list) + script(book), { items: { x: byText } }).data, [{ name: 'N' }]);
  const inGraph = { from: { css }, each: '\\@graph:has(> \\@type:contains(Book))', fields: { name: 'name' } };
  const graph = script({ '@graph': [list, book, { '@type': ['Thing', 'Book'], name: 'M' }] });
  assert.deepEqual(extract(graph, { items: { x: inGraph } }).data, [{ name: 'N' }, { name: 'M' }]);
});

test('embedded json › very deep data ends the page, not the thread', () => {
  const script = `data = ${'['.repeat(2_000)}${']'.repeat(2_000)}`;
  assert.throws(() => inScript(script, { fields: {} }), /levels deep/);
});

const strip = '[“”]';
const plainQuotes = {
  quote: { each: 'div.quote', fields: { quote: { css: 'span.text', strip }, author: 'small.author', tags: ['a.tag'] } },
} satisfies Record<string, ItemRule>;
const scriptQuotes = {
  quote: {
    from: { css: 'script', after: 'var data =' },
    fields: { quote: { css: 'text', strip }, author: 'author > name', tags: ['tags'] },
  },
} satisfies Record<string, ItemRule>;

test('embedded json › a crawl reads the quotes in scripts as it does those of the pages', async () => {
  const site = await startSite({ pages: 3 });
  await using crawler = await startCrawler();
  const crawl = (path: string, items: Record<string, object>) =>
    crawler.crawl({
      name: 'x',
      start: [site.url + path],
      items: JSON.parse(JSON.stringify(items)),
      follow: ['li.next a'],
    });
  try {
    const plain = await crawl('/', plainQuotes);
    const script = await crawl('/js/', scriptQuotes);
    assert.equal(script.items.length, 30);
    assert.deepEqual(script.items, plain.items);
  } finally {
    await site.close();
  }
});

const real = '../shared/quotes.toscrape.com';
test('embedded json › the real site says the same in both ways', {
  skip: !existsSync(real) && 'not here',
}, async () => {
  await using web = await startWeb((request, response) => {
    response.setHeader('content-type', 'text/html').end(readFileSync(`${real}${request.url}index.html`));
  });
  await using crawler = await startCrawler();
  const crawl = (path: string, items: Record<string, object>) =>
    crawler.crawl({
      name: 'x',
      start: [web.url + path],
      items: JSON.parse(JSON.stringify(items)),
      follow: ['li.next a'],
    });
  const plain = await crawl('/', plainQuotes);
  const script = await crawl('/js/', scriptQuotes);
  assert.equal(script.items.length, 100);
  assert.deepEqual(script.items, plain.items);
});
