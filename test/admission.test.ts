import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AdmissionRules, admit, type Candidate, hostRule } from '#src/crawl/admission.js';
import type { SkipReason } from '#src/events.js';

const rules: AdmissionRules = { allows: hostRule(undefined, ['http://a.test/']), robots: true };

/** The reason of the refusal, or the URL that is offered. */
function verdict(
  candidate: Partial<Candidate> & Pick<Candidate, 'url'>,
  changes: Partial<AdmissionRules> = {},
): string {
  const admission = admit({ depth: 1, ...candidate }, { ...rules, ...changes });
  return 'skip' in admission ? admission.skip : admission.offer.url;
}

interface Row {
  readonly because: string;
  readonly url: string;
  readonly candidate?: Partial<Omit<Candidate, 'url'>>;
  readonly rules?: Partial<AdmissionRules>;
  readonly reason?: SkipReason;
}

const repeated = (part: string, times: number) => Array.from({ length: times }, () => part).join('');
const numbered = (prefix: string, times: number, glue: string) =>
  Array.from({ length: times }, (_, i) => `${prefix}${i}`).join(glue);

const table: Row[] = [
  { because: 'a plain link', url: 'http://a.test/x?b=2&a=1' },
  { because: 'the same name over https', url: 'https://a.test/' },
  { because: 'a name in capitals, with a dot at its end', url: 'http://A.TEST./' },
  { because: 'no URL at all', url: 'http://', reason: 'invalid' },
  { because: 'a host that is no name', url: 'http://xn--a/', reason: 'invalid' },
  { because: 'a relative link that nobody resolved', url: '/x', reason: 'invalid' },
  { because: 'ftp', url: 'ftp://a.test/x', reason: 'scheme' },
  { because: 'mail', url: 'mailto:x@a.test', reason: 'scheme' },
  { because: 'script', url: 'javascript:void(0)', reason: 'scheme' },
  { because: 'data', url: 'data:text/html,x', reason: 'scheme' },
  { because: '2,000 characters', url: `http://a.test/${repeated('x', 1_986)}` },
  { because: '2,001 characters', url: `http://a.test/${repeated('x', 1_987)}`, reason: 'length' },
  { because: 'the port of SMTP', url: 'http://a.test:25/', reason: 'port' },
  {
    because: 'the port of X11, even as a start',
    url: 'http://a.test:6000/',
    candidate: { start: true },
    reason: 'port',
  },
  { because: 'another port of the same name', url: 'http://a.test:8080/', reason: 'offsite' },
  { because: 'a subdomain', url: 'http://www.a.test/', reason: 'offsite' },
  { because: 'a name that only ends alike', url: 'http://ba.test/', reason: 'offsite' },
  { because: 'the name as somebody else’s subdomain', url: 'http://a.test.evil.test/', reason: 'offsite' },
  { because: 'the name as a user', url: 'http://a.test@evil.test/', reason: 'offsite' },
  { because: 'a start URL on another host', url: 'http://b.test/', candidate: { start: true, depth: 0 } },
  { because: 'nofollow', url: 'http://a.test/x', candidate: { nofollow: true }, reason: 'nofollow' },
  {
    because: 'nofollow where robots is off',
    url: 'http://a.test/',
    candidate: { nofollow: true },
    rules: { robots: false },
  },
  { because: 'just the depth', url: 'http://a.test/x', candidate: { depth: 3 }, rules: { maxDepth: 3 } },
  { because: 'too deep', url: 'http://a.test/x', candidate: { depth: 4 }, rules: { maxDepth: 3 }, reason: 'depth' },
  { because: 'any link at depth 0', url: 'http://a.test/x', rules: { maxDepth: 0 }, reason: 'depth' },
  { because: 'a segment three times', url: 'http://a.test/a/a/a/b' },
  { because: 'a segment four times', url: 'http://a.test/b/a/a/a/a', reason: 'trap' },
  { because: 'nothing but a segment four times', url: 'http://a.test/a/a/a/a', reason: 'trap' },
  { because: 'two segments three times', url: 'http://a.test/a/b/a/b/a/b' },
  { because: 'two segments four times', url: `http://a.test${repeated('/a/b', 4)}`, reason: 'trap' },
  { because: 'a segment and numbers four times', url: `http://a.test${repeated('/a/1', 4)}`, reason: 'trap' },
  { because: 'five segments four times', url: `http://a.test${repeated('/a/b/c/d/e', 4)}`, reason: 'trap' },
  { because: 'a segment often, but not in a row', url: 'http://a.test/a/b/a/c/a/d/a/e/a' },
  { because: 'a map tile', url: 'http://a.test/tiles/0/0/0/0/0.png' },
  { because: 'a map tile below a segment twice', url: 'http://a.test/tiles/tiles/0/0/0/0' },
  { because: 'a start URL that looks like a trap', url: 'http://a.test/a/a/a/a', candidate: { start: true } },
  { because: '30 segments', url: `http://a.test/${numbered('s', 30, '/')}` },
  { because: '31 segments', url: `http://a.test/${numbered('s', 31, '/')}`, reason: 'trap' },
  { because: '30 parameters', url: `http://a.test/?${numbered('p', 30, '&')}` },
  { because: '31 parameters', url: `http://a.test/?${numbered('p', 31, '&')}`, reason: 'trap' },
  {
    because: 'a private address',
    url: 'http://127.1/x',
    rules: { allows: () => true, isPrivate: (name) => name === '127.0.0.1' },
    reason: 'private',
  },
  {
    because: 'offsite before nofollow, depth and trap',
    url: 'http://b.test/a/a/a/a/a',
    candidate: { nofollow: true, depth: 9 },
    rules: { maxDepth: 1 },
    reason: 'offsite',
  },
];

