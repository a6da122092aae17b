import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { selectAll, selectOne } from 'css-select';
import type { AnyNode, Element } from 'domhandler';
import { getAttributeValue, textContent } from 'domutils';
import { parseDocument } from 'htmlparser2';
import { CrawlcastError } from '#src/errors.js';
import { siteRoutes } from '#src/site/routes.js';
import { newSessions } from '#src/site/session.js';
import { quotesOfPage, type Site, type SiteOptions, type SiteQuote, startSite } from '#src/site/site.js';

function allIn(root: AnyNode, selector: string): Element[] {
  return selectAll<AnyNode, Element>(selector, root);
}

function textOf(root: AnyNode, selector: string): string {
  const found = selectOne<AnyNode, Element>(selector, root);
  return found ? textContent(found) : '';
}

function hrefsOf(html: string, selector: string): string[] {
  return allIn(parseDocument(html), selector).map((link) => getAttributeValue(link, 'href') ?? '');
}

function quotesIn(html: string): SiteQuote[] {
  return allIn(parseDocument(html), 'div.quote').map((quote) => ({
    quote: textOf(quote, 'span.text').replace(/[“”]/g, ''),
    author: textOf(quote, 'span small.author'),
    tags: allIn(quote, 'div.tags a.tag').map((tag) => textContent(tag)),
  }));
}

async function withSite(options: Partial<SiteOptions>, use: (site: Site) => Promise<void>): Promise<void> {
  const site = await startSite(options);
  try {
    await use(site);
  } finally {
    await site.close();
  }
}

/** The head of an answer; its body is still to come. */
async function head(url: string, options: http.RequestOptions = {}): Promise<IncomingMessage> {
  const request = http.get(url, options);
  const [response] = await once(request, 'response');
  return response;
}

describe('the sentences', () => {
  test('no sentence comes twice', () => {
    const all = new Set<string>();
    for (let page = 1; page <= 500; page += 1) {
      for (const { quote } of quotesOfPage({ pages: 500, perPage: 200 }, page)) all.add(quote);
    }
    assert.equal(all.size, 100_000);
  });

  test('the same seed gives the same quotes, another one others', () => {
    assert.deepEqual(quotesOfPage({ seed: 7 }, 3), quotesOfPage({ seed: 7, pages: 99 }, 3));
    assert.notDeepEqual(quotesOfPage({ seed: 7 }, 3), quotesOfPage({ seed: 8 }, 3));
  });

  test('a quote has up to five different tags, in order', () => {
    const quotes = quotesOfPage({ perPage: 1000 }, 1);
    for (const { tags } of quotes) assert.deepEqual(tags, [...new Set(tags)].sort());
    assert.deepEqual([...new Set(quotes.map(({ tags }) => tags.length))].sort(), [0, 1, 2, 3, 4, 5]);
  });

  test('some of them need escaping, and some are not ASCII', () => {
    const all = quotesOfPage({ perPage: 1000 }, 1).map(({ quote }) => quote);
    for (const mark of ['&', '<', '"', "'", 'é', 'ç'])
      assert.ok(
        all.some((quote) => quote.includes(mark)),
        mark,
      );
  });

  test('there are none before the first page and beyond the last', () => {
    assert.deepEqual(quotesOfPage({}, 0), []);
    assert.deepEqual(quotesOfPage({}, 11), []);
  });
});

