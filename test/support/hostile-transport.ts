/** Sites that misbehave on the wire. */
import assert from 'node:assert/strict';
import { drip } from './hostile.js';
import { html, type Row, raw, status } from './rows.js';

const ok = 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n';
const here = '<p>here';

/** A site that says this, or does it, and how its page fails; absent: it is read. */
function says(title: string, saying: Row['site'][string], failure?: string, settings: Row['settings'] = {}): Row {
  const outcome = failure === undefined ? { items: ['here'] } : { failed: [`${failure} @/`] };
  return { title, site: { '/': saying }, settings: { robots: false, ...settings }, ...outcome };
}

/** A site whose certificate is not good enough, by robots.txt and page alike, at the first attempt. */
function insecure(title: string, secure: NonNullable<Row['secure']>, code: string): Row {
  return {
    title,
    site: { '*': here },
    secure,
    settings: { retries: 3 },
    failed: [`${code} @/`],
    asked: [],
    check: (crawl) => assert.equal(crawl.of('page.failed')[0]?.data.attempts, 1),
  };
}

/** See {@link Row}. */
export const transportRows: readonly Row[] = [
  says('E1 a head that does not come', () => {}, 'timeout.headers', { timeout: '300ms' }),
  says('E1 a body that stops', (socket) => void socket.write(`${ok}content-length: 99\r\n\r\n<p>`), 'timeout.body', {
    timeout: '300ms',
  }),
  says('E1 a body that never ends', drip, 'timeout.total', { timeout: '2s' }),
  {
    title: 'E2 a kept connection that was closed costs no attempt',
    site: {
      '/': '<a href=/x>x</a>',
      '/x': (socket, _, site) => {
        const isFirst = site.requests.filter((request) => request.startsWith('GET /x ')).length === 1;
        if (isFirst) socket.resetAndDestroy();
        else socket.write(html(here));
      },
    },
    items: ['here'],
  },
  says('E3 a head without measure', raw(`${ok}x: ${'x'.repeat(70_000)}\r\n\r\n`), 'http.headers_too_large'),
  says('E3 headers that repeat', raw(`${ok}x-a: 1\r\nx-a: 2\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\n${here}`)),
  says('E3 a folded header, which no one may send any more', raw(`${ok}x-a: 1\r\n 2\r\n\r\n${here}`), 'http.malformed'),
  says('E3 two lengths', raw(`${ok}content-length: 7\r\ncontent-length: 3\r\n\r\n${here}`), 'http.malformed'),
  says('E4 early hints', raw(`HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${ok}\r\n${here}`)),
  says(
    'E4 another protocol',
    raw('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    'http.malformed',
  ),
  says('E4 no HTTP at all', raw('SSH-2.0-OpenSSH\r\n'), 'http.malformed'),
  {
    title: 'E5 a name that does not exist is not tried again',
    site: {},
    start: ['http://gone-p§.crawl.test/'],
    settings: { retries: 3 },
    failed: ['dns.not_found http://gone-p§.crawl.test/'],
    check: (crawl) => assert.equal(crawl.of('page.failed')[0]?.data.attempts, 1),
  },
  {
    title: 'E5 a name server that fails is asked again',
    site: { '/': here },
    start: ['http://failing-p§.crawl.test/'],
    // Once for robots.txt, once for the page.
    settings: { retries: 2 },
    pages: ['http://failing-p§.crawl.test/'],
  },
  {
    title: 'E5 a name server that goes on failing fails the page',
    site: {},
    start: ['http://dead-p§.crawl.test/'],
    settings: { retries: 1 },
    failed: ['dns.failed http://dead-p§.crawl.test/'],
    check: (crawl) => assert.equal(crawl.of('page.failed')[0]?.data.attempts, 2),
  },
  {
    title: 'E6 of several addresses the next one is tried',
    site: { '/': here },
    start: ['http://several-p§.crawl.test/'],
    pages: ['http://several-p§.crawl.test/'],
  },
  {
    title: 'E6 a name with several addresses is reached where somebody answers',
    site: { '/': here },
    start: ['http://localhost:§/'],
    pages: ['http://localhost:§/'],
  },
  { title: 'E7 a certificate that is trusted', site: { '/': here }, secure: 'valid', pages: ['@/'] },
  insecure('E7 a certificate that has expired', 'expired', 'tls.expired'),
  insecure('E7 a certificate for another host', 'wrongHost', 'tls.wrong_host'),
  insecure('E7 a certificate that nobody else has signed', 'selfSigned', 'tls.untrusted'),
  {
    title: 'E7 no TLS where it should be',
    site: { '*': here },
    start: ['https://127.0.0.1:§/'],
    settings: { robots: false },
    failed: ['tls.failed https://127.0.0.1:§/'],
  },
  {
    title: 'E8 the address that was checked is the one that is connected to, and the next connection checks anew',
    site: { '*': html('<a href=/x>x</a>', { connection: 'close' }) },
    start: ['http://rebinding-p§.crawl.test/'],
    origin: 'http',
    settings: { robots: false },
    pages: ['http://rebinding-p§.crawl.test/'],
    failed: ['address.private http://rebinding-p§.crawl.test/x'],
    asked: ['/'],
    check: (_, site) => assert.equal(site.accepted, 1),
  },
  {
    title: 'E9 a proxy that refuses to connect',
    site: { '*': status('403 Forbidden') },
    start: ['https://site.test/'],
    settings: { robots: false },
    throughProxy: true,
    failed: ['proxy.failed https://site.test/'],
    asked: ['site.test:443'],
  },
  {
    title: 'E9 a proxy that wants other credentials before it connects',
    site: { '*': status('407 Proxy Authentication Required') },
    start: ['https://site.test/'],
    settings: { robots: false },
    throughProxy: true,
    failed: ['proxy.auth https://site.test/'],
  },
  {
    title: 'E9 a proxy that wants other credentials',
    site: { '*': status('407 Proxy Authentication Required') },
    start: ['http://site.test/'],
    settings: { robots: false },
    throughProxy: true,
    failed: ['proxy.auth http://site.test/'],
  },
];
