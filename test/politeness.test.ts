import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backoffMs, createPoliteness, type Manners, parseRetryAfter } from '#src/crawl/politeness.js';

const plain: Manners = { concurrencyPerHost: 2, delayMs: 0, autothrottle: false };
const host = 'http://one.test';

/** Politeness under a clock that goes only when it is told to. */
function underClock() {
  let at = 1_000;
  return {
    politeness: createPoliteness(() => at),
    pass: (ms: number) => {
      at += ms;
    },
  };
}

describe('politeness', () => {
  it('allows as many requests at once as the manners say', () => {
    const { politeness } = underClock();
    for (const expected of [0, 0, Number.POSITIVE_INFINITY]) {
      assert.equal(politeness.ask(host, 'a', plain), expected);
      if (expected === 0) politeness.begin(host, 'a');
    }
    assert.equal(politeness.ask('http://other.test', 'a', plain), 0);
    politeness.end(host);
    assert.equal(politeness.ask(host, 'a', plain), 0);
  });

  it('keeps the delay between two starts, also while requests are in flight', () => {
    const { politeness, pass } = underClock();
    const manners = { ...plain, delayMs: 100 };
    assert.equal(politeness.ask(host, 'a', manners), 0);
    politeness.begin(host, 'a');
    assert.equal(politeness.ask(host, 'a', manners), 100);
    pass(99.5);
    assert.equal(politeness.ask(host, 'a', manners), 0.5);
    pass(0.5);
    assert.equal(politeness.ask(host, 'a', manners), 0);
  });

  it('counts the delay from the moment the request really left', () => {
    const { politeness, pass } = underClock();
    const manners = { ...plain, delayMs: 100 };
    politeness.ask(host, 'a', manners);
    politeness.begin(host, 'a');
    pass(80);
    politeness.touch(host);
    assert.equal(politeness.ask(host, 'a', manners), 100);
  });

  it('holds a whole host, for the longest time it was asked to', () => {
    const { politeness, pass } = underClock();
    politeness.hold(host, 3_000);
    politeness.hold(host, 1_000);
    assert.equal(politeness.ask(host, 'a', plain), 3_000);
    assert.equal(politeness.ask(host, 'b', plain), 3_000);
    assert.equal(politeness.ask('https://one.test', 'a', plain), 0);
    pass(3_000);
    assert.equal(politeness.ask(host, 'b', plain), 0);
  });

  it('tells who listens of every request that has ended', () => {
    const { politeness } = underClock();
    const freed: string[] = [];
    const stop = politeness.onFree((free) => freed.push(free));
    politeness.begin(host, 'a');
    politeness.end(host);
    stop();
    politeness.end(host);
    assert.deepEqual(freed, [host]);
  });

  it('holds two crawls to the stricter of their manners', () => {
    const { politeness, pass } = underClock();
    const strict = { ...plain, concurrencyPerHost: 1, delayMs: 500 };
    assert.equal(politeness.ask(host, 'lax', plain), 0);
    politeness.begin(host, 'lax');
    assert.equal(politeness.ask(host, 'strict', strict), Number.POSITIVE_INFINITY);
    assert.equal(politeness.ask(host, 'lax', plain), Number.POSITIVE_INFINITY);
    politeness.end(host);
    assert.equal(politeness.ask(host, 'strict', strict), 500);
    pass(500);
    assert.equal(politeness.ask(host, 'strict', strict), 0);
  });

  it('forgets the manners of a crawl that asks no more', () => {
    const { politeness, pass } = underClock();
    politeness.ask(host, 'strict', { ...plain, concurrencyPerHost: 1, delayMs: 1_000 });
    pass(121_001);
    politeness.ask(host, 'lax', plain);
    politeness.begin(host, 'lax');
    assert.equal(politeness.ask(host, 'lax', plain), 0);
  });

  it('keeps the manners of a crawl that waits out a long delay', () => {
    const { politeness, pass } = underClock();
    politeness.ask(host, 'strict', { ...plain, delayMs: 300_000 });
    politeness.begin(host, 'strict');
    politeness.end(host);
    pass(200_000);
    assert.equal(politeness.ask(host, 'lax', plain), 100_000);
  });

  it('forgets the manners of a crawl that leaves, but not when the host was asked last', () => {
    const { politeness, pass } = underClock();
    const strict = { ...plain, concurrencyPerHost: 1, delayMs: 60_000 };
    politeness.ask(host, 'strict', strict);
    politeness.begin(host, 'strict');
    const told: [string, boolean][] = [];
    politeness.onFree((...one) => told.push(one));
    politeness.leave('strict');
    politeness.leave('strict');
    assert.deepEqual(told, [[host, true]]);
    assert.equal(politeness.ask(host, 'lax', plain), 0);
    politeness.end(host);
    politeness.leave('lax');
    pass(1_000);
    for (let i = 0; i < 5_000; i++) politeness.ask(`http://h${i}.test`, 'lax', plain);
    assert.equal(politeness.ask(host, 'strict', strict), 59_000);
  });

  it('serves crawls of one host in turn, and waits for none that does not come', () => {
    const { politeness, pass } = underClock();
    const one = { ...plain, concurrencyPerHost: 1 };
    politeness.ask(host, 'a', one);
    politeness.begin(host, 'a');
    assert.equal(politeness.ask(host, 'b', one), Number.POSITIVE_INFINITY);
    pass(100);
    politeness.end(host);
    assert.equal(politeness.ask(host, 'a', one), 5);
    assert.equal(politeness.ask(host, 'b', one), 0);
    pass(5);
    assert.equal(politeness.ask(host, 'a', one), 0);
    politeness.begin(host, 'a');
    politeness.end(host);
    assert.equal(politeness.ask(host, 'a', one), 0);
  });

  it('lets a crawl that does not come in its turn keep nobody waiting twice', () => {
    const { politeness, pass } = underClock();
    const one = { ...plain, concurrencyPerHost: 1 };
    politeness.ask(host, 'a', one);
    politeness.begin(host, 'a');
    assert.equal(politeness.ask(host, 'b', one), Number.POSITIVE_INFINITY);
    politeness.end(host);
    assert.equal(politeness.ask(host, 'a', one), 5);
    pass(5);
    assert.equal(politeness.ask(host, 'a', one), 0);
    politeness.begin(host, 'a');
    politeness.end(host);
    assert.equal(politeness.ask(host, 'a', one), 0);
  });

  it('has a crawl that was served stand back for each that waits, also for one that stood back before', () => {
    const { politeness, pass } = underClock();
    const one = { ...plain, concurrencyPerHost: 1 };
    const serve = (party: string) => {
      assert.equal(politeness.ask(host, party, one), 0, party);
      politeness.begin(host, party);
    };
    // Who is told that the host is free asks within that call.
    const told: number[] = [];
    politeness.onFree(() => told.push(politeness.ask(host, 'a', one)));
    serve('a');
    assert.equal(politeness.ask(host, 'b', one), Number.POSITIVE_INFINITY);
    pass(100);
    politeness.end(host);
    serve('b');
    assert.equal(politeness.ask(host, 'b', one), Number.POSITIVE_INFINITY);
    pass(100);
    politeness.end(host);
    serve('a');
    pass(100);
    politeness.end(host);
    assert.deepEqual(told, [5, 0, 5]);
  });

  it('stands back for nobody who has not asked for two minutes', () => {
    const { politeness, pass } = underClock();
    const one = { ...plain, concurrencyPerHost: 1 };
    politeness.ask(host, 'a', one);
    politeness.begin(host, 'a');
    politeness.ask(host, 'gone', one);
    pass(120_001);
    politeness.end(host);
    assert.equal(politeness.ask(host, 'a', one), 0);
  });

  it('forgets idle hosts', () => {
    const { politeness, pass } = underClock();
    politeness.begin('http://busy.test', 'a');
    politeness.hold('http://held.test', 9_000_000);
    for (let i = 0; i < 5_000; i++) {
      politeness.ask(`http://h${i}.test`, 'a', plain);
      pass(1_000);
    }
    const known = politeness.snapshot().map((one) => one.host);
    assert.ok(known.length < 1_500, `${known.length} hosts are known`);
    assert.ok(known.includes('http://busy.test') && known.includes('http://held.test'));
  });

  it('shows how each host stands', () => {
    const { politeness, pass } = underClock();
    politeness.ask(host, 'a', { ...plain, delayMs: 40 });
    politeness.begin(host, 'a');
    politeness.hold(host, 2_000);
    pass(500);
    politeness.ask('http://free.test', 'a', plain);
    assert.deepEqual(politeness.snapshot(), [
      { host, inFlight: 1, delayMs: 40, holdMs: 1_500 },
      { host: 'http://free.test', inFlight: 0, delayMs: 0, holdMs: 0 },
    ]);
  });
});

