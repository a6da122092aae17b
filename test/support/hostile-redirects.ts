/** Sites that send a crawl elsewhere. */
import assert from 'node:assert/strict';
import { fill, html, type Row, type Saying, status } from './rows.js';

/** A redirect to this place. */
function to(location: string, line = '302 Found', ...headers: string[]): Saying {
  return (socket, _, site) => void socket.write(status(line, `location: ${fill(location, site)}`, ...headers));
}

const here = '<p>here';

/** See {@link Row}. */
export const redirectRows: readonly Row[] = [
  ...['301 Moved', '302 Found', '303 See Other', '307 Temporary', '308 Permanent'].map(
    (line): Row => ({
      title: `B1 a relative Location, ${line}`,
      site: { '/': to('x/y', line), '/x/y': here },
      pages: ['@/x/y'],
    }),
  ),
  { title: 'B1 a Location that is not ASCII', site: { '/': to('/ü'), '*': here }, asked: ['/', '/%C3%BC'] },
  { title: 'B1 a Location that is no URL', site: { '/': to('http://') }, failed: ['redirect.invalid @/'] },
  { title: 'B2 a circle', site: { '/': to('/a'), '/a': to('/b'), '/b': to('/') }, failed: ['redirect.loop @/b'] },
  { title: 'B2 a page that leads to itself', site: { '/': to('/#x') }, failed: ['redirect.loop @/'] },
  {
    title: 'B2 more redirects than the limit',
    site: { '/': to('/1'), '/1': to('/2'), '/2': to('/3'), '/3': here },
    settings: { redirects: 2 },
    failed: ['redirect.too_many @/2'],
    asked: ['/', '/1', '/2'],
  },
  {
    title: 'B3 to a host that is not allowed',
    site: { '/': to('http://localhost:§/x') },
    skipped: ['offsite http://localhost:§/x'],
  },
  {
    title: 'B4 robots.txt is asked at every hop',
    site: {
      '/robots.txt': html('User-agent: *\nDisallow: /no', { 'content-type': 'text/plain' }),
      '/': to('/no'),
      '/no': here,
    },
    skipped: ['robots @/no'],
    asked: ['/'],
  },
  {
    title: 'B6 credentials do not go to another host',
    site: { '/': to('http://localhost:§/x'), '/x': here },
    spider: { allow: ['127.0.0.1', 'localhost'] },
    settings: { headers: { authorization: 'Basic eDp5' }, cookies: { sid: 'secret' } },
    pages: ['http://localhost:§/x'],
    check(_, site) {
      const asked = site.requests.filter((request) => !request.includes('/robots.txt'));
      assert.match(asked[0] ?? '', /authorization: Basic/i);
      assert.match(asked[0] ?? '', /cookie: sid=secret/i);
      assert.doesNotMatch(asked[1] ?? '', /authorization|cookie/i);
    },
  },
  {
    title: 'B8 a 302 without Location is a page',
    site: { '/': Buffer.from('HTTP/1.1 302 Found\r\ncontent-type: text/html\r\ncontent-length: 7\r\n\r\n<p>here') },
    items: ['here'],
    pages: ['@/'],
  },
  {
    title: 'B9 a page that refreshes to another at once leads there, whatever is followed',
    site: { '/': '<meta http-equiv=Refresh content="0; url=/x"><p>a', '/x': '<p>b' },
    spider: { follow: [] },
    items: ['a', 'b'],
  },
  {
    title: 'B9 a page that refreshes after a minute, or itself, does not',
    site: {
      '/': '<meta http-equiv=refresh content="60; url=/x"><a href=/y>y</a>',
      '/y': '<meta http-equiv=refresh content="1">',
    },
    asked: ['/', '/y'],
  },
  {
    title: 'B9 a page that refreshes to another host is not followed there, nor for ever',
    site: {
      '/': '<meta http-equiv=refresh content="0; url=/a"><a href=/b>b</a>',
      '/a': '<meta http-equiv=refresh content="0; url=/">',
      '/b': '<meta http-equiv=refresh content="0; url=http://localhost:§/">',
    },
    skipped: ['offsite http://localhost:§/'],
    asked: ['/', '/a', '/b'],
  },
  {
    title: 'B10 to a page that has been seen',
    site: {
      '/': '<p>a</p><a href=/x>x</a><a href=/y>y</a>',
      '/x': to('/y'),
      '/y': '<p>b</p><a href=/z>z</a>',
      '/z': to('/'),
    },
    items: ['a', 'b'],
    asked: ['/', '/x', '/y', '/z'],
  },
];
