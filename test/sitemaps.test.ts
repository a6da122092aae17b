import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { startSite } from '#src/site/site.js';
import { startCrawler, startWeb, type Web } from './support/crawling.js';
import { extract } from './support/page.js';

const head = '<?xml version="1.0" encoding="UTF-8"?>\n';
const index = (...urls: string[]) =>
  `${head}<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${urls
    .map((url) => `<sitemap><loc>${url}</loc><lastmod>2026-01-01</lastmod></sitemap>`)
    .join('')}</sitemapindex>`;
const sitemap = (...urls: string[]) =>
  `${head}<urlset>${urls.map((url) => `<url><loc>\n ${url} </loc></url>`).join('')}</urlset>`;

for (const [title, format] of [
  ['as XML', 'xml'],
  ['as HTML', 'html'],
] as const) {
  test(`sitemaps › ${title}, pages are links, pictures are not`, () => {
    const text = `${head}<s:urlset><s:url><s:loc>http://a/?x=1&amp;y=2</s:loc><image:image><image:loc>/i.png</image:loc>
      </image:image></s:url><url><loc>/b</loc></url></s:urlset>`;
    const { links } = extract(text, {}, { format, sitemap: true });
    assert.deepEqual(links, [
      { url: 'http://a/?x=1&y=2', nofollow: false, listed: true },
      { url: 'http://site.test/b', nofollow: false, listed: true },
    ]);
  });
}

test('sitemaps › CDATA is text', () => {
  const { links } = extract(sitemap('<![CDATA[http://a/?x=1&y=2]]>'), {}, { sitemap: true });
  assert.equal(links[0]?.url, 'http://a/?x=1&y=2');
});

test('sitemaps › a page that only looks like one has no links', () => {
  const text = '<html><urlset><url><loc>/b</loc></url></urlset></html>';
  assert.deepEqual(extract(text, {}, { sitemap: true }).links, []);
  assert.deepEqual(extract(sitemap('/b'), {}, { sitemap: false }).links, []);
  for (const near of ['<urlsets><url><loc>/b</loc></url></urlsets>', '<urlset><urls><loc>/b</loc></urls></urlset>']) {
    assert.deepEqual(extract(near, {}, { sitemap: true }).links, []);
  }
});

test("sitemaps › a crawl that starts at the practice site's sitemap gets every page at depth 0", async () => {
  const site = await startSite({ pages: 3 });
  await using crawler = await startCrawler();
  try {
    const { items, of } = await crawler.crawl({
      name: 'x',
      start: [`${site.url}/sitemap.xml`],
      items: { quote: { each: 'div.quote', fields: { text: 'span.text' } } },
      settings: { maxDepth: 0 },
    });
    assert.equal(items.length, 40, 'three pages, and the first again as /');
    assert.deepEqual([...new Set(of('page').map(({ data }) => data.depth))], [0]);
    assert.equal(of('page')[0]?.data.links, 4);
  } finally {
    await site.close();
  }
});

async function startPacked(): Promise<Web> {
  return startWeb((request, response) => {
    const { host } = request.headers;
    const answers: Record<string, [type: string | undefined, body: string | Buffer]> = {
      '/index.xml': ['text/xml', index('/a.xml.gz', '/b.xml.gz', '/c', '/d.xml.gz')],
      '/a.xml.gz': ['application/gzip', gzipSync(sitemap(`http://${host}/1`))],
      '/b.xml.gz': ['application/octet-stream', gzipSync(sitemap(`http://${host}/2`))],
      '/c': [undefined, gzipSync(sitemap(`http://${host}/3`))],
      '/d.xml.gz': ['application/xml', sitemap('/4', 'http://elsewhere.test/')],
      '/4': ['text/html', '<a href=/deep.xml>x</a>'],
      '/deep.xml': ['text/xml', sitemap('/5')],
      '/bomb.xml.gz': ['application/x-gzip', gzipSync(Buffer.alloc(50_000_000, ' '))],
      '/tar.gz': ['application/gzip', gzipSync(Buffer.from('name\0\0\0'))],
    };
    const [type, body] = answers[request.url ?? ''] ?? ['text/html', ''];
    response.writeHead(200, type === undefined ? {} : { 'content-type': type }).end(body);
  });
}

test('sitemaps › an index leads to packed ones, whatever they are said to be', async () => {
  await using web = await startPacked();
  await using crawler = await startCrawler();
  const { of, last } = await crawler.crawl({ name: 'x', start: [`${web.url}/index.xml`], items: {}, follow: ['a'] });
  assert.equal(last?.type, 'crawl.finished');
  assert.deepEqual(
    web.requests.map((request) => request.slice(4)).sort(),
    ['/1', '/2', '/3', '/4', '/a.xml.gz', '/b.xml.gz', '/c', '/d.xml.gz', '/deep.xml', '/index.xml'],
    'what stands in a sitemap that is no start is not followed',
  );
  assert.deepEqual(
    of('page.skipped').map(({ data }) => data),
    [{ url: 'http://elsewhere.test/', reason: 'offsite' }],
  );
});

test('sitemaps › what is unpacked is bounded like any page, and must be a document', async () => {
  await using web = await startPacked();
  await using crawler = await startCrawler();
  const start = [`${web.url}/bomb.xml.gz`, `${web.url}/tar.gz`];
  const { of } = await crawler.crawl({ name: 'x', start, items: {}, settings: { maxBytes: 100_000 } });
  assert.deepEqual(
    of('page.failed')
      .map(({ data }) => data.error)
      .sort(),
    ['body.not_html', 'body.too_large'],
  );
});
