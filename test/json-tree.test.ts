import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrawlcastError } from '#src/errors.js';
import { startSite } from '#src/site/site.js';
import { startCrawler, startWeb } from './support/crawling.js';
import { extract, start } from './support/page.js';

const json = { format: 'json' } as const;

test('json › members are elements, lists are elements of their name', () => {
  const text = `{"has_next":true,"quotes":[{"text":"a & <b>","author":{"firstName":"X","name":"A"},"tags":["t","u"],"n":2.5},
    {"text":"two","author":null,"tags":[]}],"style":"plain"}`;
  const rules = {
    items: {
      quote: {
        each: 'quotes',
        fields: {
          quote: 'text',
          author: 'author > name',
          first: 'firstName',
          tags: ['tags'],
          n: { css: 'n', as: 'number' as const },
        },
      },
      whole: { fields: { next: ':root > has_next', style: 'style', none: 'has_NEXT' } },
    },
  };
  assert.deepEqual(extract(text, rules, json).data, [
    { quote: 'a & <b>', author: 'A', first: 'X', tags: ['t', 'u'], n: 2.5 },
    { quote: 'two', author: null, first: null, tags: [], n: null },
    { next: 'true', style: 'plain', none: null },
  ]);
});

const trees: [title: string, text: string, css: string, texts: string[]][] = [
  ['entries of a list at the top are called item', '["a",1,true]', ':root > item', ['a', '1', 'true']],
  ['lists in lists as well', '{"m":[[1,2],[3]]}', 'm > item', ['1', '2', '3']],
  ['and those in these', '{"m":[[[1,2]],[3]]}', 'm > item > item', ['1', '2']],
  ['the root of a list says that it is one', '[1]', ':root[list]', ['1']],
  ['any other root does not', '{"list":1}', ':root[list]', []],
  ['null is an empty element', '{"a":null,"b":[null]}', 'a, b', ['', '']],
  [
    'whole numbers keep all of their digits',
    '{"a":12345678901234567890,"s":"1234567890123456789\\"","b":[-1234567890123456789,1000000000000000000],"c":1.0}',
    'a, s, b, c',
    ['12345678901234567890', '1234567890123456789"', '-1234567890123456789', '1000000000000000000', '1'],
  ],
  ['a value alone is the root', '"x"', ':root', ['x']],
  ['names that are no identifiers can be escaped', '{"@type":"T","a b":1}', '\\@type, a\\ b', ['T', '1']],
  ['names of HTML mean nothing', '{"template":{"br":"x","script":"y"},"base":1}', 'template', ['xy']],
  ['a template is looked into', '{"template":{"br":"x"}}', 'template > br', ['x']],
  ['white space and a list at the start', ' \n\t[{"a":1}]', 'a', ['1']],
  ['names of JavaScript are names', '{"__proto__":{"constructor":"c"}}', '__proto__ > constructor', ['c']],
  ['no text, an empty root', ' ', '*', ['']],
];
for (const [title, text, css, texts] of trees) {
  test(`json › ${title}`, () => {
    const rules = { items: { found: { fields: { texts: [css] as [string] } } } };
    assert.deepEqual(extract(text, rules, json).data[0] ?? { texts: [] }, { texts });
  });
}

test('json › fed by characters and without a type it is the same', () => {
  const page = start({ items: { a: { each: 'a', fields: { text: {} } } } });
  for (const character of ' {"a":["x","<p>y"]}') page.write(character);
  page.end();
  assert.deepEqual(page.data(), [{ text: 'x' }, { text: '<p>y' }]);
});

test('json › links are texts, resolved against the page', () => {
  const { links } = extract('{"next":"?page=2","more":{"href":"x"}}', { follow: ['next', 'more > href'] }, json);
  assert.deepEqual(
    links.map(({ url }) => url),
    ['http://site.test/dir/page.html?page=2', 'http://site.test/dir/x'],
  );
});

for (const [code, text] of [
  ['body.not_html', '{"a":'],
  ['document.too_deep', '['.repeat(100_000) + ']'.repeat(100_000)],
  ['document.too_many_elements', `[${'0,'.repeat(500_000)}0]`],
]) {
  test(`json › ${code} is told of what cannot be read`, () => {
    assert.throws(
      () => extract(text ?? '', {}, json),
      (error) => error instanceof CrawlcastError && error.code === code,
    );
  });
}

test('xml › feeds keep their case, their CDATA and their links', () => {
  const text = `<?xml version="1.0"?><rss><channel><item><title><![CDATA[A & B]]></title><link>/a?x=1&amp;y=2</link>
    <pubDate>now</pubDate><guid/><br/></item></channel></rss>`;
  const fields = { title: 'title', link: { css: 'link', as: 'url' as const }, date: 'pubDate' };
  const { data, links } = extract(text, { items: { post: { each: 'item', fields } }, follow: ['item > link'] });
  assert.deepEqual(data, [{ title: 'A & B', link: 'http://site.test/a?x=1&y=2', date: 'now' }]);
  assert.deepEqual(links, [{ url: 'http://site.test/a?x=1&y=2', nofollow: false }]);
});

test('json › a crawl reads the quotes of an API as it does those of the page', async () => {
  const site = await startSite({ pages: 1 });
  await using crawler = await startCrawler();
  try {
    const strip = '[“”]';
    const plain = await crawler.crawl({
      name: 'plain',
      start: [`${site.url}/`],
      items: {
        quote: {
          each: 'div.quote',
          fields: { quote: { css: 'span.text', strip }, author: 'small.author', tags: ['a.tag'] },
        },
      },
    });
    const api = await crawler.crawl({
      name: 'api',
      start: [`${site.url}/api/quotes`],
      items: {
        quote: { each: 'quotes', fields: { quote: { css: 'text', strip }, author: 'author > name', tags: ['tags'] } },
      },
    });
    assert.equal(api.items.length, 10);
    assert.deepEqual(api.items, plain.items);
  } finally {
    await site.close();
  }
});

test('json › without a type the body says what it is', async () => {
  await using web = await startWeb((_, response) => {
    response.writeHead(200).end('{"a":"ü"}');
  });
  await using crawler = await startCrawler();
  const { items } = await crawler.crawl({
    name: 'x',
    start: [web.url],
    items: { x: { each: 'a', fields: { a: {} } } },
  });
  assert.deepEqual(items, [{ a: 'ü' }]);
});
