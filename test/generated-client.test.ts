/** A client that a public generator makes of the live document: it compiles, and what it promises of answers holds. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { startSite } from '#src/site/site.js';
import { run, temporaryFolder } from './support/process.js';

const execFileAsync = promisify(execFile);
const home = fileURLToPath(new URL('../test/generated-client/', import.meta.url));
const isInstalled = existsSync(join(home, 'node_modules'));

/** What the program in `generated-client/` gives. */
interface Program {
  callAll(url: string, slowSite: string): Promise<Outcome>;
}

interface Outcome {
  readonly calls: readonly string[];
  readonly finished: { readonly state: string; readonly stats: { readonly pages: number; readonly items: number } };
  readonly cancelled: { readonly state: string };
  readonly kept: unknown;
  readonly items: readonly unknown[];
  readonly lines: string;
  readonly events: readonly { readonly type: string; readonly data: unknown }[];
  readonly codes: readonly unknown[];
}

test('a client generated from /openapi.json compiles strictly, and calls everything there is', {
  skip: !isInstalled && 'the generator is not installed: npm run test:generated-client',
}, async (t) => {
  const site = await startSite({ pages: 3, perPage: 4 });
  t.after(() => site.close());
  const slowSite = await startSite({ pages: 1_000, delayMs: 30 });
  t.after(() => slowSite.close());
  const own = ['--port', '0', '--workers', '1', '--data', temporaryFolder(t), '--start-url', `${site.url}/`];
  const { url } = await run(t, ['serve', '--allow-private-networks', ...own]);

  const folder = temporaryFolder(t);
  symlinkSync(join(home, 'node_modules'), join(folder, 'node_modules'));
  for (const file of ['package.json', 'tsconfig.json', 'program.ts'])
    copyFileSync(join(home, file), join(folder, file));
  const call = (name: string, ...args: string[]) =>
    execFileAsync(join(home, 'node_modules/.bin', name), args, { cwd: folder }).catch(
      (error: { stdout: string; stderr: string }) => assert.fail(`${name}: ${error.stdout}${error.stderr}`),
    );
  await call('openapi-typescript', `${url}/openapi.json`, '-o', 'api.d.ts');
  await call('tsc', '-p', '.');

  const program: Program = await import(pathToFileURL(join(folder, 'program.js')).href);
  const outcome = await program.callAll(url, `${slowSite.url}/`);
  const { paths }: { paths: Record<string, object> } = JSON.parse(await (await fetch(`${url}/openapi.json`)).text());
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual([...new Set(outcome.calls)].sort(), described.sort());
  assert.equal(outcome.finished.state, 'finished');
  assert.deepEqual([outcome.finished.stats.pages, outcome.finished.stats.items], [2, 8]);
  assert.equal(outcome.cancelled.state, 'cancelled');
  assert.deepEqual(
    outcome.events.map(({ type }) => type),
    [...Array(8).fill('quote'), 'crawl.finished'],
  );
  assert.deepEqual(
    outcome.items,
    outcome.events.slice(0, 8).map(({ data }) => data),
  );
  assert.equal(outcome.lines, outcome.items.map((item) => `${JSON.stringify(item)}\n`).join(''));
  assert.deepEqual(outcome.kept, {
    name: 'generated',
    start: [`${slowSite.url}/`],
    items: {
      line: {
        each: 'div.quote',
        fields: { text: 'span.text', tags: ['a.tag'], author: { css: 'small.author', as: 'text' } },
      },
    },
    follow: ['li.next a'],
  });
  assert.deepEqual(outcome.codes, ['upgrade.needed', 'crawl.unknown', 'spider.invalid']);
});
