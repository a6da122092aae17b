import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));

test('package › it has what its users run, import and read, and no sources', async () => {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: root });
  const [{ files }] = JSON.parse(stdout);
  const paths: string[] = files.map(({ path }: { path: string }) => path);
  for (const path of [
    'dist/cli.js',
    'dist/index.d.ts',
    'dist/client/index.d.ts',
    'dist/dashboard/index.html',
    'examples/authors.ts',
    'docs/client.md',
    'src/README.md',
  ]) {
    assert.ok(paths.includes(path), path);
  }
  assert.deepEqual(
    paths.filter((path) => /^(src|client|test)\/.*\.tsx?$|\.tsbuildinfo$/.test(path)),
    [],
  );
});
