import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { selectAll } from 'css-select';
import type { AnyNode, Element } from 'domhandler';
import { parseDocument } from 'htmlparser2';
import { createDecoder } from '#src/crawl/charset.js';
import { compileExtraction, type ExtractionRules } from '#src/crawl/extraction.js';
import { createExtractor, type ExtractorOptions, type FoundItem } from '#src/crawl/extractor.js';
import { textOf } from '#src/crawl/fields.js';
import type { ExtractedLink } from '#src/crawl/messages.js';
import { CrawlcastError } from '#src/errors.js';

const url = 'http://site.test/dir/page.html';

/** An extractor that keeps what it finds. */
function start(rules: ExtractionRules, options: Partial<ExtractorOptions> = {}) {
  const items: FoundItem[] = [];
  const links: ExtractedLink[] = [];
  const extractor = createExtractor(compileExtraction(rules), {
    url,
    onItem: (item) => items.push(item),
    onLink: (link) => links.push(link),
    ...options,
  });
  return { ...extractor, items, links, data: () => items.map(({ data }) => data) };
}

function extract(html: string, rules: ExtractionRules, options: Partial<ExtractorOptions> = {}) {
  const page = start(rules, options);
  page.write(html);
  return { summary: page.end(), items: page.items, links: page.links, data: page.data() };
}

/** The chunks of a body: sizes come from a small generator of pseudo-random numbers, so that a failure comes back. */
function* cut(body: Buffer, seed: number): Generator<Buffer> {
  let state = seed;
  for (let at = 0; at < body.length; ) {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    const size = seed === 0 ? body.length : seed === 1 ? 1 : 1 + (state % 40);
    yield body.subarray(at, at + size);
    at += size;
  }
}

function extractChunks(body: Buffer, rules: ExtractionRules, seed: number) {
  const decoder = createDecoder(undefined);
  const page = start(rules);
  for (const chunk of cut(body, seed)) page.write(decoder.write(chunk));
  page.write(decoder.end());
  const summary = page.end();
  return { items: page.items, links: page.links, summary };
}

const documents: Record<string, string> = {
  'a plain list': '<ul><li>1<li class=x>2<li><b>3</b></ul>after',
  'nested lists': '<ul><li>1<ul><li>1.1<li>1.2</ul><li>2</ul><ol><li>only</ol>',
  'unclosed paragraphs': '<div><p>one<p class=x>two<div>x</div><p>three</div><p>four',
  'a table without its sections': '<table><tr><td>1<td>2<tr><td class=x>3<td><b>4</b></table><tr><td>5',
  'nested items':
    '<div class=x>a<div class=x>b<b>c</b></div><div>d<div class=x>e</div></div></div><div class=x>f</div>',
  'comments and templates':
    '<div><!-- <p class=x>no</p> --><template><p class=x>no<b>no</b></p></template><p class=x>yes<!-- a --> and<b></b></div>',
  'scripts and CDATA': '<div><script>"<p class=x>"</script><p class=x>a<![CDATA[<b>]]></p><style>p{}</style></div>',
  entities: '<p class=x title="a&amp;b">x &lt;b&gt; &copy; &#233;&eacute &notit; é 日本 😀</p><p>&amp</p>',
  'a heading and what follows':
    '<div><h2>h</h2><p>1</p><p class=x>2</p><h3></h3><p>3</p></div><h2>g</h2><p> </p><b></b>',
  'stray closing tags': '</div><p>a</p></p></b><div><b>x</div></b><li>y</section></p>z',
  'empty elements': '<div><b></b><b> </b><b><!-- c --></b><b>x</b><br><img src=i><i></i></div>',
  'broken off within a tag': '<div class=x><p>a<b>b</b><p>c<a hre',
};

