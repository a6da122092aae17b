import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, it, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { saysNofollow } from '#src/crawl/directives.js';
import { createFetcher } from '#src/crawl/fetcher.js';
import { maxRobotsLength, parseRobots, userAgentToken } from '#src/crawl/robots.js';
import { createRobotsDesk } from '#src/crawl/robots-desk.js';
import { createRobots, type RobotsAnswer } from '#src/crawl/robots-memory.js';
import { startCrawler } from './support/crawling.js';
import { request as requestOf } from './support/fetching.js';
import { collectGarbage } from './support/garbage.js';
import { openNetwork } from './support/network.js';

interface Row {
  readonly because: string;
  readonly text: string;
  readonly allowed?: readonly string[];
  readonly forbidden?: readonly string[];
}

const table: Row[] = [
  { because: 'an empty file allows everything', text: '', allowed: ['/', '/x?y'] },
  {
    because: 'a path is a prefix',
    text: 'User-agent: *\nDisallow: /a',
    allowed: ['/', '/b'],
    forbidden: ['/a', '/ab/c'],
  },
  { because: 'an empty Disallow forbids nothing', text: 'User-agent: *\nDisallow:', allowed: ['/'] },
  {
    because: 'a byte order mark is no part of the first line',
    text: '\uFEFFUser-agent: *\nDisallow: /a',
    forbidden: ['/a'],
  },
  { because: 'a line may end with CR', text: 'User-agent: *\rDisallow: /a\rDisallow: /b', forbidden: ['/a', '/b'] },
  {
    because: 'of two patterns as long the one that allows counts',
    text: 'User-agent: *\nDisallow: /a*\nAllow: /ab\nAllow: /x*\nDisallow: /xy',
    allowed: ['/abc', '/xyz'],
    forbidden: ['/a', '/ac'],
  },
  {
    because: 'what a path ends with is not what it begins with as well',
    text: 'User-agent: *\nDisallow: /ab*ba$',
    allowed: ['/aba', '/abbab'],
    forbidden: ['/abba', '/ab/ba'],
  },
  { because: 'a line may end with CR LF', text: 'User-agent: *\r\nDisallow: /a\r\n', forbidden: ['/a'] },
  {
    because: 'our own group counts alone',
    text: 'User-agent: *\nDisallow: /a\n\nUser-agent: crawlcast\nDisallow: /b',
    allowed: ['/a'],
    forbidden: ['/b'],
  },
  {
    because: 'groups of one name are one, whatever their case',
    text: 'User-agent: CrawlCast\nDisallow: /a\n\nUser-agent: *\nDisallow: /c\n\nUser-agent: crawlcast/2.0\nDisallow: /b',
    allowed: ['/c'],
    forbidden: ['/a', '/b'],
  },
  {
    because: 'several user agents share a group, over empty lines and sitemaps',
    text: 'User-agent: crawlcast\n\nSitemap: http://h/s.xml\nUser-agent: other\nDisallow: /a',
    forbidden: ['/a'],
  },
  {
    because: 'what is no rule does not end the list of user agents',
    text: 'User-agent: crawlcast\nHost: a.test\nUser-agent: other\nDisallow: /a',
    forbidden: ['/a'],
  },
  {
    because: 'a crawl-delay ends the list of user agents as any rule does',
    text: 'User-agent: crawlcast\nCrawl-delay: 1\nUser-agent: other\nDisallow: /',
    allowed: ['/a'],
  },
  {
    because: 'of rules with something behind an asterisk the first 2,000 count, however often one is written',
    text: `User-agent: *\n${Array.from({ length: 3_000 }, (_, n) => `Disallow: *z${n}z\nDisallow: *z0z`).join('\n')}\nDisallow: /plain\nDisallow: /all/*`,
    allowed: ['/xz2000z', '/x'],
    forbidden: ['/xz0z', '/xz1999z', '/plain', '/all/x'],
  },
  {
    because: 'of two rules that are the same the one that allows counts, in either order',
    text: 'User-agent: *\nDisallow: /a\nAllow: /a\nAllow: /b\nDisallow: /b',
    allowed: ['/a', '/b'],
  },
  { because: 'a name that only begins alike is another', text: 'User-agent: crawl\nDisallow: /', allowed: ['/'] },
  {
    because: 'rules before any user agent are nobody’s',
    text: 'Disallow: /\nUser-agent: *\nAllow: /',
    allowed: ['/a'],
  },
  {
    because: 'the longest match counts, in whatever order',
    text: 'User-agent: *\nAllow: /a\nDisallow: /a/b\nAllow: /a/b/c',
    allowed: ['/a', '/a/b/c/d'],
    forbidden: ['/a/b', '/a/b/x'],
  },
  {
    because: 'of two matches as long the one that allows counts',
    text: 'User-agent: *\nDisallow: /a\nAllow: /a',
    allowed: ['/a'],
  },
  {
    because: 'a star is any characters, and counts as one for the length',
    text: 'User-agent: *\nDisallow: /a/*/x\nAllow: /a/b/*/x',
    allowed: ['/a/b/c/x', '/a/x'],
    forbidden: ['/a/c/x', '/a/c/d/xyz'],
  },
  {
    because: 'a dollar is the end of path and query',
    text: 'User-agent: *\nDisallow: /*.php$\nDisallow: /only$',
    allowed: ['/a.php?x', '/only/', '/a.php5'],
    forbidden: ['/a.php', '/b/a.php.php', '/only'],
  },
  {
    because: 'star and dollar escaped, or a dollar within, are themselves',
    text: 'User-agent: *\nDisallow: /s%2As\nDisallow: /d%24\nDisallow: /p$q',
    allowed: ['/sxs', '/d', '/p'],
    forbidden: ['/s*s', '/s%2as', '/d$', '/p$q', '/p%24q'],
  },
  {
    because: 'percent forms of one character are equal',
    text: 'User-agent: *\nDisallow: /%7Eu\nDisallow: /~v\nDisallow: /ü\nDisallow: /%c3%A4\nDisallow: /a b',
    forbidden: ['/~u', '/%7eu', '/%7Ev', '/%C3%BC', '/%c3%bc', '/ä', '/a%20b'],
  },
  {
    because: 'an escaped slash is no slash',
    text: 'User-agent: *\nDisallow: /a%2Fb\nDisallow: /c/d',
    allowed: ['/a/b', '/c%2Fd'],
    forbidden: ['/a%2fb', '/c/d'],
  },
  {
    because: 'the query is part of what is matched',
    text: 'User-agent: *\nDisallow: /*?s=',
    allowed: ['/x'],
    forbidden: ['/x?s=1'],
  },
  {
    because: 'what follows a hash is a comment',
    text: 'User-agent: * # all\nDisallow: /a # b',
    forbidden: ['/a', '/a%20'],
  },
  {
    because: 'a colon may be missing, space may be around it',
    text: 'User-agent *\nDISALLOW  :  /a',
    forbidden: ['/a'],
  },
  {
    because: 'robots.txt itself is always allowed',
    text: 'User-agent: *\nDisallow: /',
    allowed: ['/robots.txt'],
    forbidden: ['/'],
  },
  {
    because: 'a web page in its place says nothing',
    text: '\n<!DOCTYPE html>\n<pre>\nUser-agent: *\nDisallow: /\n</pre>',
    allowed: ['/'],
  },
  {
    because: 'unknown lines are passed over',
    text: 'User-agent: *\nNoindex: /x\nhello\n:\nDisallow: /a',
    forbidden: ['/a'],
  },
];

