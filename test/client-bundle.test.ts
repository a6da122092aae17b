import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const entry = fileURLToPath(new URL('../dist/client/index.js', import.meta.url));

async function bundle(external: string[]) {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    external,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const [output] = Object.values(metafile.outputs);
  const imports = output?.imports.map(({ path, kind }) => `${kind} ${path}`) ?? [];
  return {
    gzipBytes: gzipSync(outputFiles[0]?.contents ?? '').length,
    imports: [...new Set(imports)].sort(),
    files: Object.keys(metafile.inputs),
  };
}

describe('the client as one module for browsers', () => {
  it('is under 15 KB gzipped, and needs only rxjs, and ws where there is no WebSocket', async () => {
    const { gzipBytes, imports, files } = await bundle(['rxjs', 'ws']);
    assert.ok(gzipBytes < 15_000, `${gzipBytes} bytes`);
    assert.deepEqual(imports, ['dynamic-import ws', 'import-statement rxjs']);
    assert.deepEqual(
      files.filter((file) => !file.startsWith('dist/client/')),
      [],
    );
  });

  it('is under 15 KB gzipped with rxjs in it', async () => {
    const { gzipBytes, imports } = await bundle(['ws']);
    assert.ok(gzipBytes < 15_000, `${gzipBytes} bytes`);
    assert.deepEqual(imports, ['dynamic-import ws']);
  });

  it('knows of the service no more than the types of its events', () => {
    const folder = new URL('../client/', import.meta.url);
    const sources = readdirSync(folder).filter((file) => file.endsWith('.ts'));
    assert.ok(sources.length > 10);
    const foreign = sources.flatMap((file) => {
      const text = readFileSync(new URL(file, folder), 'utf8');
      const imports = text.matchAll(/^(import|export)( type)?\b[^;']* from '([^']+)';|\bimport\('([^']+)'\)/gm);
      return [...imports]
        .map(([, kind, type = '', path = '', lazy = '']) => (lazy === '' ? `${kind}${type} ${path}` : `await ${lazy}`))
        .filter((one) => !/ (\.\/|rxjs$)/.test(one));
    });
    assert.deepEqual([...new Set(foreign)].sort(), [
      'await ws',
      'export type #src/events.js',
      'import type #src/events.js',
    ]);
  });
});