const selectors = [
  ...['.x', 'p', 'li', 'div b', 'ul > li', 'h2 + p', 'h2 ~ p', 'p.x', '[title*="a&b"]', '*'],
  ...['li:first-child', 'p:first-of-type', 'li:nth-child(2)', 'td:nth-child(odd)', 'p:nth-of-type(2)', 'b:root'],
  ...['li:last-child', 'p:last-child', 'td:only-child', 'li:only-child', 'li:nth-last-child(2)', 'p:last-of-type'],
  ...[
    'p:only-of-type',
    'b:nth-last-of-type(2n+1)',
    '*:not(:last-child)',
    ':is(li, p):last-child',
    'p:nth-child(1 of .x)',
  ],
  ...['div:has(b)', 'p:has(+ p)', 'p:has(~ h3)', 'li:has(> b)', 'div:has(> .x:last-child)', ':has(:empty)'],
  ...[
    'ul:has(.x) > li',
    'div:has(h3) p',
    'li:last-child li',
    'div:last-child > b',
    'p:last-child b',
    'tr:last-child td',
  ],
  ...[
    'li:contains("2")',
    'div:contains("c") b',
    ':empty',
    'b:empty',
    'b:not(:empty)',
    ':parent',
    'li:has(ul) > ul > li',
  ],
  ...['p:not(:last-child b)', 'p:not(div:last-child > *)', 'b:empty + b', 'p:last-child + p', 'p:has(+ p.x) + p ~ p'],
  ...[
    'li:last-child, p:first-child',
    '.x:nth-last-child(1 of .x)',
    'b:nth-last-child(2 of :empty)',
    'div:not(:has(p)) *',
  ],
];

const fieldSelectors = {
  all: '*',
  last: ':last-child',
  has: ':has(b)',
  child: '> b',
  before: ':not(:last-child) + *',
  empty: ':empty',
};

/** What the finished document says, by css-select alone. */
function expected(html: string, each: string) {
  const select = (css: string, node: AnyNode) => selectAll<AnyNode, Element>(css, node);
  return select(each, parseDocument(html)).map((element) => ({
    text: textOf(element).trim(),
    ...Object.fromEntries(
      Object.entries(fieldSelectors).map(([name, css]) => [
        name,
        select(css, element).map((found) => textOf(found).trim()),
      ]),
    ),
  }));
}

for (const [name, html] of Object.entries(documents)) {
  test(`extractor › finds in ${name} what css-select finds in the finished document, however it is cut`, () => {
    const fields = Object.fromEntries(Object.entries(fieldSelectors).map(([field, css]) => [field, [css]]));
    for (const each of selectors) {
      const rules = {
        items: { found: { each, fields: { text: {}, ...fields } } },
        follow: [`:is(${each}):is(a, img)`, 'a'],
      };
      const whole = extractChunks(Buffer.from(html), rules, 0);
      // css-select takes the field's selector of an element without parent as absolute: so all have one here.
      const found = extractChunks(Buffer.from(`<body>${html}`), rules, 0).items.map(({ data }) => data);
      assert.deepEqual(found, expected(`<body>${html}`, each), each);
      for (let seed = 1; seed < 5; seed++) {
        assert.deepEqual(extractChunks(Buffer.from(html), rules, seed), whole, `${each}, cut ${seed}`);
      }
    }
  });
}

const quotes: ExtractionRules = {
  items: {
    quote: {
      each: 'div.quote',
      fields: {
        quote: { css: 'span.text', strip: '[“”]' },
        author: 'span small.author',
        tags: ['div.tags a.tag'],
      },
    },
  },
  follow: ['nav ul li.next a'],
};

const site = new URL('../../shared/quotes.toscrape.com/', import.meta.url);
const siteOrSkip = existsSync(site) ? {} : { skip: 'the saved site is not here' };

