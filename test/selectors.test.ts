import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileScoped, compileSelector } from '#src/crawl/selectors.js';
import type { Settling } from '#src/crawl/settling.js';
import { CrawlcastError } from '#src/errors.js';
import { elementsOf } from './support/tree.js';

const settling: Record<Settling, string[]> = {
  open: [
    ...[
      'div.quote',
      'nav ul > li.next a',
      'a[href^="/"]',
      'h2 + p',
      'h2 ~ p',
      'li:first-child',
      'li:nth-child(2n + 1)',
    ],
    ...[
      'p:first-of-type',
      ':is(ul, ol) > li',
      'a:not(.x)',
      'p:nth-child(2 of .x)',
      ':root',
      'input:disabled',
      'a:link',
    ],
    ...['b:empty + b', 'b:has(i) ~ b > i', 'p:lang(en)', 'a, b.c'],
  ],
  close: ['p:empty', 'p:contains("x")', 'div:has(a)', 'div:has(> a:last-child)', 'div:not(:has(a))', 'a, p:parent'],
  parent: [
    ...['li:last-child', 'li:only-child', 'li:nth-last-child(2)', 'p:last-of-type', 'p:only-of-type', 'p:has(+ p)'],
    ...['b:has(:only-child a)', 'b:has(:last-child > a)'],
    ...[
      'p:has(~ p)',
      'li:not(:last-child)',
      'ul:has(b) > li',
      'b:last-child + b',
      'a, b:last-child',
      'p:nth-last-child(1 of .x)',
    ],
  ],
  end: [
    ...['ul:has(b) li', 'ul:last-child > li', 'ul:empty li', 'a:not(ul:last-child a)', 'option:selected'],
    ...['div:has(a:not(ul:last-child a))', 'div:has(b a:not(ul:last-child a))', 'div:has(a:not(ul:last-child a) b)'],
    ...['p:nth-last-child(1 of :empty)', 'ul:last-child + p > a', 'a, ul:only-child b'],
  ],
};
for (const [settles, list] of Object.entries(settling)) {
  for (const css of list) {
    test(`selectors › ${css} settles at ${settles}`, () => assert.equal(compileSelector(css).settles, settles));
  }
}

const scoped: [css: string, settles: Settling][] = [
  ['a', 'close'],
  ['ul:last-child > a', 'close'],
  [':scope > a', 'close'],
  ['> a:only-child', 'close'],
  ['+ dd', 'parent'],
  ['~ dd:last-of-type', 'parent'],
  [':scope:last-child a', 'parent'],
  ['a:not(ul:last-child a)', 'end'],
  ['div:has(b) :scope a', 'end'],
  ['div :scope a', 'close'],
];
for (const [css, settles] of scoped) {
  test(`selectors › inside an element, ${css} settles at its ${settles}`, () => {
    assert.equal(compileScoped(css).settles, settles);
  });
}

for (const css of [
  '',
  'li:',
  'a[',
  ':nope',
  'a::before',
  'li:nth-child(x)',
  'a:last-child(2)',
  'p:contains',
  'a || b',
  'x|a',
]) {
  test(`selectors › ${css || 'an empty one'} is refused by name`, () => {
    for (const compile of [compileSelector, compileScoped]) {
      assert.throws(
        () => compile(css),
        (error) =>
          error instanceof CrawlcastError &&
          error.code === 'spider.invalid' &&
          error.message.includes(JSON.stringify(css)),
      );
    }
  });
}

test('selectors › positions among very many siblings are found in linear time', () => {
  const html = `<ul>${'<li>a</li><b>c</b>'.repeat(50_000)}</ul>`;
  const all = elementsOf(html);
  const count = (css: string) => all.filter((element) => compiled.get(css)?.test(element)).length;
  const expected = {
    'li:nth-child(4n+1)': 25_000,
    'b:nth-of-type(-n+7)': 7,
    'li:nth-last-of-type(3)': 1,
    ':last-child': 2,
  };
  const compiled = new Map(Object.keys(expected).map((css) => [css, compileSelector(css)]));
  const start = performance.now();
  for (const [css, matches] of Object.entries(expected)) assert.equal(count(css), matches, css);
  assert.ok(performance.now() - start < 3_000, 'within seconds, where counting again for each takes minutes');
});