describe('robots.txt', () => {
  for (const { because, text, allowed = [], forbidden = [] } of table) {
    it(because, () => {
      const rules = parseRobots(text, 'crawlcast');
      const verdicts = (paths: readonly string[]) => paths.map((path) => [path, rules.allows(path)]);
      assert.deepEqual(
        verdicts(allowed),
        allowed.map((path) => [path, true]),
      );
      assert.deepEqual(
        verdicts(forbidden),
        forbidden.map((path) => [path, false]),
      );
    });
  }

  it('is read to 500 KiB, and a rule that is cut there is left out', () => {
    for (const end of ['\n', '\r']) {
      const head = `User-agent: *${end}`;
      const filler = `# filler${end}`.repeat(60_000).slice(0, maxRobotsLength - head.length - 26);
      const text = `${head}${filler}${end}Disallow: /a${end}Disallow: /private`;
      assert.ok(text.slice(0, maxRobotsLength).endsWith('Disallow: /p'));
      const rules = parseRobots(text, 'crawlcast');
      assert.deepEqual(['/a', '/p', '/private'].map(rules.allows), [false, true, true]);
    }
  });

  it('cannot be made slow by its patterns', () => {
    const rules = parseRobots(`User-agent: *\nDisallow: /${'*a'.repeat(500)}b$`, 'crawlcast');
    const start = performance.now();
    assert.ok(rules.allows(`/${'a'.repeat(2_000)}`));
    assert.ok(performance.now() - start < 1_000);
  });

  it('cannot be made slow by a line without end before the place where it is cut', () => {
    const start = performance.now();
    const rules = parseRobots(`User-agent: *\nDisallow: /${'a'.repeat(500_000)}\n${'#\n'.repeat(20_000)}`, 'crawlcast');
    assert.ok(rules.allows('/a'));
    assert.ok(performance.now() - start < 1_000);
  });

  it('takes no more room for a group of many names, or of one name many times', () => {
    const before = process.memoryUsage().heapUsed;
    const names = Array.from({ length: 15_000 }, (_, i) => `User-agent: ${i.toString(36)}\n`).join('');
    for (const agents of [names, 'User-agent: *\n'.repeat(15_000)]) {
      const rules = parseRobots(
        `${agents}User-agent: crawlcast\n${'Allow: /a\n'.repeat(20_000)}Disallow: /b`,
        'crawlcast',
      );
      assert.deepEqual(['/a', '/b'].map(rules.allows), [true, false]);
    }
    assert.ok(process.memoryUsage().heapUsed - before < 100_000_000);
  });

  const delays: [value: string, ms: number | undefined][] = [
    ['2', 2_000],
    ['0.5', 500],
    ['0', 0],
    ['86400', 60_000],
    ['1e9', 60_000],
    ['Infinity', 60_000],
    ['-1', undefined],
    ['soon', undefined],
    ['', undefined],
  ];
  for (const [value, ms] of delays) {
    it(`takes a crawl-delay of “${value}” for ${ms} ms`, () => {
      assert.equal(parseRobots(`User-agent: *\nCrawl-delay: ${value}`, 'crawlcast').crawlDelayMs, ms);
    });
  }

  it('takes the longest crawl-delay of our groups', () => {
    const text =
      'User-agent: crawlcast\nCrawl-delay: 3\n\nUser-agent: crawlcast\nCrawl-delay: 1\n\nUser-agent: *\nCrawl-delay: 9';
    assert.equal(parseRobots(text, 'crawlcast').crawlDelayMs, 3_000);
  });
});

