/** Sites on which a crawl may lose its way, its count or its cookies. */
import assert from 'node:assert/strict';
import { html, type Row } from './rows.js';

const here = '<p>here';

/** See {@link Row}. */
export const crawlRows: readonly Row[] = [
  {
    title: 'F2 what a broken page gave is not given again by its second attempt',
    site: {
      '/': (socket, _, site) => {
        const isFirst = site.requests.filter((head) => head.startsWith('GET / ')).length === 1;
        const half = 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 99\r\n\r\n<p>a</p><p>a</p>';
        if (isFirst) socket.end(half);
        else socket.write(html('<p>a</p><p>a</p><p>b</p>'));
      },
    },
    settings: { retries: 1 },
    items: ['a', 'a', 'b'],
  },
  {
    title: 'F5 a crawl without a page has failed',
    site: {},
    failed: ['http.404 @/'],
    check: (crawl) => assert.equal(crawl.last?.type, 'crawl.failed'),
  },
  {
    title: 'F6 depth is that of the shortest path',
    site: { '/': '<a href=/a>a</a><a href=/c>c</a>', '/a': '<a href=/b>b</a>', '/b': '<a href=/c>c</a>', '/c': here },
    check(crawl) {
      const depths = Object.fromEntries(crawl.of('page').map(({ data }) => [new URL(data.url).pathname, data.depth]));
      assert.deepEqual(depths, { '/': 0, '/a': 1, '/b': 2, '/c': 1 });
    },
  },
  {
    title: 'F7 cookies of the site are sent where they belong',
    site: {
      '/': html('<a href=/in/x>x</a><a href=/out>o</a>', {
        'set-cookie': 'a=1; Path=/in; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
      }),
      '*': here,
    },
    check(_, site) {
      const asked = (path: string) => site.requests.find((request) => request.startsWith(`GET ${path} `)) ?? '';
      assert.match(asked('/in/x'), /^cookie: a=1\r?$/im);
      assert.doesNotMatch(asked('/out'), /^cookie/im);
    },
  },
];
