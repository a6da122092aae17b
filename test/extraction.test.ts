import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileExtraction, type ExtractionRules } from '#src/crawl/extraction.js';
import { createExtractor } from '#src/crawl/extractor.js';
import { CrawlcastError } from '#src/errors.js';
import { extract, start, url } from './support/page.js';

const product = `<div class=p id=7><h3> A &amp; <b title="http://u:p&#64;h/@a">B</b><br>C <script>x</script></h3><a href=" /buy?a=1&amp;b=2 " rel=x>Buy</a>
<i>£1,234.50</i><i>none</i><i>−3</i><em>x<u>ü</u>&lt;</em><img src=i.png></div>`;

const fields: [title: string, rule: NonNullable<ExtractionRules['items']>[string]['fields'][string], value: unknown][] =
  [
    ['the text of the first match, trimmed', 'h3', 'A & B\nC'],
    ['null where there is none', 'h4', null],
    ['the texts of all', ['i'], ['£1,234.50', 'none', '−3']],
    ['an empty list where there is none', ['h4'], []],
    ['the element itself without css', { attr: 'id' }, '7'],
    ['an attribute', { css: 'a', attr: 'REL' }, 'x'],
    ['null where the attribute is missing', { css: 'a', attr: 'constructor' }, null],
    ['a number', { css: 'i', as: 'number' }, 1234.5],
    ['all numbers', { css: 'i', all: true, as: 'number' }, [1234.5, -3]],
    ['null where there is no number', { css: 'h3', as: 'number' }, null],
    ['a URL of href', { css: 'a', as: 'url' }, 'http://site.test/buy?a=1&b=2'],
    ['a URL of src', { css: 'img', as: 'url' }, 'http://site.test/dir/i.png'],
    ['a URL of any attribute', { attr: 'id', as: 'url' }, 'http://site.test/dir/7'],
    ['a URL without user and password', { css: 'b', as: 'url', attr: 'title' }, 'http://h/@a'],
    ['the markup inside', { css: 'em', as: 'html' }, 'x<u>ü</u>&lt;'],
    ['the default where nothing is found', { css: 'h4', default: 'D' }, 'D'],
    ['the default instead of an empty list', { css: 'h4', all: true, default: ['D'] }, ['D']],
    ['what strip leaves of the trimmed text', { css: 'h3', strip: '[A&\\n]|B' }, '  C'],
    ['a strip in the older syntax', { css: 'i', strip: '\\£|\\,' }, '1234.50'],
    ['only what is inside', 'body h3', null],
    ['children', '> i', '£1,234.50'],
    [':scope', ':scope.p > i', '£1,234.50'],
    ['the sibling behind', '+ p', 'behind'],
  ];
for (const [title, rule, value] of fields) {
  test(`extraction › a field is ${title}`, () => {
    const rules = { items: { p: { each: 'div.p', fields: { value: rule } } } };
    assert.deepEqual(extract(`<body>${product}<p>behind</p></body>`, rules).data, [{ value }]);
  });
}

const numbers: [text: string, value: number | null][] = [
  ['Price12.50', 12.5],
  ['Page2 of 3', 2],
  ['page-2', 2],
  ['SKU-123', 123],
  ['$-5', -5],
  ['(-5)', -5],
  ['10-20', 10],
  ['.5e1', 5],
  ['1e3', 1000],
  ['1e999 7', 7],
  ['1,2345', 1],
  ['e-e', null],
];
for (const [text, value] of numbers) {
  test(`extraction › the number in ${text} is ${value}`, () => {
    const rules = { items: { p: { each: 'p', fields: { value: { as: 'number' as const } } } } };
    assert.deepEqual(extract(`<p>${text}</p>`, rules).data, [{ value }]);
  });
}

test('extraction › fields keep their order, whatever their names', () => {
  const rules = JSON.parse('{"items":{"p":{"each":"p","fields":{"z":{},"__proto__":{},"a":{}}}}}');
  assert.equal(extract('<p>x', rules).items[0]?.json, '{"z":"x","__proto__":"x","a":"x"}');
});

test('extraction › without each the whole page is one item', () => {
  const page = start({
    items: { whole: { fields: { title: 'head > title', last: 'p:last-child', ':root': ['body'] } } },
  });
  page.write('<html><head><title>T</title></head><body><p>1<p>2');
  assert.deepEqual(page.data(), []);
  page.end();
  assert.deepEqual(page.data(), [{ title: 'T', last: '2', ':root': ['12'] }]);
});

test('extraction › an item within one of its type waits for the outer one', () => {
  const page = start({ items: { x: { each: '.x', fields: { text: {} } }, b: { each: 'b', fields: { text: {} } } } });
  page.write('<div><p class=x>0</p><div class=x>1<div class=x><b>2</b></div>');
  assert.deepEqual(page.data(), [{ text: '0' }, { text: '2' }], 'another type does not wait');
  page.write('</div>');
  assert.deepEqual(page.data().slice(2), [{ text: '12' }, { text: '2' }]);
});

