import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { selectAll } from 'css-select';
import { type AnyNode, type Element, hasChildren, isTag, isText } from 'domhandler';
import { parseDocument } from 'htmlparser2';
import { createDecoder } from '#src/crawl/charset.js';
import { compileExtraction, type ExtractionRules, type ItemRule } from '#src/crawl/extraction.js';
import { createExtractor } from '#src/crawl/extractor.js';
import { CrawlcastError } from '#src/errors.js';
import { extract, start, url } from './support/page.js';

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
  page.end();
  return { items: page.items, links: page.links };
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

/** The text of an element as fields read it. */
function textOf(element: Element): string {
  const text = (node: AnyNode): string => {
    if (isText(node)) return node.data;
    if (isTag(node) && node.name === 'br') return '\n';
    const isSilent = isTag(node) && ['script', 'style', 'template'].includes(node.name);
    return isSilent || !hasChildren(node) ? '' : node.children.map(text).join('');
  };
  return element.children.map(text).join('');
}

/** What the finished document says, by css-select alone. */
function expected(html: string, each: string) {
  const select = (css: string, node: AnyNode) => selectAll<AnyNode, Element>(css, node, { cacheResults: false });
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

test('extractor › gives nothing of what is half when a page breaks off', () => {
  const page = start(quotes);
  page.write('<div class="quote"><span class="text">half</span>');
  assert.deepEqual(page.items, []);
});

for (const [code, html] of [
  ['document.too_deep', '<div>'.repeat(513)],
  ['document.too_many_elements', '<br>'.repeat(500_001)],
] as const) {
  test(`extractor › stops with ${code} at once`, () => {
    const page = start(quotes);
    page.write(html.slice(0, -1));
    assert.throws(
      () => page.write('>'),
      (error) => error instanceof CrawlcastError && error.code === code,
    );
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

const nested = '<div>'.repeat(500);
const much = 'x'.repeat(100_000);
for (const [what, item, html] of [
  [
    'selectors that go through long lists of siblings again and again',
    { each: 'a:has(~ b)', fields: {} },
    '<i></i><a></a>'.repeat(20_000),
  ],
  [
    'selectors that go through the ancestors of ancestors again and again',
    { each: 'i div div div a', fields: {} },
    `${nested}<a></a>`,
  ],
  [
    'items that are inside of each other, markup and all,',
    { each: 'div', fields: { a: { as: 'html' } } },
    nested + much.repeat(4),
  ],
  [
    'items that come to far more than their page',
    { each: 'a', fields: { a: { css: 'b', default: much } } },
    '<a></a>'.repeat(5_000),
  ],
] satisfies [string, ItemRule, string][]) {
  test(`extractor › ${what} are stopped`, () => {
    const page = start({ items: { a: item } });
    assert.throws(
      () => {
        page.write(html);
        page.end();
      },
      (error) => error instanceof CrawlcastError && error.code === 'document.too_costly',
    );
  });
}

test('extractor › a page may cost the more the longer it is', () => {
  const read = (pieces: number, stepsPerCharacter: number) => {
    const extraction = compileExtraction({ items: { a: { each: 'a', fields: { text: {} } } } });
    const limits = { steps: 1_000, stepsPerCharacter, characters: Number.POSITIVE_INFINITY };
    const page = createExtractor(extraction, { url, onItem() {}, onLink() {} }, limits);
    for (let piece = 0; piece < pieces; piece++) page.write('<a>text</a>');
  };
  read(10, 0);
  read(1_000, 10);
  assert.throws(() => read(1_000, 0), /asks too much/);
});

test('extractor › a document that begins with megabytes of nothing takes no longer than another', () => {
  const page = start({ items: { a: { each: 'a', fields: { text: {} } } } });
  const before = performance.now();
  for (let piece = 0; piece < 40_000; piece++) page.write(' '.repeat(100));
  page.write('<a>x</a>');
  page.end();
  assert.deepEqual(page.data(), [{ text: 'x' }]);
  assert.ok(performance.now() - before < 2_000, 'looked at once');
});