describe('autothrottle', () => {
  const manners: Manners = { concurrencyPerHost: 4, delayMs: 0, autothrottle: true };

  function visit(latencyMs: number, ok = true, settings = manners, times = 1): number {
    const { politeness } = underClock();
    return visits([[latencyMs, ok]], settings, politeness, times);
  }

  function visits(
    list: [latencyMs: number, ok: boolean][],
    settings = manners,
    politeness = underClock().politeness,
    times = 1,
  ): number {
    for (let i = 0; i < times; i++) {
      for (const [latencyMs, ok] of list) {
        politeness.ask(host, 'a', settings);
        politeness.begin(host, 'a');
        politeness.answered(host, { latencyMs, ok });
        politeness.end(host);
      }
    }
    return politeness.snapshot().find((known) => known.host === host)?.delayMs ?? -1;
  }

  it('asks a slow host less often: latency over concurrency at once, and down by halves', () => {
    assert.equal(visit(400), 100);
    assert.equal(
      visits([
        [400, true],
        [80, true],
      ]),
      60,
    );
  });

  it('is not sped up by quick refusals', () => {
    assert.equal(
      visits([
        [400, true],
        [4, false],
      ]),
      100,
    );
    assert.equal(visit(400, false), 100);
  });

  it('stays between the delay of the settings and a minute', () => {
    assert.equal(visit(4, true, { ...manners, delayMs: 30 }), 30);
    assert.equal(visit(3_600_000), 60_000);
  });

  it('takes a delay below a millisecond for none', () => assert.equal(visit(3), 0));

  it('does nothing when it is off', () => assert.equal(visit(4_000, true, { ...manners, autothrottle: false }), 0));

  it('slows all crawls of a host while one of them wants it', () => {
    const { politeness } = underClock();
    visits([[400, true]], manners, politeness);
    politeness.ask(host, 'b', { ...manners, autothrottle: false });
    const delayMs = () => politeness.snapshot()[0]?.delayMs;
    assert.equal(delayMs(), 100);
    politeness.leave('a');
    assert.equal(delayMs(), 0);
  });

  it('leaves other hosts alone', () => {
    const { politeness } = underClock();
    visits([[4_000, true]], manners, politeness);
    politeness.ask('http://quick.test', 'a', manners);
    politeness.begin('http://quick.test', 'a');
    assert.equal(politeness.ask('http://quick.test', 'a', manners), 0);
    assert.equal(politeness.ask(host, 'a', manners), 1_000);
  });
});

