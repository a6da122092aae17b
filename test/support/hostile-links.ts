/** Sites with links that are hard to read. */
import assert from 'node:assert/strict';
import { html, type Row, reasons } from './rows.js';

/** A page that says where it is. */
const here = '<p>here';

/** A start page with these links, and what of them is asked for. */
function links(title: string, body: string, asked: readonly string[], more: Partial<Row> = {}): Row {
  return { title, site: { '/': body, '*': here }, asked: ['/', ...asked].sort(), ...more };
}

/** Anchors to these targets. */
function anchors(...targets: string[]): string {
  return targets.map((target) => `<a href="${target}">x</a>`).join('');
}

const long = `/${'x'.repeat(2_100)}`;

/** See {@link Row}. */
export const linkRows: readonly Row[] = [
  links('A1 the first base counts', `<base href="/d/"><base href="/e/">${anchors('x')}`, ['/d/x']),
  links('A1 a base may be relative itself', `<base href="d/">${anchors('x')}`, ['/d/x']),
  links('A1 a base may be on another host', `<base href="http://localhost:§/">${anchors('x')}`, [], {
    skipped: ['offsite http://localhost:§/x'],
  }),
  links('A2 white space and line breaks in a link do not count', anchors(' \n/x\ty\r\n '), ['/xy']),
  links('A2 a space inside a link is one', anchors('/a b'), ['/a%20b']),
  links('A3 entities are read as browsers do', anchors('/x?a=1&amp;b=2', '/y?a&copy=1'), ['/x?a=1&b=2', '/y?a&copy=1']),
  links('A4 relative links of every form', anchors('//127.0.0.1:§/x', '?q', '#f', ''), ['/?q', '/x']),
  links('A5 other schemes', anchors('javascript:void(0)', 'mailto:a', 'tel:1', 'data:,x', 'blob:x'), [], {
    skipped: ['scheme blob:x', 'scheme data:,x', 'scheme javascript:void(0)', 'scheme mailto:a', 'scheme tel:1'],
  }),
  links('A6 fragments are no part of a page', anchors('/x#a', '/x#b'), ['/x']),
  links('A7 needless escapes are none, %2F is one', anchors('/~u', '/%7Eu', '/%7eu', '/a%2fb', '/a%2Fb', '/a/b'), [
    '/a%2fb',
    '/a/b',
    '/~u',
  ]),
  links('A8 dot segments', anchors('/a/../b/./c', '/b/c', '/../../b/c'), ['/b/c']),
  links('A9 upper case in scheme and host', anchors('HTTP://127.0.0.1:§/x', '/x'), ['/x']),
  links(
    'A9 default ports and a dot at the end of the host are no part of a page',
    anchors('http://site-p§.crawl.test:80/x', 'http://site-p§.crawl.test/x', 'http://site-p§.crawl.test./x'),
    ['/x'],
    { start: ['http://site-p§.crawl.test/'] },
  ),
  links('A10 international names, good and bad', anchors('http://bücher.test/', 'http://xn--a/'), [], {
    skipped: ['invalid http://xn--a/', 'offsite http://xn--bcher-kva.test/'],
  }),
  links('A11 numbers are the addresses that they mean', anchors('http://0x7f.1:§/x', 'http://2130706433:§/y'), [
    '/x',
    '/y',
  ]),
  links('A11 an address of IPv6', anchors('http://[::0001]/x'), [], { skipped: ['offsite http://[::1]/x'] }),
  links(
    'A12 the order of parameters is no part of a page, and is sent unchanged',
    anchors('/x?b=2&a=1', '/x?a=1&b=2'),
    ['/x?b=2&a=1'],
  ),
  links(
    'A13 parameters without value, with an empty one, repeated',
    anchors('/x?a', '/x?a=', '/y?a=1&a=2', '/y?a=2&a=1'),
    ['/x?a', '/x?a=', '/y?a=1&a=2', '/y?a=2&a=1'],
  ),
  links('A13 a question mark alone is no query', anchors('/x', '/x?'), ['/x']),
  links('A14 an empty segment stays', anchors('/a//b', '/a/b'), ['/a//b', '/a/b']),
  links(
    'A15 credentials in a link are neither sent nor told',
    anchors('http://me:secret@127.0.0.1:§/x'.replace('@', '&#64;')),
    ['/x'],
    {
      check(crawl, site) {
        assert.ok(!JSON.stringify(crawl.events).includes('secret'));
        assert.ok(!site.requests.some((request) => /^authorization/im.test(request)));
      },
    },
  ),
  links('A15 credentials in a start URL are sent, and not told', '', [], {
    start: ['http://me:secret@127.0.0.1:§/'],
    pages: ['@/'],
    check(crawl, site) {
      assert.ok(!JSON.stringify(crawl.events).includes('secret'));
      assert.ok(site.requests.some((request) => /^authorization: Basic bWU6c2VjcmV0/im.test(request)));
    },
  }),
  links(
    'A15 credentials are in no URL of an item, those of its page neither',
    '<p><a href="">x</a><p><a href=http://me:secret@h>',
    [],
    {
      start: ['http://me:secret@127.0.0.1:§/'],
      spider: { items: { p: { each: 'p', fields: { text: { css: 'a', as: 'url' } } } } },
      skipped: ['offsite http://h/'],
      check(crawl, site) {
        const urls = crawl.of('p').map(({ data }) => data.text);
        assert.deepEqual(urls, [site.url, 'http://h/']);
        assert.ok(!JSON.stringify(crawl.events).includes('secret'));
      },
    },
  ),
  {
    title: 'A16 a query is written in the charset of the document',
    site: {
      '/': html(Buffer.from('<a href="/x?q=\xe9">x</a>', 'latin1'), {
        'content-type': 'text/html; charset=windows-1251',
      }),
      '*': here,
    },
    asked: ['/', '/x?q=%E9'],
  },
  links('A17 a link that is too long', anchors(long), [], {
    skipped: 'any',
    check: (crawl) => assert.deepEqual(reasons(crawl), ['length']),
  }),
  links(
    'A18 rel says nofollow',
    '<a rel=nofollow href=/a>x</a><a rel="x UGC" href=/b>x</a><a rel=sponsored href=/c>x</a><a rel=noopener href=/d>x</a>',
    ['/d'],
    { skipped: ['nofollow @/a', 'nofollow @/b', 'nofollow @/c'] },
  ),
  links('A18 the page says nofollow', `<meta name=robots content="noindex, nofollow"><p>here</p>${anchors('/a')}`, [], {
    skipped: ['nofollow @/a'],
    items: ['here'],
  }),
  links('A18 the page says nofollow to another', `<meta name=googlebot content=nofollow>${anchors('/a')}`, ['/a']),
  {
    title: 'A18 the header says nofollow to us by our name',
    site: { '/': html(anchors('/a'), { 'x-robots-tag': 'otherbot: nofollow, crawlcast: nofollow' }) },
    skipped: ['nofollow @/a'],
    asked: ['/'],
  },
  {
    title: 'A18 the header says none to all',
    site: { '/': html(`<p>here</p>${anchors('/a')}`, { 'x-robots-tag': 'none' }) },
    skipped: ['nofollow @/a'],
    items: ['here'],
  },
  links('A18 nofollow does not count where robots is off', '<a rel=nofollow href=/a>x</a>', ['/a'], {
    settings: { robots: false },
  }),
  links('A19 canonical is no link', '<link rel=canonical href=/c><link rel=next href=/n>', [], { items: [] }),
  links('A19 next is one where follow says so', '<link rel=canonical href=/c><link rel=next href=/n>', ['/n'], {
    spider: { follow: ['link[rel=next]'] },
  }),
  links(
    'A20 links in comments and templates are none, those in noscript are',
    `<!-- ${anchors('/a')} --><template>${anchors('/b')}</template><noscript>${anchors('/c')}</noscript>`,
    ['/c'],
  ),
];
