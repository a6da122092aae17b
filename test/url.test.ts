import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalUrl, fingerprint, hostKey, printableUrl, resolveLink } from '#src/url.js';

const page = 'http://site.test/dir/page.html?x=1#top';

/** What a link in `page` leads to. */
const links: [title: string, href: string, url: string | undefined][] = [
  ['white space around it does not count', ' \t\n next \r\n', 'http://site.test/dir/next'],
  ['tabs and newlines within do not count', '/ne\n\txt\r/a b', 'http://site.test/next/a%20b'],
  ['another host by the same scheme', '//other.test/x', 'http://other.test/x'],
  ['a query alone', '?q=1', 'http://site.test/dir/page.html?q=1'],
  ['a fragment alone', '#f', 'http://site.test/dir/page.html?x=1#f'],
  ['nothing is the page itself', '', 'http://site.test/dir/page.html?x=1'],
  ['other schemes stay what they are', 'mailto:a@b.test', 'mailto:a@b.test'],
  ['script', 'javascript:void(0)', 'javascript:void(0)'],
  ['dot segments', '../a/./b/../c', 'http://site.test/a/c'],
  ['dot segments as escapes', '%2e%2E/a', 'http://site.test/a'],
  ['backslashes are slashes', '\\\\other.test\\x', 'http://other.test/x'],
  ['default port, upper case', 'HTTP://SITE.Test:80/A', 'http://site.test/A'],
  ['an IDN becomes punycode', 'http://bücher.test/ü', 'http://xn--bcher-kva.test/%C3%BC'],
  ['a bad IDN is no URL', 'http://xn--a/', undefined],
  ['a bad port is no URL', 'http://site.test:99999/', undefined],
  ['no host is no URL', 'http://', undefined],
  ['an IPv6 literal', 'http://[0:0::1]:8080/', 'http://[::1]:8080/'],
  ['hexadecimal IPv4', 'http://0x7f.1/', 'http://127.0.0.1/'],
  ['decimal IPv4', 'http://2130706433/', 'http://127.0.0.1/'],
  ['octal IPv4', 'http://0177.0.0.01/', 'http://127.0.0.1/'],
  ['a number too large for IPv4 is no URL', 'http://4294967296/', undefined],
  ['the query is kept in its order', '/s?b=2&a=1&b=1', 'http://site.test/s?b=2&a=1&b=1'],
];
for (const [title, href, expected] of links) {
  test(`url › resolve: ${title}`, () => assert.equal(resolveLink(href, page)?.href, expected));
}

/** URLs with one identity, and which. */
const same: [title: string, canonical: string, ...urls: string[]][] = [
  ['the fragment', 'http://h/a', 'http://h/a', 'http://h/a#x', 'http://h/a#'],
  ['needless escapes', 'http://h/~u/a-b', 'http://h/~u/a-b', 'http://h/%7Eu/a%2db', 'http://h/%7eu/%61-b'],
  ['case of escapes', 'http://h/%2F%C3%A9', 'http://h/%2f%c3%a9', 'http://h/%2Fé'],
  ['what may only stand escaped', 'http://h/%7C?a%5B%5D=%25', 'http://h/|?a[]=%', 'http://h/%7c?a%5b%5D=%25'],
  ['dot segments', 'http://h/c', 'http://h/a/../b/./../c', 'http://h/c'],
  ['default port', 'http://h/', 'http://h:80/', 'http://h', 'HTTP://H/'],
  ['the trailing dot of the host', 'http://h.test:81/', 'http://h.test.:81/', 'http://h.test:81/'],
  ['the order of parameters', 'http://h/?a=1&b=2&c', 'http://h/?b=2&a=1&c', 'http://h/?c&a=1&b=2'],
  ['an empty query', 'http://h/', 'http://h/?', 'http://h/'],
  ['user and password', 'http://h/', 'http://u:p@h/', 'http://h/'],
  ['how an address is written', 'http://127.0.0.1/', 'http://0x7f.1/', 'http://2130706433/'],
];
for (const [title, canonical, ...urls] of same) {
  test(`url › identity does not know ${title}`, () => {
    for (const url of urls) assert.equal(canonicalUrl(new URL(url)), canonical, url);
    assert.equal(canonicalUrl(new URL(canonical)), canonical, 'a canonical URL is its own canonical form');
  });
}