describe('the pages', () => {
  let site: Site;
  const get = (path: string) => fetch(site.url + path, { redirect: 'manual' });
  const page = async (path: string) => (await get(path)).text();
  before(async () => {
    site = await startSite();
  });
  after(() => site.close());

  test('whoever follows Next finds every quote once, in order', async () => {
    const found: SiteQuote[] = [];
    let next: string | undefined = '/';
    while (next) {
      const html: string = await page(next);
      found.push(...quotesIn(html));
      next = hrefsOf(html, 'nav ul li.next a')[0];
    }
    const truth = Array.from({ length: 10 }, (_, index) => quotesOfPage({}, index + 1)).flat();
    assert.equal(found.length, 100);
    assert.deepEqual(found, truth);
  });

  test('the first page has no Previous, the last no Next, and what lies beyond no quotes', async () => {
    assert.deepEqual(hrefsOf(await page('/page/1/'), '.pager a'), ['/page/2/']);
    assert.deepEqual(hrefsOf(await page('/page/10/'), '.pager a'), ['/page/9/']);
    const beyond = await page('/page/11/');
    assert.match(beyond, /No quotes found!/);
    assert.deepEqual(hrefsOf(beyond, '.pager a'), ['/page/10/']);
  });

  test('every link within the site leads somewhere', async () => {
    const seen = new Set(['/', '/tableful/', '/js/', '/scroll']);
    for (const path of seen) {
      const answer = await fetch(site.url + path);
      assert.equal(answer.status, 200, path);
      const html = await answer.text();
      for (const link of hrefsOf(html, 'a[href^="/"], link[href]')) seen.add(link);
    }
    assert.ok(seen.size > 100, `${seen.size} links`);
  });

  test('a tag page lists the quotes with that tag, all of them', async () => {
    const truth = Array.from({ length: 10 }, (_, index) => quotesOfPage({}, index + 1)).flat();
    const [top = ''] = hrefsOf(await page('/'), '.tags-box a.tag');
    const tag = top.split('/')[2] ?? '';
    const found: SiteQuote[] = [];
    let next: string | undefined = top;
    while (next) {
      const html: string = await page(next);
      found.push(...quotesIn(html));
      next = hrefsOf(html, 'nav ul li.next a')[0];
    }
    assert.deepEqual(
      found,
      truth.filter(({ tags }) => tags.includes(tag)),
    );
  });

  test('an author page tells who that is', async () => {
    const [about = ''] = hrefsOf(await page('/'), '.quote a[href^="/author/"]');
    const answer = await fetch(site.url + about);
    const document = parseDocument(await answer.text());
    // its heading ends with the wrong tag, as on the real site: a parser may take the rest for a part of it
    const [title] = textOf(document, '.author-title').split('\n');
    assert.equal(title, quotesOfPage({}, 1)[0]?.author);
    assert.match(textOf(document, '.author-born-date'), /^\w+ \d\d, \d{4}$/);
    assert.ok(textOf(document, '.author-description').trim().length > 100);
  });

  test('an address that lacks only its last slash is redirected', async () => {
    for (const path of ['/page/2', '/author/Dr-Plum', '/tag/patience', '/js', '/tableful/page/3']) {
      const answer = await get(path);
      assert.equal(answer.status, 301, path);
      assert.equal(answer.headers.get('location'), `${path}/`);
    }
    assert.equal((await get('/page/2?x=1')).headers.get('location'), '/page/2/?x=1');
  });

  test('what is not there is a 404', async () => {
    for (const path of [
      '/page/0/',
      '/page/two/',
      '/nothing',
      '/login/',
      '/tag/nonsense/',
      '/author/Nobody/',
      '/tag/%E0/',
    ])
      assert.equal((await get(path)).status, 404, path);
  });

  test('the API gives the quotes of a page as ASCII JSON', async () => {
    const answer = await get('/api/quotes?page=10');
    assert.equal(answer.headers.get('content-type'), 'application/json');
    const body = await answer.text();
    assert.doesNotMatch(body, /[^\n\x20-\x7e]/);
    const { has_next, page: number, quotes, tag, top_ten_tags } = JSON.parse(body);
    assert.deepEqual(
      { has_next, number, tag, top: top_ten_tags.length },
      { has_next: false, number: 10, tag: null, top: 10 },
    );
    const plain = quotes.map((quote: { text: string; author: { name: string }; tags: string[] }) => ({
      quote: quote.text.replace(/[“”]/g, ''),
      author: quote.author.name,
      tags: quote.tags,
    }));
    assert.deepEqual(plain, quotesOfPage({}, 10));
    assert.equal(JSON.parse(await page('/api/quotes')).has_next, true);
    assert.deepEqual(JSON.parse(await page('/api/quotes?page=11')).quotes, []);
  });

  test('the script page holds its quotes as data, not as elements', async () => {
    const html = await page('/js/page/2/');
    assert.deepEqual(quotesIn(html), []);
    const data = JSON.parse(/var data = (\[[\s\S]*?\n\s*\]);/.exec(html)?.[1] ?? '[]');
    assert.deepEqual(
      data.map(({ text }: { text: string }) => text),
      quotesOfPage({}, 2).map(({ quote }) => `“${quote}”`),
    );
    assert.deepEqual(hrefsOf(html, '.pager a'), ['/js/page/1/', '/js/page/3/']);
  });

  test('the table page holds the quotes without a class', async () => {
    const document = parseDocument(await page('/tableful/page/2/'));
    const cells = allIn(document, 'td[style="padding-top: 2em;"]').map((cell) => textContent(cell));
    assert.deepEqual(
      cells,
      quotesOfPage({}, 2).map(({ quote, author }) => `“${quote}” Author: ${author}`),
    );
  });

  test('robots.txt allows all but one place, and the sitemap lists the pages', async () => {
    const robots = await page('/robots.txt');
    assert.match(robots, /^User-agent: \*\nDisallow: \/private\/\nSitemap: /);
    const sitemap = await (await fetch(robots.match(/Sitemap: (.*)/)?.[1] ?? '')).text();
    assert.equal(sitemap.match(/<loc>/g)?.length, 11);
    assert.match(sitemap, new RegExp(`<loc>${site.url}/page/10/</loc>`));
  });

  test('/random leads to some page of quotes', async () => {
    const answer = await fetch(`${site.url}/random`);
    assert.match(answer.url, /\/page\/\d+\/$/);
    assert.equal(quotesIn(await answer.text()).length, 10);
  });

  test('HEAD gives the length and no body', async () => {
    const whole = await fetch(site.url);
    const answer = await fetch(site.url, { method: 'HEAD' });
    assert.equal(answer.headers.get('content-length'), String(Buffer.byteLength(await whole.text())));
    assert.equal(await answer.text(), '');
  });

  test('a method that a page does not know is a 405', async () => {
    const answer = await fetch(site.url, { method: 'POST', body: 'x=1' });
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.get('allow'), 'GET, HEAD');
  });

  test('connections are kept alive', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    for (const path of ['/', '/page/2/', '/nothing']) {
      const response = await head(site.url + path, { agent });
      ports.add(response.socket.localPort);
      await text(response);
    }
    agent.destroy();
    assert.equal(ports.size, 1);
  });

  test('a site of a hundred thousand pages starts at once and knows its last one', () =>
    withSite({ pages: 100_000 }, async ({ url }) => {
      const html = await (await fetch(`${url}/page/100000/`)).text();
      assert.deepEqual(quotesIn(html), quotesOfPage({ pages: 100_000 }, 100_000));
    }));

  test('the first pages are kept, and none of those without end beyond the last', () => {
    const [plain] = siteRoutes({ pages: 1, perPage: 10, seed: 1 }, newSessions());
    const answerOf = (page: number) =>
      plain?.answer({
        method: 'GET',
        captured: [`${page}`],
        query: new URLSearchParams(),
        form: new URLSearchParams(),
        origin: 'http://site.test',
        session: {},
      });
    assert.equal(answerOf(1), answerOf(1));
    assert.notEqual(answerOf(2), answerOf(2));
  });
});