describe('admission', () => {
  for (const { because, url, candidate, rules, reason } of table) {
    it(`${reason === undefined ? 'admits' : `refuses (${reason})`} ${because}`, () => {
      assert.equal(verdict({ url, ...candidate }, rules), reason ?? new URL(url).href);
    });
  }

  it('offers what is sent as it came, with the identity and the host it is known by', () => {
    const one = admit({ url: 'http://a.test:80/%7Eu?b=2&a=1#part', depth: 2, priority: 5 }, rules);
    const other = admit({ url: 'http://a.test/~u?a=1&b=2', depth: 1, start: true }, rules);
    assert.ok('offer' in one && 'offer' in other);
    const { fingerprint, ...offer } = one.offer;
    assert.deepEqual(offer, { url: 'http://a.test/%7Eu?b=2&a=1', host: 'http://a.test', depth: 2, priority: 5 });
    assert.equal(fingerprint, other.offer.fingerprint);
    assert.equal(other.offer.start, true);
  });

  it('shows no password of what it refuses', () => {
    for (const url of ['ftp://me:secret@a.test/', 'http://me:secret@b.test/', 'http://me:secret@[bad/']) {
      assert.doesNotMatch(JSON.stringify(admit({ url, depth: 1 }, rules)), /secret/);
    }
  });

  it('takes credentials from a start URL, and from no link', () => {
    assert.equal(verdict({ url: 'http://me:secret@a.test/' }), 'http://a.test/');
    assert.equal(verdict({ url: 'http://me:secret@a.test/', start: true }), 'http://me:secret@a.test/');
  });

  it('cuts what it shows of a URL that is too long', () => {
    const admission = admit({ url: `http://a.test/${repeated('x', 9_000)}`, depth: 1 }, rules);
    assert.ok('skip' in admission && admission.url.length === 2_000);
  });
});

describe('hostRule', () => {
  const cases: [allow: string, url: string, allowed: boolean][] = [
    ['a.test', 'http://a.test/', true],
    ['a.test', 'https://a.test:8443/', true],
    ['a.test', 'http://www.a.test/', false],
    ['A.Test', 'http://a.test/', true],
    ['a.test:8080', 'http://a.test:8080/', true],
    ['a.test:8080', 'http://a.test/', false],
    ['a.test:80', 'http://a.test/', true],
    ['a.test:80', 'https://a.test/', false],
    ['.a.test', 'http://a.test/', true],
    ['.a.test', 'http://x.y.a.test/', true],
    ['.a.test', 'http://aa.test/', false],
    ['*.a.test', 'http://x.a.test/', true],
    ['*.a.test', 'http://a.test/', false],
    ['*', 'http://anything.test:99/', true],
    ['bücher.test', 'http://xn--bcher-kva.test/', true],
    ['[::1]', 'http://[0:0::1]:8080/', true],
    ['127.0.0.1', 'http://127.1/', true],
    ['', 'http://a.test/', false],
    ['not a host', 'http://a.test/', false],
  ];
  for (const [allow, url, allowed] of cases) {
    it(`${allowed ? 'lets' : 'does not let'} “${allow}” stand for ${url}`, () => {
      assert.equal(hostRule([allow], [])(new URL(url)), allowed);
    });
  }

  it('takes allow in place of the hosts of the start URLs', () => {
    const rule = hostRule(['a.test', 'b.test'], ['http://c.test/']);
    const allowed = ['a', 'b', 'c'].filter((name) => rule(new URL(`http://${name}.test/`)));
    assert.deepEqual(allowed, ['a', 'b']);
  });

  it('keeps to the port of the start URLs', () => {
    const rule = hostRule(undefined, ['http://a.test:8080/', 'not a URL', 'http://b.test/']);
    const urls = ['http://a.test:8080/', 'http://a.test/', 'http://a.test:9090/', 'https://b.test/'];
    assert.deepEqual(
      urls.map((url) => rule(new URL(url))),
      [true, false, false, true],
    );
  });
});
