/** Keeps the rules of the house: who imports whom, where each dependency lives, how long a file may be. */
import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { test } from 'node:test';
import { filesIn, manifest, textOf } from './support/repository.js';

interface Import {
  readonly from: string;
  /** A path from the root for what is ours, else the name of a package or module. */
  readonly what: string;
  readonly typeOnly: boolean;
}

const statement = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm;

function importsOf(file: string): Import[] {
  return [...textOf(file).matchAll(statement)].map(([, type, named, dynamic]) => {
    const given = named ?? dynamic ?? '';
    const typeOnly = type !== undefined;
    if (given.startsWith('.')) return { from: file, what: posix.join(posix.dirname(file), given), typeOnly };
    return { from: file, what: given.replace(/^#src\//, 'src/'), typeOnly };
  });
}

const sources = filesIn('src', '.ts').filter((file) => !file.endsWith('.d.ts'));
const isDashboard = (file: string) => file.startsWith('client/dashboard/');
const client = filesIn('client', '.ts').filter((file) => !file.endsWith('.d.ts') && !isDashboard(file));
const dashboard = [...filesIn('client', '.ts'), ...filesIn('client', '.tsx')].filter(isDashboard);
const imports = sources.flatMap(importsOf);
const tell = ({ from, what }: Import) => `${from} imports ${what}`;

/** The room of a path: its folder, or for what stands at the top its name. */
function roomOf(path: string): string {
  const [, first = ''] = /^src\/([^/]+?)(?:\.[jt]s)?(?:\/|$)/.exec(path) ?? [];
  if (first === 'spiders') return 'crawl';
  return Object.hasOwn(mayImport, first) ? first : 'ground';
}

/** Imports go one way. The ground is what stands at the top of `src` and knows nothing: events, errors, url and the like. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  ground: [],
  site: ['ground'],
  store: ['ground'],
  config: ['store', 'ground'],
  crawl: ['store', 'ground'],
  index: ['crawl', 'ground'],
  serve: ['crawl', 'config', 'store', 'ground'],
  service: ['serve', 'crawl', 'config', 'store', 'ground'],
  cli: ['service', 'serve', 'crawl', 'config', 'store', 'site', 'ground'],
};

test('house › imports go from cli to serve to crawl to store to the ground', () => {
  const wrong = imports
    .filter(({ what }) => what.startsWith('src/'))
    .filter(({ from, what }) => {
      const [here, there] = [roomOf(from), roomOf(what)];
      return here !== there && !mayImport[here]?.includes(there);
    });
  assert.deepEqual(wrong.map(tell), []);
});

test('house › only the commands know how a store is made', () => {
  const seam = ['src/store/store.js', 'src/store/follow.js'];
  const wrong = imports
    .filter(({ what }) => what.startsWith('src/store/') && !seam.includes(what))
    .filter(({ from }) => !['store', 'cli'].includes(roomOf(from)));
  assert.deepEqual(wrong.map(tell), []);
});

test('house › the client takes types of events, and nothing else of ours', () => {
  const wrong = [...client, ...dashboard]
    .flatMap(importsOf)
    .filter(({ what, typeOnly }) => what.startsWith('src/') && !(what === 'src/events.js' && typeOnly));
  assert.deepEqual(wrong.map(tell), []);
});

/** Where each dependency lives. */
const homes: Readonly<Record<string, RegExp>> = {
  '@nats-io/jetstream': /^src\/store\/(cluster|snapshots|tail)\.ts$/,
  '@nats-io/transport-node': /^src\/store\/(cluster|peers|tail)\.ts$/,
  commander: /^src\/cli\.ts$/,
  'css-select': /^src\/crawl\/selectors\.ts$/,
  'css-what': /^src\/crawl\/(selectors|settling|positions|siblings)\.ts$/,
  'csv-stringify': /^src\/serve\/export\.ts$/,
  domhandler: /^src\/crawl\/inner-markup\.ts$/,
  domutils: /^src\/crawl\/inner-markup\.ts$/,
  entities: /^src\/crawl\/(html|xml)\.ts$/,
  fzstd: /^src\/crawl\/decompress\.ts$/,
  htmlparser2: /^src\/crawl\/xml\.ts$/,
  jiti: /^src\/crawl\/module-file\.ts$/,
  'ipaddr.js': /^src\/crawl\/addresses\.ts$/,
  lmdb: /^src\/store\/embedded\.ts$/,
  'nth-check': /^src\/crawl\/positions\.ts$/,
  picocolors: /^src\/cli\//,
  pino: /^src\/cli\/(logger|journal|serve|descriptors)\.ts$/,
  'pino-pretty': /^src\/cli\/logger\.ts$/,
  'prom-client': /^src\/serve\/metrics\.ts$/,
  rxjs: /^(src\/crawl|client)\//,
  'tough-cookie': /^src\/crawl\/cookies\.ts$/,
  ulid: /^src\/crawl\/start\.ts$/,
  undici: /^src\/crawl\/(fetcher|connections|exchange)\.ts$/,
  'uWebSockets.js': /^src\/serve\/uws(-\w+)?\.ts$/,
  // The client opens WebSockets with it where there is no other.
  ws: /^(src\/serve\/node(-\w+)?|client\/websocket)\.ts$/,
  yaml: /^src\/crawl\/shelf\.ts$/,
  zod: /^src\/(crawl\/(spider|complaints|header-rules)|serve\/(subscription|schemas|start-request))\.ts$/,
};

const packageOf = (what: string) => /^(?:@[^/]+\/)?[^/]+/.exec(what)?.[0] ?? what;
const foreign = [...imports, ...client.flatMap(importsOf)].filter(({ what }) => !/^(node:|src\/|client\/)/.test(what));

test('house › each dependency lives in its home', () => {
  const wrong = foreign.filter(({ from, what }) => !homes[packageOf(what)]?.test(from));
  assert.deepEqual(wrong.map(tell), []);
});

test('house › the dashboard is bundled with little, and with nothing that the service needs to run', () => {
  const bundled = ['@preact/signals', 'preact', 'uplot'];
  const page = dashboard.filter((file) => !file.endsWith('vite.config.ts'));
  const used = page.flatMap(importsOf).filter(({ what }) => !/^(src|client)\//.test(what));
  assert.deepEqual([...new Set(used.map(({ what }) => packageOf(what)))].sort(), bundled);
  const { dependencies } = manifest();
  assert.deepEqual(
    bundled.filter((name) => Object.hasOwn(dependencies, name)),
    [],
  );
});

test('house › each dependency has a home, and is used there', () => {
  const { dependencies } = manifest();
  assert.deepEqual(Object.keys(homes).sort(), Object.keys(dependencies).sort());
  const used = new Set(foreign.map(({ what }) => packageOf(what)));
  assert.deepEqual([...used].sort(), Object.keys(dependencies).sort());
});

test('house › what decides about the disk or runs as a binary has an exact version', () => {
  const { dependencies } = manifest();
  for (const name of ['lmdb', 'uWebSockets.js'])
    assert.match(dependencies[name] ?? '', /^(npm:[\w-]+@)?\d+\.\d+\.\d+$/);
});

/** Lines of a source file. */
const maxLines = 300;

test('house › a source file can be read in one sitting', () => {
  const lengths = [...sources, ...dashboard].map((file) => [file, textOf(file).split('\n').length - 1] as const);
  assert.deepEqual(
    lengths.filter(([, lines]) => lines > maxLines),
    [],
  );
});

test('house › nothing is left for later', () => {
  // In brackets, so that this very line is none of them.
  const later = /\b(T[O]DO|F[I]XME|X[X]X)\b/;
  const files = [
    ...sources,
    ...client,
    ...dashboard,
    ...filesIn('test', '.ts'),
    ...filesIn('docs', '.md'),
    'README.md',
  ];
  assert.deepEqual(
    files.filter((file) => later.test(textOf(file))),
    [],
  );
});

interface Locked {
  readonly integrity?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

for (const file of [
  'package-lock.json',
  'test/bench/peers/package-lock.json',
  'test/generated-client/package-lock.json',
]) {
  test(`house › ${file} holds on every platform and for every mirror`, () => {
    const { packages }: { packages: Record<string, Locked> } = JSON.parse(textOf(file));
    for (const [path, { integrity, resolved, optionalDependencies = {} }] of Object.entries(packages)) {
      assert.equal(resolved, undefined, `${path} is to be had at one address only`);
      assert.ok(path === '' || integrity !== undefined, `${path} has no hash`);
      for (const name of Object.keys(optionalDependencies)) {
        // Without it `npm ci` refuses the file, on the platforms that have no use for it too.
        const known = packages[`node_modules/${name}`] ?? packages[`${path}/node_modules/${name}`];
        assert.ok(known !== undefined, `${name}, which ${path} may need, is missing`);
      }
    }
  });
}
