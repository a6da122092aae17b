import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Conduct } from '#src/crawl/conduct.js';
import { createPoliteness } from '#src/crawl/politeness.js';
import { createRobots, type RobotsAnswer } from '#src/crawl/robots-memory.js';
import { parseSpider } from '#src/crawl/spider.js';
import type { Lease } from '#src/store/store.js';

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