describe('parseRetryAfter', () => {
  const now = Date.UTC(2026, 10, 22, 12, 0, 0);
  const cases: [value: string, ms: number | undefined][] = [
    ['3', 3_000],
    [' 120 ', 120_000],
    ['0', 0],
    ['1.5', 1_500],
    ['86400', 3_600_000],
    ['99999999999999999999', 3_600_000],
    ['Sun, 22 Nov 2026 12:00:30 GMT', 30_000],
    ['Sunday, 22-Nov-26 12:00:30 GMT', 30_000],
    ['Sun Nov 22 12:00:30 2026', 30_000],
    ['Sun, 22 Nov 2026 11:59:00 GMT', 0],
    ['Tue, 22 Nov 2050 12:00:00 GMT', 3_600_000],
    ['Mon, 99 Foo 2026 12:00:00 GMT', undefined],
    ['-5', undefined],
    ['soon', undefined],
    ['in 5 minutes', undefined],
    ['1e3', undefined],
    ['', undefined],
  ];
  for (const [value, ms] of cases) {
    it(`reads ${JSON.stringify(value)} as ${ms}`, () => assert.equal(parseRetryAfter(value, now), ms));
  }

  it('takes a time without a zone for one in Greenwich, wherever the machine is', (t) => {
    const { TZ } = process.env;
    t.after(() => {
      if (TZ === undefined) delete process.env.TZ;
      else process.env.TZ = TZ;
    });
    process.env.TZ = 'America/New_York';
    assert.equal(parseRetryAfter('Sun Nov 22 12:00:30 2026', now), 30_000);
  });
});

describe('backoffMs', () => {
  it('doubles up to a minute', () => {
    const longest = [1, 2, 3, 4, 8, 20, 5_000].map((attempt) => backoffMs(attempt, () => 1));
    assert.deepEqual(longest, [500, 1_000, 2_000, 4_000, 60_000, 60_000, 60_000]);
  });

  it('takes up to half off at random', () => {
    assert.equal(
      backoffMs(2, () => 0),
      500,
    );
    for (let i = 0; i < 100; i++) {
      const ms = backoffMs(3);
      assert.ok(ms >= 1_000 && ms <= 2_000);
    }
  });
});