describe('the login', () => {
  let site: Site;
  before(async () => {
    site = await startSite();
  });
  after(() => site.close());

  const cookieOf = (answer: Response) => answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const submit = (cookie: string, fields: Record<string, string>) =>
    fetch(`${site.url}/login`, {
      method: 'POST',
      headers: { cookie },
      body: new URLSearchParams(fields),
      redirect: 'manual',
    });
  const openForm = async () => {
    const answer = await fetch(`${site.url}/login`);
    const token = /name="csrf_token" value="(\w+)"/.exec(await answer.text())?.[1] ?? '';
    return { cookie: cookieOf(answer), token };
  };

  test('with the token of its form, any name and password come in, and see more', async () => {
    const { cookie, token } = await openForm();
    const answer = await submit(cookie, { csrf_token: token, username: 'ada', password: 'x' });
    assert.equal(answer.status, 302);
    assert.equal(answer.headers.get('location'), '/');
    const html = await (await fetch(site.url, { headers: { cookie: `theme=dark; ${cookieOf(answer)}` } })).text();
    assert.deepEqual(hrefsOf(html, '.header-box p a'), ['/logout']);
    assert.equal(html.match(/\(Goodreads page\)/g)?.length, 10);
    assert.deepEqual(quotesIn(html), quotesOfPage({}, 1));
  });

  test('visitors see neither', async () => {
    const html = await (await fetch(site.url)).text();
    assert.deepEqual(hrefsOf(html, '.header-box p a'), ['/login']);
    assert.doesNotMatch(html, /Goodreads/);
  });

  test('without the token of its own session nobody comes in', async () => {
    const mine = await openForm();
    const other = await openForm();
    const name = { username: 'ada', password: 'x' };
    assert.equal((await submit(mine.cookie, { csrf_token: other.token, ...name })).status, 400);
    assert.equal((await submit('', { csrf_token: mine.token, ...name })).status, 400);
    assert.equal((await submit(mine.cookie, name)).status, 400);
    assert.equal((await submit(mine.cookie, { csrf_token: mine.token, password: 'x' })).status, 400);
  });

  test('a cookie that was tampered with is no session', async () => {
    const forged = Buffer.from('{"username":"ada"}').toString('base64url');
    const html = await (await fetch(site.url, { headers: { cookie: `session=${forged}.AAAA` } })).text();
    assert.deepEqual(hrefsOf(html, '.header-box p a'), ['/login']);
  });

  test('logging out takes the cookie back', async () => {
    const answer = await fetch(`${site.url}/logout`, { redirect: 'manual' });
    assert.equal(answer.status, 302);
    assert.match(answer.headers.getSetCookie()[0] ?? '', /^session=;.*Max-Age=0/);
  });

  test('a form that is too long is refused', async () => {
    for (const length of [70_000, 10_000_000]) {
      assert.equal((await submit('', { username: 'a'.repeat(length) })).status, 413);
    }
  });
});