test('extractor › reads the ten pages of quotes.toscrape.com', siteOrSkip, () => {
  const found: unknown[] = [];
  let next: string | undefined = 'http://quotes.toscrape.com/';
  for (let pages = 0; next !== undefined && pages < 20; pages++) {
    const body = readFileSync(new URL(`.${new URL(next).pathname}index.html`, site), 'utf8');
    const page = extract(body, quotes, { url: next });
    found.push(...page.data);
    next = page.links[0]?.url;
  }
  assert.deepEqual(found, JSON.parse(readFileSync(new URL('expected-results.json', site), 'utf8')));
});

test('extractor › hands an item over as soon as its element has closed', () => {
  const page = start(quotes);
  page.write('<body><div class="quote"><span class="text">“A”</span><span>by <small class="author">B</small></span>');
  assert.deepEqual(page.data(), []);
  page.write('</div>');
  assert.deepEqual(page.data(), [{ quote: 'A', author: 'B', tags: [] }]);
});

test('extractor › hands the next link of an unfinished page over at once', () => {
  const page = start(quotes);
  page.write('<nav><ul><li class="next"><a href="/page/2/">');
  assert.deepEqual(page.links, [{ url: 'http://site.test/page/2/', nofollow: false }]);
});

test('extractor › hands what looks ahead over when its parent has closed', () => {
  const page = start({ items: { last: { each: 'li:last-child', fields: { text: {} } } } });
  page.write('<body><ul><li>1</li><li>2</li>');
  assert.deepEqual(page.data(), []);
  page.write('</ul>');
  assert.deepEqual(page.data(), [{ text: '2' }]);
});

test('extractor › drops what is half when a page breaks off', () => {
  const page = start(quotes);
  page.write('<div class="quote"><span class="text">half');
  page.abort();
  page.write('</span></div>');
  assert.equal(page.end().items, 0);
  assert.deepEqual(page.items, []);
});

for (const [limit, code, html] of [
  [{ maxDepth: 10 }, 'document.too_deep', '<div>'.repeat(11)],
  [{ maxElements: 10 }, 'document.too_many_elements', '<a>'.repeat(11)],
] as const) {
  test(`extractor › stops with ${code} at once`, () => {
    const page = start(quotes, limit);
    page.write(html.slice(0, -1));
    assert.throws(
      () => page.write('>'),
      (error) => error instanceof CrawlcastError && error.code === code,
    );
    assert.equal(page.end().items, 0);
  });
}

test('extractor › three hundred megabytes of <a> end after the first few', () => {
  const page = start({ items: { a: { each: 'a:last-child', fields: { text: {} } } }, follow: ['a'] });
  const chunk = '<a>'.repeat(20_000);
  let chunks = 0;
  assert.throws(() => {
    for (; chunks < 5_000; chunks++) page.write(chunk);
  }, /more than 500000 elements/);
  assert.equal(chunks, 25);
});

test('extractor › selectors that go through long lists of siblings again and again are stopped', () => {
  const page = start({ items: { a: { each: 'a:has(~ b)', fields: {} } } });
  const html = '<i></i><a></a>'.repeat(20_000);
  assert.throws(
    () => {
      page.write(html);
      page.end();
    },
    (error) => error instanceof CrawlcastError && error.code === 'document.too_many_elements',
  );
});

