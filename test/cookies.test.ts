import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cookies, createCookies } from '#src/crawl/cookies.js';
import { Session } from '#src/crawl/session.js';
import { parseSpider } from '#src/crawl/spider.js';
import { openMemoryStore } from '#src/store/memory.js';
import { recordOf } from './support/log-service.js';

const url = 'http://a.test/';
/** Whether there is something to be kept of what a site sends. */
const isNew = (cookies: Cookies, from: string, lines: readonly string[]) => {
  cookies.take(from, lines);
  return cookies.takeChanges().length > 0;
};
const named = (count: number) => Array.from({ length: count }, (_, n) => `c${n}=1`);

test('cookies › a host may have a hundred of them', () => {
  const cookies = createCookies({}, [url]);
  assert.equal(isNew(cookies, url, named(150)), true);
  assert.equal(cookies.header(url)?.split('; ').length, 100);
  assert.equal(isNew(cookies, url, ['c200=1']), false);
  assert.equal(isNew(cookies, url, ['c7=2']), true);
  assert.match(cookies.header(url) ?? '', /\bc7=2\b/);
  assert.equal(isNew(cookies, 'http://b.test/', ['c0=1']), true);
});

test('cookies › one that is longer than 4,096 bytes is left out', () => {
  const cookies = createCookies({}, [url]);
  assert.equal(isNew(cookies, url, [`a=${'x'.repeat(4_094)}`]), true);
  assert.equal(isNew(cookies, url, [`b=${'x'.repeat(4_095)}`]), false);
});

test('cookies › Secure means https, on this machine too', () => {
  const cookies = createCookies({}, [url]);
  for (const host of ['127.0.0.1', '[::1]', 'localhost', 'a.localhost', 'a.test']) {
    cookies.take(`https://${host}/`, ['a=1', 'b=2; Secure', '__Host-c=3; Secure; Path=/']);
    cookies.take(`http://${host}/`, ['d=4; Secure', '__Host-e=5; Secure; Path=/']);
    assert.equal(cookies.header(`http://${host}/`), 'a=1', host);
    assert.equal(cookies.header(`https://${host}/`), 'a=1; b=2; __Host-c=3', host);
  }
});

test('cookies › those of a spider go over https alone where it starts there alone', () => {
  const headers = (...start: string[]) => {
    const cookies = createCookies({ a: '1' }, start);
    return ['http://a.test/', 'https://a.test/', 'http://b.test/'].map((at) => cookies.header(at));
  };
  assert.deepEqual(headers('https://a.test/'), [undefined, 'a=1', undefined]);
  assert.deepEqual(headers('https://a.test/', 'http://a.test/x'), ['a=1', 'a=1', undefined]);
  assert.deepEqual(headers('https://a.test/', 'http://b.test/'), [undefined, 'a=1', 'a=1']);
});

test('cookies › each domain is kept by itself, and only where it has something new', () => {
  const cookies = createCookies({ given: '1' }, [url]);
  assert.deepEqual(
    cookies.takeChanges().map(({ key }) => key),
    ['a.test'],
  );
  for (let n = 0; n < 1_000; n++) cookies.take(`http://h${n}.test/`, ['a=1', 'b=2; Path=/x; HttpOnly']);
  const kept = cookies.takeChanges();
  assert.equal(kept.length, 1_000);
  assert.deepEqual(cookies.takeChanges(), []);
  assert.equal(isNew(cookies, 'http://h7.test/', ['a=1', 'b=2; Path=/x; HttpOnly']), false);
  cookies.take('http://h7.test/', ['a=1', 'b=2; Path=/x']);
  cookies.take('http://h8.h7.test/', ['c=3; Domain=h7.test']);
  const [change, ...others] = cookies.takeChanges();
  assert.deepEqual([change?.key, others], ['h7.test', []]);
  assert.ok(change !== undefined && JSON.stringify(change).length < 1_000);
  const later = createCookies({ given: '1' }, [url], [...kept.filter(({ key }) => key !== 'h7.test'), change]);
  assert.equal(later.header('http://h7.test/x'), 'b=2; a=1; c=3');
  assert.equal(later.header('http://h8.h7.test/'), 'c=3');
  assert.equal(later.header('http://h6.test/x'), 'b=2; a=1');
  assert.deepEqual(later.takeChanges(), []);
});

test('cookies › one for another domain is left out, and those of a domain above are kept with that', () => {
  const cookies = createCookies({}, [url]);
  cookies.take('http://h.a.test/', ['x=1; Domain=b.test', 'own=1', 'all=2; Domain=a.test']);
  assert.equal(cookies.header('http://b.test/'), undefined);
  const kept = cookies.takeChanges().map(({ key, value }) => [key, (value as { key: string }[]).map((one) => one.key)]);
  assert.deepEqual(kept, [
    ['h.a.test', ['own']],
    ['a.test', ['all']],
  ]);
});

test('cookies › those of one name and two paths are two', () => {
  const cookies = createCookies({}, [url]);
  for (const path of ['/x', '/']) cookies.take(url, [`a=1; Path=${path}`]);
  assert.deepEqual([cookies.header(url), cookies.header(`${url}x`)], ['a=1', 'a=1; a=1']);
  assert.equal(createCookies({}, [url], cookies.takeChanges()).header(`${url}x`), 'a=1; a=1');
});

test('cookies › one that a site takes back is forgotten, also after a restart', () => {
  const cookies = createCookies({ given: '1' }, [url]);
  cookies.take(url, ['a=1; Max-Age=60', 'b=1']);
  cookies.take(url, ['a=; Max-Age=0', 'given=; Expires=Thu, 01 Jan 1970 00:00:00 GMT']);
  const changes = cookies.takeChanges();
  assert.equal(cookies.header(url), 'b=1');
  assert.equal(isNew(cookies, url, ['a=; Max-Age=0']), false);
  assert.equal(createCookies({ given: '1' }, [url], changes).header(url), 'b=1');
});

test('cookies › an end that only moves on is kept anew before a tenth of its time is over, and not with each page', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const cookies = createCookies({}, [url]);
  let kept = [{ key: '', value: [] as unknown }];
  let writes = 0;
  for (let seconds = 0; seconds < 7_200; seconds += 10) {
    t.mock.timers.tick(10_000);
    cookies.take(url, ['s=1; Max-Age=3600']);
    const changes = cookies.takeChanges();
    if (changes.length === 0) continue;
    writes += 1;
    kept = changes;
  }
  assert.ok(writes > 10 && writes < 30, `${writes}`);
  t.mock.timers.tick(3_200_000);
  const later = createCookies({}, [url], kept);
  assert.equal(later.header(url), 's=1');
  t.mock.timers.tick(400_000);
  assert.equal(later.header(url), undefined, 'though it was used meanwhile');
});

test('cookies › a crawl goes on with those that it has kept, instead of those that the spider gives', async (t) => {
  const store = await openMemoryStore();
  t.after(() => store.close());
  const record = { ...recordOf('a'), start: [url] };
  await store.commit({ crawl: 'a', record });
  const spider = parseSpider({ name: 'x', start: [url], items: {}, settings: { cookies: { given: '1' } } });
  const session = () => new Session(store, record, spider, false);
  const first = session();
  const lines = ['a=1; Max-Age=3600', 'given=; Max-Age=0'];
  first.take(url, { status: 200, latencyMs: 1, headers: { 'set-cookie': lines } });
  assert.equal(session().optionsFor(url).headers.cookie, 'given=1');
  await store.commit({ crawl: 'a', ownDocuments: first.takeChanges() });
  assert.equal(session().optionsFor(url).headers.cookie, 'a=1');
});
