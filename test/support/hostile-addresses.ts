/** Sites that lead to addresses that are nobody's business. */
import assert from 'node:assert/strict';
import { fill, html, type Row } from './rows.js';
import { to } from './sayings.js';

const here = '<p>here';

/** A crawl from outside that is led to a private address; it never gets there. */
function guarded(title: string, row: Omit<Row, 'title' | 'origin'>): Row {
  const check: Row['check'] = (crawl, site) => {
    assert.ok(!site.requests.some((request) => request.includes('/secret')));
    row.check?.(crawl, site);
  };
  return { spider: { allow: ['*'] }, ...row, title, origin: 'http', check };
}

const loopback = 'http://127.0.0.1:§/secret';
const byName = 'http://private-p§.crawl.test/secret';
const publicSite = 'http://public-p§.crawl.test';

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
  'http://[fd00:ec2::254]/latest/',
  'http://168.63.129.16/metadata/',
];

/** See {@link Row}. */
export const addressRows: readonly Row[] = [
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
  ...['mixed', 'mapped'].map((name) =>
    guarded(`J2 a name that leads to a private address among others, or in disguise: ${name}`, {
      site: { '*': here },
      start: [`http://${name}-p§.crawl.test/secret`],
      failed: [`address.private http://${name}-p§.crawl.test/secret`],
      check: (_, site) => assert.equal(site.accepted, 0),
    }),
  ),
  guarded('J2 a name that leads to a private address at the second look-up only', {
    site: { '/': html('<a href=/secret>x</a>', { connection: 'close' }) },
    start: ['http://rebinding-p§.crawl.test/'],
    settings: { robots: false },
    failed: ['address.private http://rebinding-p§.crawl.test/secret'],
  }),
  guarded('J3 every hop of a redirect is guarded', {
    site: {
      '/': to('/1'),
      '/1': to('http://other-p§.crawl.test/2'),
      '/a': to(loopback),
      '/b': to('http://public-p§.crawl.test/c'),
      '/c': to(byName),
    },
    start: ['/', '/a', '/b'].map((path) => publicSite + path),
    failed: ['address.private http://other-p§.crawl.test/2', `address.private ${byName}`],
    skipped: ['private @/secret'],
    asked: ['/', '/1', '/a', '/b', '/c'],
  }),
  ...[loopback, byName].map((place) =>
    guarded(`J3 a robots.txt that leads to ${place}`, {
      site: { '/robots.txt': to(place), '/': here },
      start: [`${publicSite}/`],
      failed: [`address.private ${publicSite}/`],
      asked: [],
    }),
  ),
  guarded('J3 a sitemap that leads to private addresses', {
    site: {
      '/': html(`<sitemapindex><sitemap><loc>http://10.0.0.1/secret</loc></sitemap></sitemapindex>`, {
        'content-type': 'application/xml',
      }),
      '/s.xml': html(
        `<urlset><url><loc>http://169.254.169.254/secret</loc></url><url><loc>http://localhost/secret</loc></url></urlset>`,
        { 'content-type': 'application/xml' },
      ),
    },
    start: [`${publicSite}/`, `${publicSite}/s.xml`],
    skipped: ['private http://10.0.0.1/secret', 'private http://169.254.169.254/secret'],
    failed: ['address.private http://localhost/secret'],
  }),
  guarded('J3 a page that refreshes to a private address', {
    site: {
      '/': (socket, _, site) =>
        void socket.write(html(fill(`<meta http-equiv=refresh content="0; url=${loopback}">`, site))),
    },
    start: [`${publicSite}/`],
    skipped: ['private @/secret'],
  }),
  guarded('J3 a login form at a private address', {
    site: { '/secret': '<form></form>', '*': here },
    start: [`${publicSite}/`],
    spider: { login: { url: byName, fields: { user: 'ann' } } },
    asked: [],
    check: (crawl) => assert.equal(crawl.last?.data.error, 'login.failed'),
  }),
  guarded('J5 a robots.txt that leads to the port of another protocol is none', {
    site: { '/robots.txt': to('http://public-p§.crawl.test:25/'), '/': here },
    start: [`${publicSite}/`],
    pages: [`${publicSite}/`],
  }),
  {
    title: 'J5 ports of other protocols',
    site: { '/': '<a href="http://127.0.0.1:25/">x</a><a href="http://127.0.0.1:6000/">x</a>' },
    skipped: ['port http://127.0.0.1:25/', 'port http://127.0.0.1:6000/'],
  },
];