const product = `<div class=p id=7><h3> A &amp; <b>B</b><br>C <script>x</script></h3><a href=" /buy?a=1&amp;b=2 " rel=x>Buy</a>
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
  test(`extractor › a field is ${title}`, () => {
    const rules = { items: { p: { each: 'div.p', fields: { value: rule } } } };
    assert.deepEqual(extract(`<body>${product}<p>behind</p></body>`, rules).data, [{ value }]);
  });
}

test('extractor › fields keep their order, whatever their names', () => {
  const rules = JSON.parse('{"items":{"p":{"each":"p","fields":{"z":{},"__proto__":{},"a":{}}}}}');
  assert.equal(extract('<p>x', rules).items[0]?.json, '{"z":"x","__proto__":"x","a":"x"}');
});

test('extractor › without each the whole page is one item', () => {
  const page = start({
    items: { whole: { fields: { title: 'head > title', last: 'p:last-child', ':root': ['body'] } } },
  });
  page.write('<html><head><title>T</title></head><body><p>1<p>2');
  assert.deepEqual(page.data(), []);
  page.end();
  assert.deepEqual(page.data(), [{ title: 'T', last: '2', ':root': ['12'] }]);
});

test('extractor › an item within one of its type waits for the outer one', () => {
  const page = start({ items: { x: { each: '.x', fields: { text: {} } }, b: { each: 'b', fields: { text: {} } } } });
  page.write('<div><p class=x>0</p><div class=x>1<div class=x><b>2</b></div>');
  assert.deepEqual(page.data(), [{ text: '0' }, { text: '2' }], 'another type does not wait');
  page.write('</div>');
  assert.deepEqual(page.data().slice(2), [{ text: '12' }, { text: '2' }]);
});

test('extractor › equal items of a page are told apart, and each is known again', () => {
  const html = '<p>a<p>b<p>a';
  const rules = { items: { p: { each: 'p', fields: { text: {} } }, q: { each: 'p', fields: { text: {} } } } };
  const identities = extract(html, rules).items.map(({ identity }) => identity);
  assert.equal(new Set(identities).size, 6);
  assert.deepEqual(
    extract(html, rules).items.map(({ identity }) => identity),
    identities,
  );
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
  test(`extractor › links: ${title}`, () => {
    const follow = ['body > a', 'area', 'iframe', 'link[rel=next]', 'nav', 'noscript a', 'p', '.l'];
    assert.deepEqual(
      extract(`<body>${html}`, { follow }).links.map((link) => link.url),
      urls,
    );
  });
}

test('extractor › links that are not to be followed are marked', () => {
  const nofollow = (html: string, agent?: string) =>
    extract(html, { follow: ['a'] }, agent === undefined ? {} : { agent }).links.map((link) => link.nofollow);
  const rels = ['nofollow', 'x UGC', 'sponsored y', 'nofollows', 'next'];
  assert.deepEqual(nofollow(rels.map((rel) => `<a href=1 rel="${rel}">`).join('')), [true, true, true, false, false]);
  assert.deepEqual(nofollow('<meta name=ROBOTS content="noindex, NoFollow"><a href=1>'), [true]);
  assert.deepEqual(nofollow('<meta name=crawlcast content=none><a href=1>', 'Crawlcast'), [true]);
  assert.deepEqual(nofollow('<meta name=otherbot content=none><a href=1>', 'Crawlcast'), [false]);
});

test('extractor › the query of a link is written in the charset of the document', () => {
  const { links } = extract('<a href="é?é">', { follow: ['a'] }, { charset: () => 'windows-1252' });
  assert.deepEqual(links, [{ url: 'http://site.test/dir/%C3%A9?%E9', nofollow: false }]);
});

test('extractor › the summary says what a page says of itself', () => {
  const { summary } = extract(
    `<meta name=robots content=noindex><base href=/b/><noscript><meta http-equiv=refresh content="0;/no"></noscript>
    <meta http-equiv=Refresh content="5.9; URL='x'"><meta http-equiv=refresh content="0; url=y"><p>1<p>2<a href=1>`,
    { items: { p: { each: 'p', fields: {} } }, follow: ['a'] },
  );
  assert.deepEqual(summary, {
    items: 2,
    links: 1,
    robots: { nofollow: false, noindex: true },
    refresh: { delaySeconds: 5, url: 'http://site.test/b/x' },
  });
});

test('extractor › pages that come at the same time do not meet', () => {
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
  test(`extractor › ${title} is refused`, () => {
    assert.throws(
      () => compileExtraction(rules),
      (error) => error instanceof CrawlcastError && error.code === 'spider.invalid' && message.test(error.message),
    );
  });
}
