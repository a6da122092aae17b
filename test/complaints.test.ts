import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSpider } from '#src/crawl/shelf.js';
import { CrawlcastError } from '#src/errors.js';

const start = 'start: [http://a.test/]\n';
const items = `${start}items: {}\n`;
const field = (rule: string) => `${start}items: {q: {fields: {t: ${rule}}}}\n`;
const each = (css: string) => `${start}items: {q: {each: '${css}', fields: {}}}\n`;
const setting = (text: string) => `${items}settings: {${text}}\n`;

/** What is wrong, how it is written, and what the one line about it says. */
const mistakes: [title: string, text: string, says: RegExp, ending?: string][] = [
  ['no text at all', '', /: it is missing: write an object$/],
  ['a list', '- a', /: write an object, not a list$/],
  ['several documents', `${items}---\na: b`, /one spider.*several/],
  ['text for a list', 'start: http://a.test/\nitems: {}', /: start: write a list, not text$/],
  ['an empty list', 'start: []\nitems: {}', /: start: it is empty: write at least one$/],
  ['no items', start, /: items: it is missing: write an object$/],
  ['a number for a name', `name: 12\n${items}`, /: name: write text, in quotes, not a number$/],
  ['no selector, because of #', `${start}items:\n  q:\n    each: #main\n    fields: {}`, /q\.each: .*quotes/],
  ['no field, because of #', `${start}items:\n  q:\n    fields:\n      t: #main`, /fields\.t: .*quotes/],
  ['a misspelt field', `${items}setings: {}`, /: "setings" is no field here: there are name, start, .*settings/],
  ['a misspelt setting', setting('maxpages: 1'), /settings: "maxpages" is no .*, maxPages,/],
  [
    'two misspelt parts',
    field('{selector: a, attribute: b}'),
    /"selector", "attribute" are no fields .* css, attr, all/,
  ],
  ['a misspelt part of a link', `${items}follow: [{css: a, href: x}]`, /follow\.0: "href" is no field .* priority$/],
  ['XPath', each('//div'), /this is XPath: write CSS$/],
  ['a selector of Scrapy', field("'a::attr(href)'"), /leave out ::text and ::attr\(…\).* attr$/],
  ['a name with a colon', each('dc:creator > b'), /no :creator; where .*, write dc\\:creator$/],
  ['an unknown pseudo-class', each('a > :first'), /cannot be used: Unknown pseudo-class :first$/],
  ['an unknown kind of value', field('{css: a, as: int}'), /fields\.t\.as: write text, html, number or url$/],
  ['text for a truth value', field("{css: a, all: 'yes'}"), /fields\.t\.all: write true or false, not text$/],
  ['a bad selector in a list', field("['a[']"), /fields\.t\.0: The selector/],
  ['a selector that is cut off', each('a >'), /"a >" .*missing at its end/],
  ['the same inside', each('a:not(b +)'), /missing at its end/],
  ['an attribute that is cut off', each('a['), /Expected name, found its end$/],
  ['a position without a formula', each('a:nth-child'), /:nth-child needs an argument/],
  ['a number that is too small', setting('maxPages: 0'), /settings\.maxPages: write at least 1$/],
  ['a number that is too big', setting('retries: 1000'), /settings\.retries: write at most 100$/],
  ['a fraction', setting('concurrency: 1.5'), /settings\.concurrency: write a whole number$/],
  ['a timeout of nothing', setting('timeout: 0'), /settings\.timeout: .*more than 0/],
  ['a header that cannot be sent', setting("headers: {a: '→'}"), /settings\.headers\.a: .*Latin/],
  ['a header of the connection', setting('headers: {Upgrade: x}'), /settings\.headers\.Upgrade: .*connection/],
  ['a cookie that cannot be sent', setting("cookies: {a: '→'}"), /settings\.cookies\.a: .*Latin/],
  ['a name that cannot be sent', setting("userAgent: '→'"), /settings\.userAgent: .*Latin/],
  ['a type that no object can have', `${start}items: {__proto__: {fields: {}}}`, /: items: "__proto__" is no name/],
  ['a field that no object can have', field('a, __proto__: b'), /: items\.q\.fields: "__proto__" is no name/],
  ['such a header', setting('headers: {__proto__: a}'), /: settings\.headers: "__proto__" is no name/],
  [
    'an alias within itself',
    `${start}items: &a {q: {fields: {t: {css: p, default: *a}}}}`,
    /: an alias .* within what it is/,
  ],
  ['such a name in a value', field('{default: [{__proto__: 1}]}'), /\.t\.default\.0: "__proto__" is no name/],
  ...['*a.test', 'a:b:c', 'a.*.b', 'u@a.test', 'a.test:99999', '::1', 'a.test?b', '.'].map(
    (host): [string, string, RegExp] => [`no host: ${host}`, `${items}allow: ['${host}']`, /: allow\.0: write a host/],
  ),
  ['code that is none', 'export default {\n  start: [;\n};', /Unexpected token at .*:2:\d+$/, '.ts'],
];

async function read(text: string, ending: string) {
  const folder = mkdtempSync(join(tmpdir(), 'crawlcast-'));
  try {
    writeFileSync(join(folder, `x${ending}`), text);
    return await readSpider(join(folder, `x${ending}`));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const [title, text, says, ending = '.yaml'] of mistakes) {
  test(`complaints › ${title}`, async () => {
    await assert.rejects(read(text, ending), (error) => {
      assert.ok(error instanceof CrawlcastError && error.code === 'spider.invalid');
      assert.doesNotMatch(error.message, /\n|Invalid|undefined/);
      assert.match(error.message, says);
      return true;
    });
  });
}

test('complaints › none about hosts, a tag of YAML, and a byte order mark', async () => {
  const allow = ['a.test', 'a.test:80', '.a.test', '*.a.test', '*', '[::1]', '[::1]:8080', 'bücher.test', 'A_b.test'];
  const spider = await read(`\ufeff${JSON.stringify({ start: ['http://a.test/'], items: {}, allow })}`, '.json');
  assert.deepEqual(spider.allow, allow);
  assert.equal((await read(`${start}items: !any {}`, '.yaml')).name, 'x');
});