const linkCases: [title: string, html: string, urls: string[]][] = [
  [
    'entities are decoded, white space does not count',
    '<a href=" x?a=1&amp;b=2\n#f ">',
    ['http://site.test/dir/x?a=1&b=2#f'],
  ],
  [
    'the first base counts, and only it',
    '<base><base href="//b.test/c/"><base href="/d/"><a href=x>',
    ['http://b.test/c/x'],
  ],
  ['a relative base', '<base href="../c/"><a href=x>', ['http://site.test/c/x']],
  ['a base that is no place does not count', '<base href="data:,x"><a href=x>', ['http://site.test/dir/x']],
  ['what is no URL is told as it is written', '<a href="http://a b/">', ['http://a b/']],
  ['other schemes are told too', '<a href="MAILTO:a@b">', ['mailto:a@b']],
  [
    'areas, frames and <link rel=next>',
    '<area href=1><iframe src=2></iframe><link rel=next href=3>',
    ['1', '2', '3'].map((x) => `http://site.test/dir/${x}`),
  ],
  [
    'the first link inside',
    '<nav><b><a name=x>0</a><a href=1></a><a href=2></a></b></nav>',
    ['http://site.test/dir/1'],
  ],
  ['none', '<nav><a>x</a></nav>', []],
  [
    'comments and templates have none',
    '<!-- <a href=1> --><template><base href="//c.test"><a href=2></a></template>',
    [],
  ],
  ['noscript has', '<noscript><a href=1></a></noscript>', ['http://site.test/dir/1']],
  ['an element that two selectors match is one link', '<p class=l href=1></p>', ['http://site.test/dir/1']],
];
for (const [title, html, urls] of linkCases) {
  test(`extraction › links: ${title}`, () => {
    const follow = ['body > a', 'area', 'iframe', 'link[rel=next]', 'nav', 'noscript a', 'p', '.l'];
    assert.deepEqual(
      extract(`<body>${html}`, { follow }).links.map((link) => link.url),
      urls,
    );
  });
}

test('extraction › links that are not to be followed are marked', () => {
  const nofollow = (html: string, agent?: string) =>
    extract(html, { follow: ['a'] }, agent === undefined ? {} : { agent }).links.map((link) => link.nofollow);
  const rels = ['nofollow', 'x UGC', 'sponsored y', 'nofollows', 'next'];
  assert.deepEqual(nofollow(rels.map((rel) => `<a href=1 rel="${rel}">`).join('')), [true, true, true, false, false]);
  assert.deepEqual(nofollow('<meta name=ROBOTS content="noindex, NoFollow"><a href=1>'), [true]);
  assert.deepEqual(nofollow('<meta name=crawlcast content=none><a href=1>', 'crawlcast'), [true]);
  assert.deepEqual(nofollow('<meta name=otherbot content=none><a href=1>', 'crawlcast'), [false]);
});

test('extraction › the query of a link is written in the charset of the document', () => {
  const { links } = extract('<a href="é?é">', { follow: ['a'] }, { charset: () => 'windows-1252' });
  assert.deepEqual(links, [{ url: 'http://site.test/dir/%C3%A9?%E9', nofollow: false }]);
});

test('extraction › the first refresh that a reader without scripts is sent by is a link', () => {
  const { links } = extract(
    `<base href=/b/><noscript><meta http-equiv=refresh content="0;/no"></noscript>
    <meta http-equiv=Refresh content="5.9; URL='x'"><meta http-equiv=refresh content="0; url=y"><a href=1>`,
    { follow: ['a'] },
  );
  assert.deepEqual(links, [
    { url: 'http://site.test/b/1', nofollow: false },
    { url: 'http://site.test/b/x', nofollow: false, refresh: true },
  ]);
});

test('extraction › pages that come at the same time do not meet', () => {
  const rules = compileExtraction({ items: { x: { each: 'p', fields: { b: ':scope > b:last-child', c: 'i ~ b' } } } });
  const found: string[][] = [[], []];
  const pages = found.map((list) =>
    createExtractor(rules, { url, onItem: ({ json }) => list.push(json), onLink() {} }),
  );
  for (const piece of ['<div><p>', '<b>1</b>', '<i></i><b>', '2</b>', '</p></div>']) {
    for (const page of pages) page.write(piece);
  }
  assert.deepEqual(found, [['{"b":"2","c":"2"}'], ['{"b":"2","c":"2"}']]);
});

const bad: [title: string, rules: ExtractionRules, message: RegExp][] = [
  ['a bad selector of items', { items: { x: { each: 'a[', fields: {} } } }, /"a\["/],
  ['a bad selector of a field', { items: { x: { each: 'a', fields: { f: 'b:nope' } } } }, /"b:nope"/],
  ['a bad selector of links', { follow: ['a', ''] }, /""/],
  ['two selectors in brackets', { items: { x: { fields: { f: ['a', 'b'] } } } }, /field f/],
  ['a bad pattern', { items: { x: { fields: { f: { strip: '(' } } } } }, /field f.*strip/],
  ['a type of the service', { items: { page: { fields: {} } } }, /"page"/],
];
for (const [title, rules, message] of bad) {
  test(`extraction › ${title} is refused`, () => {
    assert.throws(
      () => compileExtraction(rules),
      (error) => error instanceof CrawlcastError && error.code === 'spider.invalid' && message.test(error.message),
    );
  });
}
