import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Gate } from '#src/crawl/gate.js';
import { parseSpider, type SpiderInput } from '#src/crawl/spider.js';
import type { SkipReason } from '#src/events.js';
import type { Lease } from '#src/store/store.js';

function gate(changes: Partial<SpiderInput> = {}): Gate {
  const spider = parseSpider({ name: 'x', start: ['http://a.test/'], items: {}, ...changes });
  return new Gate({ crawl: 'x', spider, publicOnly: false });
}

function lease(url: string, start = false): Lease {
  return { url, crawl: 'x', fingerprint: url, host: new URL(url).origin, depth: 0, begun: false, start };
}

/** Where a redirect ends up, or why not. */
function redirect(from: Lease, to: string, changes?: Partial<SpiderInput>): string {
  const admission = gate(changes).redirect(to, from);
  return 'offer' in admission
    ? `${admission.offer.start === true ? 'start ' : ''}${admission.offer.url}`
    : admission.skip;
}

/** Whether a link is followed. */
function isFollowed(from: Lease, to: string, changes?: Partial<SpiderInput>, refresh = false): boolean {
  return gate(changes).follow([{ url: to, nofollow: false, refresh }], from).offers.length === 1;
}

describe('the gate', () => {
  const start = lease('http://a.test/', true);
  const www = lease('http://www.a.test/', true);
  const behind = lease('http://www.a.test/x');

  it('lets a start URL move between its name and www, and that one on again', () => {
    assert.equal(redirect(start, 'http://www.a.test/'), 'start http://www.a.test/');
    assert.equal(redirect(www, 'https://www.a.test/'), 'start https://www.a.test/');
    assert.equal(redirect(www, 'http://a.test/'), 'start http://a.test/');
    assert.equal(redirect(start, 'http://www.a.test/', { allow: ['b.test'] }), 'start http://www.a.test/');
  });

  it('lets nobody else move a start URL', () => {
    assert.equal(redirect(start, 'http://b.test/'), 'offsite');
    assert.equal(redirect(start, 'http://x.a.test/'), 'offsite');
    const within = { start: ['http://x.a.test/'] };
    assert.equal(redirect(lease('http://x.a.test/', true), 'http://x.www.a.test/', within), 'offsite');
    assert.equal(redirect(start, 'http://b.test/', { allow: ['b.test'] }), 'start http://b.test/');
  });

  it('gives a URL that is found twice the better of both depths and of both priorities', () => {
    const link = { url: 'http://a.test/x', nofollow: false };
    const found: { url: string; nofollow: boolean; priority?: number; listed?: boolean }[] = [
      { ...link, priority: 3 },
      { ...link, listed: true },
      link,
    ];
    const best = (links: typeof found) =>
      gate()
        .follow(links, start)
        .offers.map(({ depth, priority }) => [depth, priority]);
    assert.deepEqual(best(found), [[0, 3]]);
    assert.deepEqual(best(found.toReversed()), [[0, 3]]);
  });

  it('asks for a URL that is found twice as it was written first', () => {
    const links = ['http://a.test/?a=1&b=2', 'http://a.test/?b=2&a=1'].map((url) => ({ url, nofollow: false }));
    for (const found of [links, links.toReversed()]) {
      assert.deepEqual(
        gate()
          .follow(found, start)
          .offers.map(({ url }) => url),
        [found[0]?.url],
      );
    }
  });

  it('sends no credentials that a redirect brings along', () => {
    assert.equal(redirect(start, 'http://me:secret@a.test/x'), 'start http://a.test/x');
  });

  it('goes on where the site has moved to, unless allow says otherwise', () => {
    assert.ok(isFollowed(www, 'http://www.a.test/x'));
    assert.ok(isFollowed(behind, 'http://www.a.test/y'));
    assert.equal(redirect(behind, 'http://www.a.test/y'), 'http://www.a.test/y');
    assert.ok(!isFollowed(www, 'http://www.a.test/x', { allow: ['a.test'] }));
  });

  it('tells ports apart where the site has moved to', () => {
    const moved = lease('http://www.a.test:8080/');
    assert.ok(isFollowed(moved, 'http://www.a.test:8080/x'));
    assert.ok(!isFollowed(moved, 'http://www.a.test:8081/x'));
  });

  it('skips a URL once for each reason', () => {
    const once = (reason: SkipReason) => gate().skipped('http://a.test/', reason).once;
    assert.equal(once('robots'), once('robots'));
    assert.notEqual(once('robots'), once('budget'));
  });

  it('does not enter www by a link, but by a page that sends its reader there', () => {
    assert.ok(!isFollowed(start, 'http://www.a.test/'));
    assert.ok(isFollowed(start, 'http://www.a.test/', {}, true));
    assert.ok(!isFollowed(lease('http://a.test/x'), 'http://www.a.test/', {}, true));
  });
});
