import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conduct } from '#src/crawl/conduct.js';
import { createPoliteness } from '#src/crawl/politeness.js';
import { createRobots, type RobotsAnswer } from '#src/crawl/robots-memory.js';
import { parseSpider, type Settings } from '#src/crawl/spider.js';
import type { Lease } from '#src/store/store.js';

const host = 'http://h';
const leaseOf = (path: string): Lease => ({
  crawl: 'x',
  host,
  url: host + path,
  fingerprint: path,
  depth: 0,
  begun: false,
});

/** The conduct of one crawl under a clock that goes only when it is told to. */
function underClock(answer: () => RobotsAnswer, changes: Partial<Settings> = {}) {
  let nowMs = 0;
  let asked = 0;
  const fetchRobots = async () => {
    asked += 1;
    return answer();
  };
  const robots = createRobots({ fetchRobots, userAgent: 'crawlcast', now: () => nowMs });
  const politeness = createPoliteness(() => nowMs);
  const { settings } = parseSpider({ name: 'x', start: [`${host}/`], items: {} });
  const conduct = new Conduct({ ...settings, ...changes }, robots, politeness);
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { conduct, politeness, pass, now: () => nowMs, asked: () => asked };
}

test('a host that cannot say is left alone, and all that is queued for it refused when patience is at an end', async (t) => {
  const { conduct, pass, now, asked } = underClock(() => ({ status: 503, body: '' }));
  t.mock.method(performance, 'now', now);
  const verdicts: unknown[] = [];
  const seen: number[] = [];
  for (let time = 0; time < 8; time += 1) {
    verdicts.push(await conduct.judge(leaseOf('/')));
    seen.push(conduct.heldMs(host));
    pass(seen[time] ?? 0);
  }
  const pauses = [500, 1_000, 2_000];
  assert.deepEqual(verdicts, [...pauses.map((retryInMs) => ({ retryInMs })), ...Array(5).fill('refused')]);
  assert.deepEqual(seen, [...pauses, 4_000, 8_000, 16_000, 32_000, 0]);
  for (const path of ['/a', '/b']) assert.equal(await conduct.judge(leaseOf(path)), 'refused');
  assert.equal(asked(), 8);
});

test('a host is asked one by one until its robots.txt is known, and then as that and the settings say', async () => {
  const body = 'User-agent: *\nCrawl-delay: 2\nDisallow: /no';
  const { conduct, politeness, pass } = underClock(() => {
    pass(1_500);
    return { status: 200, body };
  });
  const before = conduct.manners(host);
  assert.deepEqual([before.concurrencyPerHost, before.delayMs, conduct.isRefused(leaseOf('/no'))], [1, 0, false]);
  const told: string[] = [];
  politeness.onFree((free) => told.push(free));
  politeness.ask(host, 'x', before);
  politeness.begin(host, 'x');
  assert.equal(await conduct.judge(leaseOf('/yes')), 'granted');
  assert.deepEqual(told, [host], 'who waited for what it says is told');
  const after = conduct.manners(host);
  assert.deepEqual([after.concurrencyPerHost, after.delayMs], [8, 2_000]);
  assert.equal(politeness.ask(host, 'x', after), 2_000, 'the delay counts from when the page itself is asked for');
  assert.deepEqual([conduct.isRefused(leaseOf('/no')), conduct.isRefused(leaseOf('/yes'))], [true, false]);
  assert.equal(await conduct.judge(leaseOf('/no')), 'refused');
});

test('without robots no host is asked for it, or held to it', async () => {
  const { conduct, asked } = underClock(() => ({ status: 200, body: 'User-agent: *\nDisallow: /' }), { robots: false });
  assert.equal(conduct.manners(host).concurrencyPerHost, 8);
  assert.equal(await conduct.judge(leaseOf('/')), 'granted');
  assert.deepEqual([conduct.isRefused(leaseOf('/')), conduct.heldMs(host), asked()], [false, 0, 0]);
});

test('a host whose robots.txt came back while another crawl asked begins anew when it cannot be had again', async (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const silence = { status: 503, body: '' };
  const answers: RobotsAnswer[] = [silence, silence, silence];
  const fetchRobots = async () => answers.shift() ?? { status: 404, body: '' };
  const robots = createRobots({ fetchRobots, userAgent: 'crawlcast', now: () => nowMs });
  const { settings } = parseSpider({ name: 'x', start: ['http://h/'], items: {} });
  const politeness = createPoliteness();
  const [one, other] = [new Conduct(settings, robots, politeness), new Conduct(settings, robots, politeness)];
  const lease: Lease = { crawl: 'x', host: 'http://h', url: 'http://h/', fingerprint: 'h', depth: 0, begun: false };
  for (const retryInMs of [500, 1_000, 2_000]) {
    assert.deepEqual(await one.judge(lease), { retryInMs });
    nowMs += retryInMs;
  }
  assert.equal(await other.judge(lease), 'granted');
  assert.equal(await one.judge(lease), 'granted');
  nowMs += 86_400_000;
  answers.push(silence);
  assert.deepEqual(await one.judge(lease), { retryInMs: 500 });
  assert.equal(one.heldMs(lease.host), 500);
});

test('of delay and crawl-delay the longer one holds', async () => {
  const fetchRobots = async () => ({ status: 200, body: 'User-agent: *\nCrawl-delay: 2' });
  const robots = createRobots({ fetchRobots, userAgent: 'crawlcast' });
  await robots.rules('http://h');
  for (const [delay, delayMs] of [
    [500, 2_000],
    [3_000, 3_000],
  ] as const) {
    const { settings } = parseSpider({ name: 'x', start: ['http://h/'], items: {}, settings: { delay } });
    assert.equal(new Conduct(settings, robots, createPoliteness()).manners('http://h').delayMs, delayMs);
  }
});
