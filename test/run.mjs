// Runs the compiled tests with Node's own runner. Arguments pick files by a part of their name: `npm test -- store`.
// With `--browser`, `--soak` or `--limits` it runs those of that folder instead: the first need Chromium and take as long as a third of all others,
// those of the other two take minutes or much of the machine, one at a time.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const folders = ['browser', 'soak', 'limits'];
const folder = folders.find((name) => process.argv.includes(`--${name}`));
const wanted = process.argv.slice(2).filter((argument) => argument !== `--${folder}`);
const files = readdirSync('build', { recursive: true })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => folders.find((name) => file.startsWith(`${name}/`)) === folder)
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .map((file) => `build/${file}`)
  .sort();
if (files.length === 0) {
  console.error(`no test file has ${wanted.join(' or ')} in its name`);
  process.exit(1);
}
const isBroad = folder === undefined || folder === 'browser';
const options = isBroad ? ['--test-concurrency=2', '--test-timeout=180000'] : ['--test-concurrency=1'];
const { status } = spawnSync(process.execPath, ['--test', ...options, ...files], { stdio: 'inherit' });
process.exit(status ?? 1);
