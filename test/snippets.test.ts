/** Runs the examples of the documents as a reader would; `client-docs.test.ts` has those of the client. */
import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Script } from 'node:vm';
import { parse as parseYaml } from 'yaml';
import { parseSpider } from '#src/crawl/spider.js';
import { hasNats } from './support/nats.js';
import { cli, launch, type Running, run, runToEnd, temporaryFolder } from './support/process.js';
import { filesIn } from './support/repository.js';
import { type Snippet, snippetsOf } from './support/snippets.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const execFileAsync = promisify(execFile);

/** What is not run here, and why. */
const notRun: Readonly<Record<string, string>> = {
  'README.md: npm ci && npm run demo': 'installs; test/e2e/service.test.ts runs the demo',
  'README.md: npm ci && npm test': 'installs, and would run this very test',
  'README.md: npm start': 'builds; the service is started everywhere here',
  'docs/performance.md: npm ci --prefix test/bench/peers   # once: what is compared with, besides our own loops':
    'installs, and takes a quarter of an hour; .ci/run has its short form',
  'docs/operations.md: systemctl daemon-reload': 'changes the machine',
  'docs/operations.md: docker build -t crawlcast .': 'needs a Docker daemon; test/image.test.ts reads the Dockerfile',
  "docs/operations.md: crawlcast serve --store 'nats://nats-1:4222,nats-2:4222,nats-3:4222?replicas=3'":
    'needs three servers; test/shared.test.ts starts some',
  'docs/from-scrapy-in-flask.md: curl http://localhost:9000/crawl       SCRAPING, SCRAPE IN PROGRESS, SCRAPE COMPLETE':
    'shows what another program answered',
};

const documents = ['README.md', ...filesIn('docs', '.md').filter((file) => file !== 'docs/client.md')];
const snippets = documents.flatMap(snippetsOf);
const of = (language: string) => snippets.filter((snippet) => snippet.language === language);
const has = (program: string, ...args: string[]) => spawnSync(program, args, { timeout: 10_000 }).status === 0;

/** Where the examples find what their text calls 127.0.0.1:9000 and so on. */
interface Place {
  readonly folder: string;
  readonly site: Running;
  readonly service: Running;
}

async function openPlace(t: TestContext): Promise<Place> {
  const folder = temporaryFolder(t);
  symlinkSync(join(root, 'dist'), join(folder, 'dist'));
  const site = await run(t, ['site', '--port', '0', '--pages', '4', '--per-page', '3']);
  const args = ['--workers', '1', '--data', join(folder, 'data'), '--start-url', `${site.url}/`];
  const service = await run(t, ['serve', '--port', '0', '--allow-private-networks', ...args]);
  return { folder, site, service };
}

/** The text of an example, for the place that it is run at. */
function mapped(text: string, { folder, site, service }: Place): string {
  return text
    .replaceAll('/tmp/', `${folder}/`)
    .replaceAll(/http:\/\/(127\.0\.0\.1|localhost):9000/g, service.url)
    .replaceAll('127.0.0.1:9000', new URL(service.url).host)
    .replaceAll(/http:\/\/(127\.0\.0\.1:8001|quotes\.toscrape\.com)/g, site.url)
    .replaceAll('dist/cli.js tail', `dist/cli.js tail ${service.url}`)
    .replaceAll('npm run demo --', 'node dist/cli.js demo --port 0')
    .replaceAll(/^npm (ci|run build)$/gm, '')
    .replaceAll('/opt/crawlcast', root)
    .replaceAll('/var/lib/crawlcast', join(folder, 'data'))
    .replaceAll('/var/backups', join(folder, 'backups'));
}

/** curl as in the examples, but that an error fails, and that a stream is left after its first event, which must come. */
const curl = `curl() {
  local line
  [[ " $* " == *' -N '* ]] || { command curl -sS --fail-with-body --max-time 10 "$@" && echo; return; }
  while read -r line; do
    printf '%s\\n' "$line"
    [[ $line != data:* ]] || { kill "\${!-}" || true; return 0; }
  done < <(exec curl -sS --max-time 10 "$@")
  return 1
}
`;

async function runShell(text: string, folder: string): Promise<string> {
  const script = `set -eu\n${curl}${text}`;
  const { stdout } = await execFileAsync('bash', ['-c', script], { cwd: folder, timeout: 120_000 });
  return stdout;
}

const serving = /^node dist\/cli\.js ((?:site|serve).*?)(?: &)?$/gm;