const different: [string, string][] = [
  ['http://h/a%2Fb', 'http://h/a/b'],
  ['http://h/a//b', 'http://h/a/b'],
  ['http://h/a/', 'http://h/a'],
  ['http://h/?a', 'http://h/?a='],
  ['http://h/?a=1&a=2', 'http://h/?a=2&a=1'],
  ['http://h/?a=1%26b', 'http://h/?a=1&b'],
  ['http://h/%2541', 'http://h/A'],
  ['http://h/%%34%31', 'http://h/A'],
  ['http://h/A', 'http://h/a'],
  ['http://h/', 'https://h/'],
  ['http://h/', 'http://h:8080/'],
];
for (const [a, b] of different) {
  test(`url › ${a} is not ${b}`, () => assert.notEqual(canonicalUrl(new URL(a)), canonicalUrl(new URL(b))));
}

const queries: [charset: string, url: string][] = [
  ['utf-8', 'http://h/%C3%A9?q=%C3%A9%E2%82%AC%E6%97%A5#%C3%A9'],
  ['windows-1252', 'http://h/%C3%A9?q=%E9%80%26%2326085%3B#%C3%A9'],
  ['shift_jis', 'http://h/%C3%A9?q=%26%23233%3B%26%238364%3B%93%FA#%C3%A9'],
  ['gb18030', 'http://h/%C3%A9?q=%A8%A6%80%C8%D5#%C3%A9'],
  ['utf-16le', 'http://h/%C3%A9?q=%C3%A9%E2%82%AC%E6%97%A5#%C3%A9'],
  ['no-such-charset', 'http://h/%C3%A9?q=%C3%A9%E2%82%AC%E6%97%A5#%C3%A9'],
];
for (const [charset, url] of queries) {
  test(`url › in a ${charset} document the query, and only it, is written in that charset`, () => {
    assert.equal(resolveLink('/é?q=é€日#é', 'http://h/', charset)?.href, url);
  });
}

test('url › a fingerprint is short, and another for another URL', () => {
  assert.match(fingerprint('http://h/'), /^[\w-]{22}$/);
  assert.equal(fingerprint('http://h/'), fingerprint('http://h/'));
  assert.notEqual(fingerprint('http://h/'), fingerprint('http://h/a'));
});

test('url › what is shown never has user or password', () => {
  assert.equal(printableUrl('http://user:secret@h/a?b#c'), 'http://h/a?b#c');
  assert.equal(printableUrl('http://secret@h/'), 'http://h/');
  assert.equal(printableUrl('http://user:secret@h:bad/@'), 'http://h:bad/@');
  assert.equal(printableUrl('//user:secret@h:bad/'), '//h:bad/');
  assert.equal(printableUrl('http:///user:secret@h:bad/'), 'http:///h:bad/');
  assert.equal(printableUrl('https:\\user:secret@h:bad/'), 'https:\\h:bad/');
  assert.equal(printableUrl('https:user:se@cret@h:bad/'), 'https:h:bad/');
  assert.equal(printableUrl('http:/\t/user:sec\nret@h:bad/'), 'http://h:bad/');
  assert.equal(printableUrl('http://h:bad/?a@b'), 'http://h:bad/?a@b');
  assert.equal(printableUrl('mailto:a@h'), 'mailto:a@h');
  assert.equal(printableUrl('http://h/@a'), 'http://h/@a');
});

test('url › a host is known by scheme, name and port', () => {
  assert.equal(hostKey('http://u:p@H.test.:80/a'), 'http://h.test');
  assert.equal(hostKey('https://h.test:8443/'), 'https://h.test:8443');
});