describe('the pace', () => {
  test('a dripping page sends its first quote long before its last', async () => {
    const sent: { index: number; time: number; received: number }[] = [];
    let received = 0;
    const onQuoteSent = (page: number, index: number, time: number) => {
      assert.equal(page, 2);
      sent.push({ index, time, received });
    };
    await withSite({ perPage: 6, dripMs: 25, onQuoteSent }, async ({ url }) => {
      const response = await head(`${url}/page/2/`);
      let html = '';
      for await (const chunk of response) {
        html += chunk;
        received = quotesIn(html).length;
      }
      assert.deepEqual(quotesIn(html), quotesOfPage({ perPage: 6 }, 2));
    });
    assert.deepEqual(
      sent.map(({ index }) => index),
      [0, 1, 2, 3, 4, 5],
    );
    const [first, last] = [sent[0], sent[5]];
    assert.ok(first && last && last.time - first.time >= 5 * 24, 'each quote waits');
    assert.ok(last.received >= 1, 'the first has arrived before the last leaves');
  });

  test('a page that leaves whole tells of each of its quotes', async () => {
    const sent: number[] = [];
    await withSite({ perPage: 3, onQuoteSent: (_, index) => sent.push(index) }, async ({ url }) => {
      await (await fetch(url)).text();
    });
    assert.deepEqual(sent, [0, 1, 2]);
  });

  test('a slow site waits before its head', () =>
    withSite({ delayMs: 50 }, async ({ url }) => {
      const began = performance.now();
      await fetch(url);
      assert.ok(performance.now() - began >= 49);
    }));

  test('closing breaks off what still waits or drips', async () => {
    const arrivals = new EventEmitter();
    const site = await startSite({ dripMs: 60_000, onRequest: (_, target) => arrivals.emit(target) });
    const dripping = await head(site.url);
    const arrived = once(arrivals, '/slow?ms=60000');
    const brokenOff = assert.rejects(head(`${site.url}/slow?ms=60000`));
    await arrived;
    await site.close();
    await brokenOff;
    await assert.rejects(text(dripping));
  });
});

describe('the troubles', () => {
  test('every so many-th request fails, robots.txt never', () =>
    withSite({ failEvery: 3 }, async (site) => {
      const statuses: number[] = [];
      for (const path of ['/', '/robots.txt', '/', '/robots.txt', '/', '/', '/', '/']) {
        statuses.push((await fetch(site.url + path)).status);
      }
      assert.deepEqual(statuses, [200, 200, 200, 200, 503, 200, 200, 503]);
      assert.equal(site.requests, 8);
    }));

  test('any status can be asked for, with a time to come back', () =>
    withSite({}, async ({ url }) => {
      assert.equal((await fetch(`${url}/status/404`)).status, 404);
      const answer = await fetch(`${url}/status/503?retry-after=3`);
      assert.equal(answer.status, 503);
      assert.equal(answer.headers.get('retry-after'), '3');
    }));

  test('/reset breaks the connection', () =>
    withSite({}, async ({ url }) => {
      await assert.rejects(head(`${url}/reset`), { code: 'ECONNRESET' });
    }));

  test('/slow answers after its time', () =>
    withSite({}, async ({ url }) => {
      const began = performance.now();
      assert.equal((await fetch(`${url}/slow?ms=40`)).status, 200);
      assert.ok(performance.now() - began >= 39);
    }));

  test('whoever watches sees each request', async () => {
    const seen: string[] = [];
    await withSite({ onRequest: (method, target) => seen.push(`${method} ${target}`) }, async ({ url }) => {
      await fetch(`${url}/private/?a=1`);
      await fetch(url, { method: 'HEAD' });
    });
    assert.deepEqual(seen, ['GET /private/?a=1', 'HEAD /']);
  });

  test('a port in use is said to be in use', () =>
    withSite({}, async ({ port }) => {
      await assert.rejects(startSite({ port }), (thrown) => {
        return (
          thrown instanceof CrawlcastError && thrown.code === 'port.in_use' && thrown.message.includes(String(port))
        );
      });
    }));
});
