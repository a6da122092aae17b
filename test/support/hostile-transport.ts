/** Sites that misbehave on the wire, and addresses that are nobody's business. */
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

const privatePlaces = [
  'http://127.0.0.1:§/',
  'http://[::1]/',
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://192.168.1.1/',
  'http://169.254.169.254/latest/',
  'http://100.64.0.1/',
  'http://0.0.0.0/',
  'http://224.0.0.1/',
  'http://[fe80::1]/',
  'http://[::ffff:7f00:1]/',
  'http://[64:ff9b::7f00:1]/',
  'http://[2002:7f00:1::]/',
];

/** See {@link Row}. */
export const transportRows: readonly Row[] = [
  says('E1 a head that does not come', () => {}, 'timeout.headers', { timeout: '300ms' }),
  says('E1 a body that stops', (socket) => void socket.write(`${ok}content-length: 99\r\n\r\n<p>`), 'timeout.body', {
    timeout: '300ms',
  }),
  says('E1 a body that never ends', drip, 'timeout.total', { timeout: '100ms' }),
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
  says('E3 two lengths', raw(`${ok}content-length: 7\r\ncontent-length: 3\r\n\r\n${here}`), 'http.malformed'),
  says('E4 early hints', raw(`HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${ok}\r\n${here}`)),
  says(
    'E4 another protocol',
    raw('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    'http.malformed',
  ),
  says('E4 no HTTP at all', raw('SSH-2.0-OpenSSH\r\n'), 'http.malformed'),
  {
    title: 'E6 a name with several addresses is reached where somebody answers',
    site: { '/': here },
    start: ['http://localhost:§/'],
    pages: ['http://localhost:§/'],
  },
  {
    title: 'E9 a proxy that wants other credentials',
    site: { '*': status('407 Proxy Authentication Required') },
    start: ['http://site.test/'],
    settings: { robots: false },
    throughProxy: true,
    failed: ['proxy.auth http://site.test/'],
  },
  {
    title: 'J1 private addresses, however they are written',
    site: { '*': here },
    start: privatePlaces,
    origin: 'http',
    skipped: privatePlaces.map((url) => `private ${url.replace('http://127.0.0.1:§', '@')}`).sort(),
    asked: [],
    check: (crawl, site) => {
      assert.equal(crawl.last?.data.error, 'start.skipped');
      assert.equal(site.accepted, 0);
    },
  },
  {
    title: 'J2 a name that leads to a private address, robots.txt included',
    site: { '*': here },
    start: ['http://localhost:§/'],
    origin: 'http',
    failed: ['address.private http://localhost:§/'],
    check: (_, site) => assert.equal(site.accepted, 0),
  },
  {
    title: 'J5 ports of other protocols',
    site: { '/': '<a href="http://127.0.0.1:25/">x</a><a href="http://127.0.0.1:6000/">x</a>' },
    skipped: ['port http://127.0.0.1:25/', 'port http://127.0.0.1:6000/'],
  },
];