describe('userAgentToken', () => {
  const cases = {
    'Crawlcast/0.1 (+http://x)': 'crawlcast',
    'my-bot': 'my-bot',
    'Mozilla/5.0 (compatible; OurBot/2.1; +http://x)': 'ourbot',
    'Mozilla/5.0 (X11; Linux)': 'mozilla',
    '': '',
  };
  for (const [userAgent, token] of Object.entries(cases)) {
    it(`knows “${userAgent}” as “${token}”`, () => assert.equal(userAgentToken(userAgent), token));
  }
});

describe('robots', () => {
  /** Robots of one user agent, under a clock that goes only when told to, with the answers that it is given. */
  function withAnswers(...answers: (Partial<RobotsAnswer> | Error)[]) {
    let at = 0;
    const asked: string[] = [];
    const fetchRobots = async (origin: string): Promise<RobotsAnswer> => {
      asked.push(origin);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error('no answer');
      return { status: 200, body: '', ...answer };
    };
    const robots = createRobots({ fetchRobots, userAgent: 'Crawlcast/1.0', now: () => at, maxHosts: 100 });
    const pass = (ms: number) => {
      at += ms;
    };
    return { robots, asked, pass };
  }

  const origin = 'http://a.test';
  const forbidAll = 'User-agent: *\nDisallow: /';
  const byStatus: [answer: Partial<RobotsAnswer> | Error, allowed: boolean, again: boolean][] = [
    [{ status: 200, body: forbidAll }, false, false],
    [{ status: 200, body: '' }, true, false],
    [{ status: 204 }, true, false],
    [{ status: 301, body: forbidAll }, true, false],
    [{ status: 401, body: forbidAll }, true, false],
    [{ status: 403, body: forbidAll }, true, false],
    [{ status: 404, body: forbidAll }, true, false],
    [{ status: 410 }, true, false],
    [{ status: 99 }, false, true],
    [{ status: 429 }, false, true],
    [{ status: 500 }, false, true],
    [{ status: 503 }, false, true],
    [new Error('timeout'), false, true],
  ];
  for (const [answer, allowed, again] of byStatus) {
    const what = answer instanceof Error ? 'no answer' : `an answer of ${answer.status}`;
    it(`${allowed ? 'allows' : 'forbids'} everything${again ? ' for now' : ''} on ${what}`, async () => {
      const { robots } = withAnswers(answer);
      const rules = await robots.rules(origin);
      assert.equal(rules.allows('/x'), allowed);
      assert.equal(rules.failure, answer instanceof Error ? answer : undefined);
      assert.equal(rules.retryInMs, !again ? undefined : answer instanceof Error ? 0 : 500);
      const isThere = !(answer instanceof Error) && (answer.status ?? 0) < 300;
      assert.equal(robots.state(origin), again ? 'unavailable' : isThere ? 'rules' : 'none');
      assert.equal(robots.state('http://b.test'), undefined);
    });
  }

  it('are asked for once by all who ask at once, per scheme, name and port', async () => {
    const { robots, asked } = withAnswers({});
    const origins = [origin, origin, 'https://a.test', 'http://a.test:8080', origin];
    assert.equal(robots.known(origin), undefined);
    const rules = await Promise.all(origins.map(robots.rules));
    assert.deepEqual(asked, [...new Set(origins)]);
    assert.equal(rules[0], rules[4]);
    assert.equal(robots.known(origin), rules[0]);
  });

  it('are asked for again after a day', async () => {
    const { robots, asked, pass } = withAnswers({});
    await robots.rules(origin);
    pass(86_399_999);
    await robots.rules(origin);
    assert.equal(asked.length, 1);
    pass(1);
    assert.equal(robots.known(origin), undefined);
    await robots.rules(origin);
    assert.equal(asked.length, 2);
  });

  it('are asked for again soon where they could not be had, and then less and less often', async () => {
    const { robots, asked, pass } = withAnswers({ status: 503 }, { status: 503 }, { status: 500 }, { status: 200 });
    for (const pauseMs of [500, 1_000, 2_000]) {
      assert.equal((await robots.rules(origin)).retryInMs, pauseMs);
      pass(pauseMs - 1);
      assert.equal((await robots.rules(origin)).retryInMs, 1);
      const before = robots.known(origin);
      pass(1);
      assert.equal(before?.retryInMs, 0);
      pass(1);
      assert.equal(before?.retryInMs, 0);
    }
    assert.ok((await robots.rules(origin)).allows('/'));
    assert.equal(asked.length, 4);
  });

  it('are asked for again at once where nobody answered', async () => {
    const { robots, asked } = withAnswers(new Error('timeout'), { body: forbidAll });
    assert.equal((await robots.rules(origin)).retryInMs, 0);
    assert.equal(robots.known(origin), undefined);
    assert.equal((await robots.rules(origin)).retryInMs, undefined);
    assert.equal(asked.length, 2);
  });

  it('are asked for again as soon when the clock on the wall is set back', async (test) => {
    let wallMs = Date.now();
    test.mock.method(Date, 'now', () => wallMs);
    const none = { status: 404, body: '' };
    const answers = [{ status: 503, body: '' }, none];
    const robots = createRobots({ fetchRobots: async () => answers.shift() ?? none, userAgent: 'crawlcast' });
    await robots.rules('http://h');
    wallMs -= 30 * 86_400_000;
    await pause(510);
    assert.equal((await robots.rules('http://h')).allows('/'), true);
  });

  it('of a host that cannot be asked are looked for once in a second, and no page goes without them', async () => {
    let nowMs = 0;
    let asked = 0;
    const failure = new Error('there is no such name');
    const fetchRobots = async () => {
      asked += 1;
      return asked === 1 ? { status: 404, body: '', failure } : { status: 200, body: 'User-agent: *\nDisallow: /' };
    };
    const robots = createRobots({ fetchRobots, userAgent: 'crawlcast', now: () => nowMs });
    for (let page = 0; page < 3; page++) assert.equal((await robots.rules(origin)).failure, failure);
    const known = robots.known(origin);
    assert.deepEqual(
      [known?.failure, known?.retryInMs, robots.state(origin), asked],
      [failure, undefined, undefined, 1],
    );
    nowMs += 1_000;
    const rules = await robots.rules(origin);
    assert.deepEqual([rules.failure, rules.allows('/')], [undefined, false]);
  });

  it('that cannot be had are waited for an hour at most, and half a second again when they have been there', async () => {
    const { robots, pass } = withAnswers(...Array.from({ length: 16 }, () => ({ status: 503 })), {}, { status: 503 });
    let longest = 0;
    for (let time = 0; time < 16; time++) {
      longest = (await robots.rules(origin)).retryInMs ?? 0;
      pass(longest);
    }
    assert.equal(longest, 3_600_000);
    assert.ok((await robots.rules(origin)).allows('/'));
    pass(24 * 3_600_000);
    assert.equal((await robots.rules(origin)).retryInMs, 500);
  });

  it('wait as long as the host asks for', async () => {
    const { robots } = withAnswers({ status: 429, retryAfterMs: 300_000 });
    assert.equal((await robots.rules(origin)).retryInMs, 300_000);
  });

  it('are kept while they are on their way, also of more hosts than are remembered', async () => {
    const asked: string[] = [];
    const fetchRobots = async (one: string) => {
      asked.push(one);
      return { status: 200, body: 'User-agent: *\nDisallow: /a' };
    };
    const robots = createRobots({ fetchRobots, userAgent: 'x', maxHosts: 1 });
    const hosts = ['http://a.test', 'http://b.test', 'http://a.test'];
    const all = await Promise.all(hosts.map((one) => robots.rules(one)));
    assert.deepEqual([all.map(({ allows }) => allows('/a')), asked], [[false, false, false], hosts.slice(0, 2)]);
  });

  it('are remembered for so many hosts only', async () => {
    const { robots, asked } = withAnswers({});
    for (let i = 0; i < 150; i++) await robots.rules(`http://h${i}.test`);
    assert.equal(robots.known('http://h49.test'), undefined);
    assert.ok(robots.known('http://h50.test'));
    assert.equal(asked.length, 150);
  });

  it('are forgotten as well of a host that did not answer', async () => {
    const fetchRobots = () => Promise.reject(new Error('timeout'));
    const robots = createRobots({ fetchRobots, userAgent: 'x', maxHosts: 2 });
    for (const name of ['a', 'b', 'c']) await robots.rules(`http://${name}.test`);
    const states = ['a', 'b', 'c'].map((name) => robots.state(`http://${name}.test`));
    assert.deepEqual(states, [undefined, 'unavailable', 'unavailable']);
  });

  it('are remembered until the next host is asked where they alone need more memory than there is', async () => {
    const fetchRobots = async () => ({ status: 200, body: forbidAll });
    const robots = createRobots({ fetchRobots, userAgent: 'x', maxBytes: 1 });
    const rules = await robots.rules(origin);
    assert.equal(robots.known(origin), rules);
    await robots.rules('http://b.test');
    assert.equal(robots.known(origin), undefined);
  });

  it('are remembered for as many hosts as there is memory for', async () => {
    const body = `User-agent: *\n${Array.from({ length: 1_000 }, (_, n) => `Disallow: /${n}`).join('\n')}`;
    const fetchRobots = async () => ({ status: 200, body });
    const bytes = parseRobots(body, 'x').bytes ?? 0;
    assert.ok(bytes > 100_000);
    const robots = createRobots({ fetchRobots, userAgent: 'x', maxBytes: 10.5 * bytes });
    const known = (count: number) =>
      Array.from({ length: count }, (_, n) => n).filter((n) => robots.known(`http://h${n}.test`) !== undefined);
    for (let n = 0; n < 30; n++) await robots.rules(`http://h${n}.test`);
    assert.deepEqual(known(30), [20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
    await Promise.all(Array.from({ length: 40 }, (_, n) => robots.rules(`http://h${n}.test`)));
    assert.equal(known(40).length, 10);
  });

  it('count once, however often they are asked for anew, and are then the newest', async () => {
    const body = 'User-agent: *\nDisallow: /a';
    const bytes = parseRobots(body, 'x').bytes ?? 0;
    let at = 0;
    const fetchRobots = async () => ({ status: 200, body });
    const robots = createRobots({ fetchRobots, userAgent: 'x', maxBytes: 2 * bytes, now: () => at });
    for (let day = 0; day < 5; day++) {
      for (const host of ['b', 'a']) await robots.rules(`http://${host}.test`);
      assert.ok(robots.known('http://a.test') && robots.known('http://b.test'));
      at += 24 * 3_600_000;
    }
    for (const host of ['a', 'b', 'c']) await robots.rules(`http://${host}.test`);
    const known = ['a', 'b', 'c'].filter((host) => robots.known(`http://${host}.test`) !== undefined);
    assert.deepEqual(known, ['b', 'c']);
  });

  it('take as much memory as what is kept of them, not as what has come', () => {
    const bodyOf = (n: number) =>
      `User-agent: *\nDisallow: /a-path-that-is-long-enough-to-be-a-slice/${n}\n${`# ${n} ${'x'.repeat(100)}\n`.repeat(4_000)}`;
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    const kept = Array.from({ length: 50 }, (_, n) => parseRobots(bodyOf(n), 'x'));
    collectGarbage();
    const bytes = process.memoryUsage().heapUsed - before;
    assert.equal(kept[49]?.allows('/a-path-that-is-long-enough-to-be-a-slice/49'), false);
    assert.ok(bytes < 5_000_000, `${bytes} bytes`);
  });

  it('are remembered for the last ways to fetch only', () => {
    const desk = createRobotsDesk(createFetcher());
    const { options } = requestOf('http://a.test');
    const as = (userAgent: string) => desk.for({ ...options, userAgent });
    const [first, second] = [as('first'), as('second')];
    for (let n = 0; n < 14; n++) as(`${n}`);
    assert.equal(as('first'), first);
    as('another');
    assert.equal(as('first'), first);
    assert.notEqual(as('second'), second);
  });

  it('are waited for as long as a crawl waits, whoever asked somebody first', async () => {
    const server = createServer((_, response) => setTimeout(() => response.writeHead(404).end(), 300));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const fetcher = createFetcher();
    const desk = createRobotsDesk(fetcher);
    const url = `http://127.0.0.1:${address.port}`;
    const { options } = requestOf(url);
    const hasty = await desk.for({ ...options, timeoutMs: 50 }).rules(url);
    assert.match(String(hasty.failure), /\b(50|100) ms/);
    const patient = await desk.for({ ...options, timeoutMs: 30_000 }).rules(url);
    assert.equal(patient.failure, undefined);
    await fetcher.close();
    server.closeAllConnections();
    server.close();
  });

  it('are got from a real server', async () => {
    const server = createServer((request, response) => response.end(`User-agent: *\nDisallow: ${request.url}/x`));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const fetchRobots = async (origin: string) => {
      const answer = await fetch(`${origin}/robots.txt`);
      return { status: answer.status, body: await answer.text() };
    };
    const rules = await createRobots({ fetchRobots, userAgent: 'x' }).rules(`http://127.0.0.1:${address.port}`);
    server.closeAllConnections();
    server.close();
    assert.deepEqual(['/robots.txt/x', '/x'].map(rules.allows), [false, true]);
  });
});

test('robots.txt of a host whose name did not resolve is asked for as soon as it does', async (t) => {
  const paths: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    paths.push(url);
    response.end('User-agent: *\nDisallow: /');
  });
  t.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  await using crawler = await startCrawler(undefined, { network: await openNetwork() });
  const start = [`http://late-p${address.port}.crawl.test/`];
  const first = await crawler.crawl({ name: 'x', start, items: {} });
  assert.equal(first.of('page.failed')[0]?.data.error, 'dns.not_found');
  assert.equal(crawler.engine.hosts()[0]?.robots, 'unknown');
  await pause(1_010);
  const again = await crawler.crawl({ name: 'x', start, items: {} });
  assert.equal(again.of('page.skipped')[0]?.data.reason, 'robots');
  assert.deepEqual(paths, ['/robots.txt']);
});

describe('saysNofollow', () => {
  const cases: [values: string[], nofollow: boolean][] = [
    [[], false],
    [['all'], false],
    [['nofollow'], true],
    [['NoIndex, NoFollow'], true],
    [['none'], true],
    [['crawlcast: nofollow'], true],
    [['googlebot: none'], false],
    [['googlebot: noindex, nofollow'], false],
    [['googlebot: noindex, Crawlcast: nofollow'], true],
    [['googlebot: none', 'noindex'], false],
    [['googlebot: none', 'nofollow'], true],
    [['unavailable_after: 25 Jun 2010 15:00:00 PST, nofollow'], true],
    [['max-snippet:-1, max-image-preview:large, nofollow'], true],
    [['nofollowing', 'xnofollow'], false],
  ];
  for (const [values, nofollow] of cases) {
    it(`reads ${JSON.stringify(values)}`, () => assert.equal(saysNofollow(values, 'crawlcast'), nofollow));
  }
});