/** Commands that serve run beside the others, on ports and data of their own. */
async function startServers(t: TestContext, text: string): Promise<void> {
  const starts = [...text.matchAll(serving)].map(async ([, args = '']) => {
    const data = args.startsWith('serve') ? ['--workers', '1', '--data', temporaryFolder(t)] : [];
    const server = launch(t, [...args.split(' '), '--port', '0', ...data]);
    await server.until(/^listening on /m);
    await server.end('SIGKILL');
  });
  await Promise.all(starts);
}

/** A crawl that goes on for as long as a test takes. */
async function slowCrawl({ site, service }: Place): Promise<string> {
  // Another name of the site, so that its delay is not that of the other crawls.
  const start = [site.url.replace('127.0.0.1', 'localhost')];
  const body = JSON.stringify({ spider: 'quotes', start, settings: { delay: '1m' } });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${service.url}/crawls`, { method: 'POST', headers, body });
  assert.equal(answer.status, 201);
  return answer.headers.get('location')?.split('/').at(-1) ?? '';
}

/** So that the latest crawl is one of quotes. */
const again = `curl 'http://127.0.0.1:9000/crawl?restart=true'`;

test('snippets', async (whole) => {
  // One service for all, one after another: what is the latest crawl must stay what it is.
  const place = await openPlace(whole);
  const { folder, site, service } = place;

  await whole.test('what is not run is there to be run', () => {
    const titles = new Set(snippets.map(({ title }) => title));
    assert.deepEqual(
      Object.keys(notRun).filter((title) => !titles.has(title)),
      [],
    );
  });

  await whole.test('each is of a kind that is looked at', () => {
    const kinds = new Set(['sh', 'json', 'yaml', 'js', 'ts', 'python', 'ini', 'nginx', 'conf']);
    const others = snippets.filter(({ language }) => !kinds.has(language));
    assert.deepEqual(
      others.map(({ title }) => title),
      [],
    );
    assert.ok(of('sh').length > 15);
  });

  for (const file of documents) {
    const commands = snippets.filter(({ file: its, language }) => its === file && language === 'sh');
    const wanted = commands.filter(({ title }) => notRun[title] === undefined);
    if (wanted.length === 0) continue;
    await whole.test(`the commands of ${file} do what they should`, async (t) => {
      await runShell(mapped(again, place), folder);
      for (const { name, text } of snippets.filter((snippet) => snippet.file === file)) {
        if (name !== undefined) writeFileSync(join(folder, name), mapped(text, place));
      }
      for (const { text, title } of wanted) {
        const id = text.includes('01JD…') ? await slowCrawl(place) : '';
        const script = mapped(text, place).replaceAll('01JD…', id);
        await startServers(t, script);
        const rest = script.replaceAll(serving, '');
        await runShell(rest, folder).catch((error: Error & { stdout?: string; stderr?: string }) => {
          assert.fail(`${title}\n${rest}\n${error.stdout}\n${error.stderr}`);
        });
      }
    });
  }

  await whole.test('a backup of a running service opens, and has its crawls', async (t) => {
    const id = await slowCrawl(place);
    const backup = of('sh').find(({ text }) => text.includes('backup.mjs'));
    assert.ok(backup);
    await runShell(mapped(backup.text, place).replaceAll('monday', 'tuesday'), folder);
    const data = join(folder, 'backups/crawlcast/tuesday');
    const restored = await run(t, ['serve', '--port', '0', '--workers', '1', '--data', data]);
    const crawl = await (await fetch(`${restored.url}/crawls/${id}`)).text();
    assert.match(crawl, /"state":"running"/);
  });

  await whole.test(
    'what is YAML is: a spider, a file for Docker, for Prometheus with figures that there are',
    async () => {
      const figures = await (await fetch(`${service.url}/metrics`)).text();
      const { stdout: help } = await runToEnd(['serve', '--help']);
      for (const { text, title } of of('yaml')) {
        const value: unknown = parseYaml(text);
        assert.ok(typeof value === 'object' && value !== null, title);
        if ('items' in value) parseSpider({ name: 'one', start: ['http://a.example/'], ...value });
        for (const [figure] of text.matchAll(/\bcrawlcast_\w+/g)) assert.ok(figures.includes(figure), figure);
        for (const [variable] of text.matchAll(/\bCRAWLCAST_\w+/g)) assert.ok(help.includes(variable), variable);
      }
    },
  );

  await whole.test('what is for Node and browsers runs, or can', async (t) => {
    await runShell(mapped(again, place), folder);
    for (const { text, title } of of('js')) {
      new Script(text, { filename: title });
      // EventSource is the browser's own.
      if (text.includes('EventSource')) continue;
      const program = `globalThis.WebSocket ??= (await import('ws')).WebSocket;\n${mapped(text, place)}`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      t.after(() => child.kill());
      const [first]: unknown[] = await once(child.stdout, 'data');
      assert.match(String(first), /^\w+-\d+ \S/, title);
    }
  });

  await whole.test('spiders that are modules crawl', async () => {
    for (const [i, { text }] of of('ts').entries()) {
      const file = join(folder, `module-${i}.ts`);
      writeFileSync(file, text);
      const { code, stdout, stderr } = await runToEnd(['crawl', file, '--workers', '1', '--start-url', `${site.url}/`]);
      assert.equal(code, 0, stderr);
      assert.equal(stdout.trimEnd().split('\n').length, 12);
    }
  });

  await whole.test(
    'programs in Python get every quote',
    {
      skip: !has('python3', '-c', 'import requests') && 'there is no Python with requests',
    },
    async () => {
      await runShell(mapped(again, place), folder);
      assert.equal(of('python').length, 2);
      for (const { text, title } of of('python')) {
        const { stdout } = await execFileAsync('python3', ['-c', mapped(text, place)], { timeout: 15_000 });
        const quotes = stdout
          .trimEnd()
          .split('\n')
          .filter((line) => !line.startsWith('SCRAPE'));
        assert.equal(quotes.length, 12, `${title}\n${stdout}`);
      }
    },
  );

  await whole.test(
    'the unit is one that systemd takes',
    {
      skip: !has('systemd-analyze', '--version') && 'there is no systemd',
    },
    async (t) => {
      for (const { text } of of('ini')) {
        const file = join(temporaryFolder(t), 'crawlcast.service');
        writeFileSync(file, text.replace('/usr/bin/node', process.execPath).replace('/opt/crawlcast/dist/cli.js', cli));
        const { stderr } = await execFileAsync('systemd-analyze', ['verify', file]);
        assert.doesNotMatch(stderr, /crawlcast/);
      }
    },
  );

  await whole.test(
    'the configuration of NATS is one that it takes',
    {
      skip: !hasNats && 'there is no nats-server',
    },
    async (t) => {
      assert.equal(of('conf').length, 1);
      for (const { text } of of('conf')) {
        const file = join(temporaryFolder(t), 'nats.conf');
        writeFileSync(file, text.replace('/var/lib/nats', temporaryFolder(t)));
        await execFileAsync('nats-server', ['-t', '-c', file]);
      }
    },
  );

  await whole.test(
    'nginx takes its lines, and events come through it',
    {
      skip: !has('nginx', '-v') && 'there is no nginx',
    },
    async (t) => {
      await runShell(mapped(again, place), folder);
      for (const snippet of of('nginx')) await throughNginx(t, snippet, place);
    },
  );
});

/** Runs nginx with these lines, without TLS, on a socket that is a file: it cannot pick a free port. */
async function throughNginx(t: TestContext, { text }: Snippet, place: Place): Promise<void> {
  const { folder } = place;
  mkdirSync(join(folder, 'logs'));
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const paths = kinds.map((kind) => `${kind}_temp_path ${kind};`).join(' ');
  const lines = mapped(text, place)
    .replaceAll(/^ *ssl_certificate.*$/gm, '')
    .replace('listen 443 ssl', `listen unix:${folder}/nginx.sock`);
  const config = `daemon off; pid nginx.pid; error_log stderr; events {} http { access_log off; ${paths}\n${lines} }`;
  writeFileSync(join(folder, 'nginx.conf'), config);
  const args = ['-p', folder, '-c', 'nginx.conf'];
  await execFileAsync('nginx', [...args, '-t']);
  const nginx = spawn('nginx', args, { stdio: 'ignore' });
  const ended = once(nginx, 'exit');
  t.after(async () => {
    nginx.kill();
    await ended;
  });
  const get = 'curl --unix-socket nginx.sock';
  const healthy = `until test -S nginx.sock; do sleep 0.05; done\n${get} --retry 9 --retry-all-errors http://crawl/healthz`;
  assert.equal((await runShell(healthy, folder)).trim(), 'ok');
  const events = await runShell(`${get} -N 'http://crawl/events?type=quote&since=0'`, folder);
  assert.match(events, /^event: quote$/m);
}
