import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textOf } from './support/repository.js';

interface Instruction {
  readonly name: string;
  readonly value: string;
}

function instructionsOf(dockerfile: string): Instruction[] {
  const lines = dockerfile
    .replace(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n');
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', value = ''] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? [];
      return { name, value };
    });
}

const all = instructionsOf(textOf('Dockerfile'));
const last = all.slice(all.findLastIndex(({ name }) => name === 'FROM'));
const valuesOf = (wanted: string) => last.filter(({ name }) => name === wanted).map(({ value }) => value);

test('image › it is built in stages from one slim base, and the last one builds nothing', () => {
  const bases = all.filter(({ name }) => name === 'FROM').map(({ value }) => value.split(' ')[0]);
  assert.equal(new Set(bases).size, 1);
  assert.match(bases[0] ?? '', /^node:\d+-slim$/);
  assert.ok(bases.length > 1);
  assert.doesNotMatch(valuesOf('RUN').join('\n'), /npm|tsc/);
});

test('image › it holds what runs: the built service, its dependencies without those of development', () => {
  assert.ok(all.some(({ name, value }) => name === 'RUN' && /npm ci --omit=dev/.test(value)));
  const copied = valuesOf('COPY').map((value) => value.split(' ').at(-1));
  assert.deepEqual(copied, ['./node_modules', './dist', './']);
  const [, , manifest = ''] = valuesOf('COPY');
  assert.ok(manifest.split(' ').includes('package.json'));
});

test('image › only the binary of its own platform is left of uWebSockets.js', () => {
  const run = all.find(({ value }) => value.includes('uWebSockets.js'))?.value ?? '';
  assert.match(run, /find \S+uWebSockets\.js\/dist\/bin .*! -name .*platform.*arch.*versions\.modules.* -delete$/);
});

test('image › it runs as somebody who is not root, with a data volume of its own', () => {
  assert.deepEqual(valuesOf('USER'), ['node']);
  assert.deepEqual(valuesOf('VOLUME'), ['/data']);
  const names = last.map(({ name }) => name);
  const owned = last.findIndex(({ name, value }) => name === 'RUN' && /chown node:node \/data/.test(value));
  assert.ok(owned >= 0 && owned < names.indexOf('USER') && owned < names.indexOf('VOLUME'));
});

test('image › it can be reached, keeps its data in the volume, and says whether it is well', () => {
  const env = valuesOf('ENV').join(' ').split(/\s+/);
  for (const one of ['CRAWLCAST_HOST=0.0.0.0', 'CRAWLCAST_DATA=/data', 'NODE_ENV=production'])
    assert.ok(env.includes(one), one);
  assert.deepEqual(valuesOf('EXPOSE'), ['9000']);
  assert.match(valuesOf('HEALTHCHECK').join(), /CMD \["node", "-e", "fetch\(.*\/healthz/);
});

test('image › the service is the first process itself, so that it gets the signal', () => {
  assert.deepEqual(JSON.parse(valuesOf('ENTRYPOINT').join()), ['node', 'dist/cli.js']);
  assert.deepEqual(JSON.parse(valuesOf('CMD').join()), ['serve']);
  assert.deepEqual(valuesOf('STOPSIGNAL'), ['SIGTERM']);
});

test('image › nothing goes to the builder but what the build copies', () => {
  const ignored = textOf('.dockerignore').split('\n').filter(Boolean);
  assert.equal(ignored[0], '*');
  const kept = new Set(ignored.filter((line) => line.startsWith('!')).map((line) => line.slice(1)));
  const wanted = all
    .filter(({ name, value }) => name === 'COPY' && !value.startsWith('--from'))
    .flatMap(({ value }) => value.split(' ').slice(0, -1));
  assert.deepEqual(
    [...new Set(wanted)].filter((file) => !kept.has(file)),
    [],
  );
});
