// Runs the client's tests, and the service that they start, on other versions of Node: `npm run test:nodes -- 22 24`.
// The versions come from the registry, as packages of nothing but the binary, into `build/nodes/`.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const given = process.argv.slice(2);
const versions = given.length > 0 ? given : ['20', '22', '24'];
const tests = readdirSync('build').filter((file) => /^(client-|sse-parser).*\.test\.js$/.test(file));

const platform = process.platform === 'win32' ? 'win' : process.platform;
const name = `node-${platform}-${process.arch}`;

/** The path of a version's binary. */
function install(version) {
  const folder = resolve('build/nodes', version);
  const binary = join(folder, 'node_modules', name, 'bin', platform === 'win' ? 'node.exe' : 'node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', `${name}@${version}`];
  execFileSync('npm', args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  return binary;
}

/** What serves there: uWebSockets.js has binaries for some versions only. */
const transport = `import('./dist/serve/uws.js').then(async ({ loadUws }) => console.log((await loadUws()) ? 'uws' : 'ws'))`;

let isGood = true;
for (const version of versions) {
  const binary = install(version);
  const ask = (...args) => execFileSync(binary, args, { encoding: 'utf8' }).trim();
  console.log(`== Node ${ask('--version')}: ${tests.length} files, served over ${ask('--eval', transport)}`);
  const files = tests.map((file) => `build/${file}`);
  const { status } = spawnSync(binary, ['--test', '--test-concurrency=2', '--test-timeout=60000', ...files], {
    stdio: 'inherit',
  });
  isGood = isGood && status === 0;
}
process.exit(isGood ? 0 : 1);
