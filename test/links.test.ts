import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FollowRule, fillTemplate } from '#src/crawl/links.js';
import { parseSpider } from '#src/crawl/spider.js';
import { startSite } from '#src/site/site.js';
import { startCrawler, startWeb } from './support/crawling.js';
import { extract } from './support/page.js';

const html = `<a href=/a data-u=/b class=x>t & ü</a><b data-n="7"> 41 </b><p><a href=/c rel=nofollow>c</a></p><i></i>`;

const rules: [title: string, rule: FollowRule, url: string | undefined][] = [
  ['a selector leads to href', 'a.x', '/a'],
  ['a rule alone as well', { css: 'a.x' }, '/a'],
  ['a rule finds the link inside', { css: 'p' }, '/c'],
  ['an attribute', { css: 'a', attr: 'DATA-u' }, '/b'],
  ['the text in a URL, percent-encoded', { css: 'a.x', url: '/s?q={value}&v=1' }, '/s?q=t%20%26%20%C3%BC&v=1'],
  ['an attribute in a URL', { css: 'b', attr: 'data-n', url: 'p/{value}/{value}' }, '/dir/p/7/7'],
  ['the next number', { css: 'b', url: '?page={value+1}' }, '/dir/page.html?page=42'],
  ['the number before', { css: 'b', url: '?page={value-41}' }, '/dir/page.html?page=0'],
  ['nothing follows what is no number', { css: 'a', url: '?page={value+1}' }, undefined],
  ['nothing is in an empty element', { css: 'i', url: '/{value}' }, undefined],
  ['an attribute that is missing', { css: 'i', attr: 'x', url: '/{value}' }, undefined],
];
for (const [title, rule, url] of rules) {
  test(`links › ${title}`, () => {
    const [link] = extract(html, { follow: [rule] }).links;
    assert.equal(link?.url, url && `http://site.test${url}`);
  });
}

for (const [where, inside] of [
  ['beside a template, whose content is no part of the page', '<template><a href=/t>t</a></template><a href=/x>x</a>'],
  ['in an area of a map', '<map><area href=/x></map>'],
  ['behind an anchor that leads nowhere', '<a name=top></a><i><a href=/x>x</a></i>'],
] as const) {
  test(`links › that of an element is found ${where}`, () => {
    const { links } = extract(`<div>${inside}</div>`, { follow: ['div'] });
    assert.deepEqual(
      links.map(({ url }) => url),
      ['http://site.test/x'],
    );
  });
}

test('links › half a character in a value is written as what cannot be read', () => {
  assert.equal(fillTemplate('/{value}', 'a\ud800b'), '/a%EF%BF%BDb');
  assert.equal(fillTemplate('/{value}', '\ud83d\ude00'), '/%F0%9F%98%80');
});

test('links › of a value that is too long there is as much as makes the URL too long', () => {
  assert.equal(fillTemplate('/{value}', 'x'.repeat(1_000_000))?.length, 2_002);
});

test('links › a priority goes with its links', () => {
  const { links } = extract(html, { follow: [{ css: 'a.x', priority: 5 }, 'p > a'] });
  assert.deepEqual(
    links.map(({ priority, nofollow }) => [priority, nofollow]),
    [
      [5, false],
      [undefined, true],
    ],
  );
});

for (const [rule, complaint] of [
  [{ css: 'a', url: '/x' }, /follow\.0.*\{value\}/],
  [{ css: 'a', what: 1 }, /follow\.0/],
  [{ attr: 'href' }, /follow\.0/],
] as const) {
  test(`links › ${JSON.stringify(rule)} is refused`, () => {
    assert.throws(() => parseSpider({ name: 'x', start: ['http://a/'], items: {}, follow: [rule] }), complaint);
  });
}

test('links › an API is followed from page to page by its numbers', async () => {
  const site = await startSite({ pages: 4, perPage: 3 });
  await using crawler = await startCrawler();
  try {
    const { items, of } = await crawler.crawl({
      name: 'api',
      start: [`${site.url}/api/quotes`],
      items: { quote: { each: 'quotes', fields: { quote: 'text' } } },
      follow: [{ css: ':root:has(> has_next:contains(true)) > page', url: '/api/quotes?page={value+1}' }],
    });
    assert.equal(items.length, 12);
    assert.deepEqual(
      of('page').map(({ data }) => new URL(data.url).search),
      ['', '?page=2', '?page=3', '?page=4'],
    );
  } finally {
    await site.close();
  }
});

test('links › those of a higher priority are fetched first', async () => {
  await using web = await startWeb((_, response) => {
    const list = [1, 2, 3, 4].map((n) => `<a href=/low${n}>x</a><b><a href=/high${n}>x</a></b>`).join('');
    response.writeHead(200, { 'content-type': 'text/html' }).end(list);
  });
  await using crawler = await startCrawler();
  await crawler.crawl({
    name: 'x',
    start: [`${web.url}/`],
    items: {},
    follow: ['a', { css: 'b a', priority: 1 }],
    settings: { concurrency: 1 },
  });
  assert.deepEqual(
    web.requests.slice(1).map((request) => request.slice(5, -1)),
    ['high', 'high', 'high', 'high', 'low', 'low', 'low', 'low'],
  );
});
