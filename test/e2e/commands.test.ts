import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { quotesOfPage, startSite } from '#src/site/site.js';
import { cli, launch, type Outcome, run, runToEnd, temporaryFolder } from '../support/process.js';
import { sendHtml, serveSite } from '../support/sites.js';

const execFileAsync = promisify(execFile);

async function practiceSite(test: TestContext): Promise<string> {
  const site = await startSite({ pages: 2 });
  test.after(() => site.close());
  return `${site.url}/`;
}

const expected = [...quotesOfPage({}, 1), ...quotesOfPage({}, 2)];

/** Writes a spider into a file of its own. */
function spiderFile(test: TestContext, text: string, name = 'mine.json'): string {
  const file = join(temporaryFolder(test), name);
  writeFileSync(file, text);
  return file;
}

/** One line that says what is wrong, and nothing of how the program is built. */
function assertOneLine({ stderr, stdout }: Outcome, ...named: (string | RegExp)[]): void {
  assert.match(stderr, /^crawlcast: [^\n]+\n$/);
  for (const part of named) {
    if (typeof part === 'string') assert.ok(stderr.includes(part), stderr);
    else assert.match(stderr, part);
  }
  assert.equal(stdout, '');
}

const badUsage: readonly [args: string[], named: RegExp, env?: NodeJS.ProcessEnv][] = [
  [['serve', '--bogus'], /--bogus/],
  [['serve', '--port', '99999'], /port.*99999/],
  [['serve', '--port', 'abc'], /port.*abc/],
  [['serve', '--port'], /port/],
  [['serve', '--transport', 'tcp'], /transport.*tcp/],
  [['serve', '--workers', '0'], /workers.*0/],
  [['serve', '--start-url', 'nowhere'], /start-url.*nowhere/],
  [['serve', '--retention', 'much'], /retention.*much/],
  [['serve', '--host', '999.1.1.1', '--port', '0'], /999\.1\.1\.1/],
  [['serve', '--cors-origin', 'nonsense'], /cors-origin.*nonsense/],
  [['serve', '--cors-origin', 'https://a.example:99999'], /cors-origin.*99999/],
  [['serve', '--token', ''], /--token/],
  [['serve', '--read-token', 'a b'], /--read-token/],
  [['serve', '--host', ''], /--host/],
  [['serve', '--data', ' '], /--data/],
  [['serve', 'surplus'], /arguments?/],
  [['serve'], /abc.*CRAWLCAST_PORT/, { CRAWLCAST_PORT: 'abc' }],
  [['serve'], /tcp.*CRAWLCAST_TRANSPORT/, { CRAWLCAST_TRANSPORT: 'tcp' }],
  [['serve'], /CRAWLCAST_ALLOW_PRIVATE_NETWORKS.*maybe/, { CRAWLCAST_ALLOW_PRIVATE_NETWORKS: 'maybe' }],
  [['serve'], /CRAWLCAST_HOST/, { CRAWLCAST_HOST: '' }],
  [['serve'], /CRAWLCAST_LOG.*verbose/, { CRAWLCAST_LOG: 'verbose' }],
  [['bogus'], /bogus/],
  [['--bogus'], /--bogus/],
  [['crawl'], /spider/],
  [['crawl', 'nobody'], /nobody/],
  [['crawl', 'quotes', '-o', 'x.xml'], /x\.xml/],
  [['crawl', './missing.json'], /missing\.json: there is no such file/],
  [['crawl', './missing.ts'], /missing\.ts: there is no such file/],
  [['crawl', './'], /it is a folder/],
  [['crawl', 'http://shop.test/'], /is no spider.*--start-url/],
  [['site', '--pages', '0'], /pages.*0/],
  [['tail', 'nowhere'], /nowhere/],
  [['tail', '--token', 'schlüssel'], /--token.*ASCII/],
];

