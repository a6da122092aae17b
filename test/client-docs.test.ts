import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import { run, temporaryFolder } from './support/process.js';

const root = new URL('..', import.meta.url);
const placeholder = 'http://localhost:9000';

/** Runs a program to its end; it fails unless that is a good one. */
async function runNode(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: fileURLToPath(root) });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

// Inside the package, so that it finds itself by its own name.
const folder = new URL('build/client-docs/', root);
const page = readFileSync(new URL('docs/client.md', root), 'utf8');
const snippets = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
const sources = [...snippets, readFileSync(new URL('examples/live-quotes.ts', root), 'utf8')];
const files = sources.map((_, i) => fileURLToPath(new URL(`example-${i}.ts`, folder)));

describe('the examples of the client', () => {
  it('are right by their types', async () => {
    mkdirSync(folder, { recursive: true });
    for (const [i, file] of files.entries()) writeFileSync(file, sources[i] ?? '');
    const config = {
      extends: '../../tsconfig.json',
      compilerOptions: { noEmit: true, composite: false, lib: ['es2023', 'dom'], noUnusedLocals: false },
      files,
      references: [],
    };
    writeFileSync(new URL('tsconfig.json', folder), JSON.stringify(config));
    await runNode('node_modules/typescript/bin/tsc', '-p', fileURLToPath(folder));
  });

  it('run to their ends', async (test) => {
    assert.equal(snippets.length, 6);
    const site = await run(test, ['site', '--port', '0', '--pages', '2', '--per-page', '3']);
    const data = temporaryFolder(test);
    const { url } = await run(test, ['serve', '--port', '0', '--data', data, '--start-url', `${site.url}/`]);
    const outputs: string[] = [];
    mkdirSync(folder, { recursive: true });
    for (const [i, source] of sources.entries()) {
      const { code } = transformSync(source.replaceAll(placeholder, url), { loader: 'ts', format: 'esm' });
      const program = new URL(`example-${i}.mjs`, folder);
      writeFileSync(program, code);
      outputs.push(await runNode(fileURLToPath(program)));
    }
    const [quotes = '', authors, states, , calls, errors, example] = outputs;
    assert.equal(quotes.trim().split('\n').length, 6);
    assert.match(authors ?? '', /^6 quotes$/m);
    assert.match(states ?? '', /pages: 2/);
    assert.match(calls ?? '', /^finished 2 pages$/m);
    assert.equal(errors, 'crawl.unknown 404\n');
    assert.match(example ?? '', /^6 quotes, none missing\.$/m);
  });
});