describe('commands', { concurrency: 2 }, () => {
  for (const [args, named, env] of badUsage) {
    const title = [...Object.entries(env ?? {}).map((pair) => pair.join('=')), 'crawlcast', ...args].join(' ');
    test(`bad usage ends with 2 and one line that names it: ${title}`, async (t) => {
      const cwd = temporaryFolder(t);
      const outcome = await runToEnd(args, { cwd, ...(env && { env }) });
      assert.equal(outcome.code, 2, outcome.stderr);
      assertOneLine(outcome, named);
    });
  }

  test('a broken spider is named with its file and field', async (t) => {
    const texts: [text: string, field: RegExp, name?: string][] = [
      ['{"start":["nowhere"],"items":{}}', /start\.0/],
      ['start: [http://a.example/', /./, 'mine.yaml'],
      ['{"start":["1","2","3","4","5","6","7"],"items":{}}', /start\.4.*and 2 more/],
    ];
    for (const [text, field, name] of texts) {
      const file = spiderFile(t, text, name);
      const crawl = await runToEnd(['crawl', file]);
      assert.equal(crawl.code, 2, crawl.stderr);
      assertOneLine(crawl, file, field);
    }
    const folder = join(spiderFile(t, '{"start":["nowhere"],"items":{}}'), '..');
    const serve = await runToEnd(['serve', '--port', '0', '--spiders', folder, '--data', temporaryFolder(t)]);
    assert.equal(serve.code, 2, serve.stderr);
    assertOneLine(serve, 'mine.json', /start\.0/);
  });

  test('what stands beside modules for npm and compilers is taken for no spider', async (t) => {
    const folder = temporaryFolder(t);
    for (const name of ['package.json', 'tsconfig.json']) writeFileSync(join(folder, name), '{"type":"module"}');
    writeFileSync(join(folder, 'shop.json'), '{"start":["http://127.0.0.1:1/"],"items":{}}');
    const outcome = await runToEnd(['crawl', 'shop', '--spiders', folder]);
    assert.equal(outcome.code, 1);
    assert.match(outcome.stderr, /skipped \(port\)/);
  });

  test('crawl writes JSON Lines to a pipe and nothing else', async (t) => {
    const { code, stdout, stderr } = await runToEnd(['crawl', 'quotes', '--start-url', await practiceSite(t)]);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
      expected,
    );
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`crawl leaves nothing behind at ${signal}`, async (t) => {
      const tmp = temporaryFolder(t);
      const site = await run(t, ['site', '--port', '0', '--pages', '1000', '--delay', '20']);
      const crawl = launch(t, ['crawl', 'quotes', '--start-url', `${site.url}/`], { TMPDIR: tmp });
      await crawl.until(/"quote"/);
      assert.equal(await crawl.end(signal), 130);
      assert.deepEqual(readdirSync(tmp), []);
    });
  }

  test('crawl writes a file by its ending', async (t) => {
    const folder = temporaryFolder(t);
    const url = await practiceSite(t);
    const readers: [ending: string, read: (text: string) => unknown][] = [
      ['json', (text) => JSON.parse(text)],
      [
        'jsonl',
        (text) =>
          text
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line)),
      ],
    ];
    for (const [ending, read] of readers) {
      const file = join(folder, `quotes.${ending}`);
      const outcome = await runToEnd(['crawl', 'quotes', '--start-url', url, '-o', file]);
      assert.deepEqual(outcome, { code: 0, stdout: '', stderr: '' });
      assert.deepEqual(read(readFileSync(file, 'utf8')), expected);
    }
    const table = join(folder, 'quotes.csv');
    assert.equal((await runToEnd(['crawl', 'quotes', '--start-url', url, '-o', table])).code, 0);
    assert.equal(readFileSync(table, 'utf8').trimEnd().split('\r\n').length, 21);
  });

  test('crawl leaves a file as it was where it fails, and says which pages failed', async (t) => {
    const site = await serveSite(t, (path, response) => {
      if (path === '/gone') response.writeHead(404).end();
      else sendHtml(response, '<a href="/gone">x</a><p><b>a</b></p>');
    });
    const spider = { start: [`${site.url}/`], items: { p: { each: 'p', fields: { text: 'b' } } }, follow: ['a'] };
    const file = spiderFile(t, JSON.stringify(spider));
    const output = join(temporaryFolder(t), 'items.json');
    const whole = await runToEnd(['crawl', file, '-o', output]);
    assert.equal(whole.code, 0, whole.stderr);
    assertOneLine(whole, `${site.url}/gone: `, /404/);
    const items = readFileSync(output, 'utf8');
    assert.deepEqual(JSON.parse(items), [{ text: 'a' }]);
    const failed = await runToEnd(['crawl', file, '--start-url', `${site.url}/gone`, '-o', output]);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /the crawl failed: .*404/);
    assert.ok(failed.stderr.includes(`${output}.part`), failed.stderr);
    assert.equal(readFileSync(output, 'utf8'), items);
    assert.deepEqual(JSON.parse(readFileSync(`${output}.part`, 'utf8')), []);
  });

  test('crawl asks for nothing where its output cannot be written', async (t) => {
    const site = await serveSite(t, (_path, response) => sendHtml(response, '<p>x'));
    const folder = temporaryFolder(t);
    mkdirSync(join(folder, 'folder.json'));
    for (const output of [join(folder, 'none', 'items.json'), join(folder, 'folder.json')]) {
      const outcome = await runToEnd(['crawl', 'quotes', '--start-url', `${site.url}/`, '-o', output]);
      assert.equal(outcome.code, 2, outcome.stderr);
      assertOneLine(outcome, output, /cannot be written/);
    }
    assert.deepEqual(site.requests, []);
  });

  test('crawl says why its start URLs were skipped', async () => {
    const outcome = await runToEnd(['crawl', 'quotes', '--start-url', 'http://127.0.0.1:1/']);
    assert.equal(outcome.code, 1);
    assert.match(outcome.stderr, /^crawlcast: http:\/\/127\.0\.0\.1:1\/: skipped \(port\)\n.*the crawl failed/);
  });

  test('crawl starts a spider of the folder elsewhere, where it is told to', async (t) => {
    const spider = { start: ['http://127.0.0.1:1/'], items: { quote: { each: '.quote', fields: { quote: '.text' } } } };
    const spiders = join(spiderFile(t, JSON.stringify(spider)), '..');
    const started = await runToEnd(['crawl', 'mine', '--spiders', spiders, '--start-url', await practiceSite(t)]);
    assert.equal(started.code, 0, started.stderr);
    assert.equal(started.stdout.trimEnd().split('\n').length, 10);
  });

  test('tail of a service that is not there says so, and waits for it', async (t) => {
    const tail = launch(t, ['tail', 'http://127.0.0.1:1']);
    await tail.until(/http:\/\/127\.0\.0\.1:1 cannot be reached/, 'stderr');
    assert.equal(await tail.end('SIGINT'), 0);
  });

  test('tail of what is no service says so, and ends, also where the answer does not', async (t) => {
    const page = await serveSite(t, (path, response) => {
      if (path.startsWith('/endless/')) response.writeHead(200, { 'content-type': 'text/plain' }).write('hello');
      else sendHtml(response, '<p>hello\n\n</p>');
    });
    for (const url of [page.url, `${page.url}/endless`]) {
      const outcome = await runToEnd(['tail', url]);
      assert.equal(outcome.code, 2);
      assertOneLine(outcome, /stream of events/);
    }
  });

  test('tail that has had a stream comes back past the page of a proxy whose service is away, and says so each time', async (t) => {
    const asked: unknown[] = [];
    const proxy = await serveSite(t, (_, response, { headers }) => {
      const count = asked.push([headers.authorization, headers['last-event-id']]);
      if (count % 2 === 0) return sendHtml(response, '<h1>Back soon</h1>');
      const event = { id: `7f3a-${count}`, type: 'quote', time: '2026-01-01T00:00:00Z', data: { quote: 'a' } };
      response.writeHead(200, { 'content-type': 'Text/Event-Stream' });
      response.write(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
      if (count < 5) response.end();
    });
    const tail = launch(t, ['tail', proxy.url, '--json', '--token', 'read-it']);
    await tail.until(/7f3a-5.*\n/);
    const places = [undefined, '7f3a-1', '7f3a-1', '7f3a-3', '7f3a-3'];
    assert.deepEqual(
      asked,
      places.map((place) => ['Bearer read-it', place]),
    );
    assert.equal(await tail.end('SIGINT'), 0);
    const lines = tail.stdout().trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).id),
      ['7f3a-1', '7f3a-3', '7f3a-5'],
    );
    const told = /^(crawlcast: the connection is lost; trying .* again\ncrawlcast: connected again, .*\n){2}$/;
    assert.match(tail.stderr(), told);
  });

  test('tail of the URL of a stream asks what that asks; options go before it', async (t) => {
    const asked: string[] = [];
    const service = await serveSite(t, (path, response) => {
      asked.push(path);
      response.writeHead(204).end();
    });
    const stream = `${service.url}/events?type=page&data.author=A%20B&since=7`;
    assert.equal((await runToEnd(['tail', stream])).code, 0);
    assert.equal((await runToEnd(['tail', stream, '--type', 'quote', '--since', '0'])).code, 0);
    assert.deepEqual(asked, [
      '/events?type=page&data.author=A+B&since=7',
      '/events?type=quote&data.author=A+B&since=0',
    ]);
  });

  test('tail behind a proxy whose service is away says so once, and asks less and less often', async (t) => {
    let asked = 0;
    const proxy = await serveSite(t, (path, response) => {
      assert.equal(path, '/crawler/events?since=now');
      asked += 1;
      response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>502 Bad Gateway</h1>\n\n');
    });
    const tail = launch(t, ['tail', `${proxy.url}/crawler`]);
    await tail.until(/cannot be reached/, 'stderr');
    const startedMs = performance.now();
    while (asked < 4) await new Promise((resolve) => setTimeout(resolve, 20));
    assert(performance.now() - startedMs > 500);
    assert.equal(await tail.end('SIGINT'), 0);
    assert.equal(tail.stderr().trimEnd().split('\n').length, 1, tail.stderr());
  });

  test('what goes into a pipe has no colours, also where CI is set', async (t) => {
    const url = await practiceSite(t);
    const env = { CI: '1', FORCE_COLOR: '', NO_COLOR: '' };
    const demo = await runToEnd(['demo', '--once', '--port', '0', '--pages', '1', '--per-page', '1'], { env });
    assert.equal(demo.code, 0, demo.stderr);
    assert.ok(!demo.stdout.includes('\x1b'), demo.stdout);
    assert.match(demo.stdout, /^1 quote from 1 page\.$/m);
    const crawl = await runToEnd(['crawl', 'quotes', '--start-url', url], { env });
    assert.ok(!crawl.stdout.includes('\x1b'));
  });

  test('a terminal gets colours unless NO_COLOR says otherwise, and is told where the items are and what found none', {
    skip: spawnSync('script', ['--version']).status !== 0 && 'there is no script(1) that makes a terminal',
  }, async (t) => {
    const file = join(temporaryFolder(t), 'quotes.csv');
    const url = await practiceSite(t);
    const onTerminal = (command: string, env: NodeJS.ProcessEnv) => {
      const all = { ...process.env, TERM: 'xterm', FORCE_COLOR: '', NO_COLOR: '', ...env };
      const program = `'${process.execPath}' '${cli}' ${command}`;
      return execFileAsync('script', ['-qec', program, '/dev/null'], { env: all });
    };
    const demo = 'demo --once --port 0 --pages 1 --per-page 1';
    const cyan = '\x1b[36m';
    assert.ok((await onTerminal(demo, {})).stdout.includes(cyan));
    assert.ok(!(await onTerminal(demo, { NO_COLOR: '1' })).stdout.includes(cyan));
    const { stdout } = await onTerminal(`crawl quotes --start-url ${url} -o ${file}`, {});
    assert.ok(stdout.endsWith(`20 items from 2 pages in ${file}\r\n`), stdout);
    const blind = spiderFile(t, '{"start":["http://a.test/"],"items":{"quote":{"each":"div.qoute","fields":{}}}}');
    const found = await onTerminal(`crawl ${blind} --start-url ${url}`, {});
    assert.match(found.stdout, /items\.quote: no item on 1 page; is the selector right\?\r\n0 items from 1 page\r\n$/);
  });

  test('every command shows examples in its help', async () => {
    for (const command of [[], ['serve'], ['crawl'], ['tail'], ['site'], ['demo']]) {
      const { code, stdout } = await runToEnd([...command, '--help']);
      assert.equal(code, 0);
      assert.match(stdout, /\nExamples?:\n {2}\S/, command.join());
    }
  });

  test('crawl of a site that is down ends with 1 and one line', async (t) => {
    const site = await serveSite(t, () => {});
    await site.close();
    const outcome = await runToEnd(['crawl', 'quotes', '--start-url', `${site.url}/`]);
    assert.equal(outcome.code, 1);
    assertOneLine(outcome, /failed.*refused/);
  });

  test('crawl of what is no page ends with 1 and says so', async (t) => {
    const site = await serveSite(t, (_path, response) =>
      sendHtml(response, Buffer.alloc(64), 'application/octet-stream'),
    );
    const outcome = await runToEnd(['crawl', 'quotes', '--start-url', `${site.url}/`]);
    assert.equal(outcome.code, 1);
    assertOneLine(outcome, /failed/);
  });

  for (const [value, last] of [
    ['false', 'failed'],
    ['true', 'finished'],
  ]) {
    test(`CRAWLCAST_ALLOW_PRIVATE_NETWORKS=${value} means what it says`, async (t) => {
      const start = [await practiceSite(t)];
      const args = ['serve', '--port', '0', '--workers', '1', '--data', temporaryFolder(t)];
      const { url } = await run(t, args, { CRAWLCAST_ALLOW_PRIVATE_NETWORKS: value });
      const body = JSON.stringify({ spider: { name: 'guest', start, items: {} } });
      const { headers } = await fetch(`${url}/crawls`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
      const stream = await fetch(`${url}/events?since=0&crawl=${headers.get('location')?.split('/').at(-1)}`);
      assert.match(await stream.text(), new RegExp(`event: crawl\\.${last}`));
    });
  }

  test('CRAWLCAST_CORS_ORIGIN takes a list', async (t) => {
    const origins = ['https://a.example', 'https://b.example', 'http://localhost:5173'];
    const args = ['serve', '--port', '0', '--workers', '1', '--data', temporaryFolder(t)];
    const { url } = await run(t, args, { CRAWLCAST_CORS_ORIGIN: `${origins[0]},${origins[1]}, ${origins[2]}` });
    for (const origin of origins) {
      const { headers } = await fetch(`${url}/results`, { headers: { origin } });
      assert.equal(headers.get('access-control-allow-origin'), origin);
    }
  });

  test('--cors-origin means what a browser sends for it, however it is written', async (t) => {
    const table = [
      ['https://A.example:443', 'https://a.example'],
      ['http://b.example:80/', 'http://b.example'],
      ['https://bücher.example', 'https://xn--bcher-kva.example'],
      ['chrome-extension://abcdef', 'chrome-extension://abcdef'],
    ] as const;
    const options = table.flatMap(([written]) => ['--cors-origin', written]);
    const args = ['serve', '--port', '0', '--workers', '1', '--data', temporaryFolder(t), ...options];
    const { url } = await run(t, args);
    for (const [written, origin] of table) {
      const { headers } = await fetch(`${url}/results`, { headers: { origin } });
      assert.equal(headers.get('access-control-allow-origin'), origin, written);
    }
  });
});
