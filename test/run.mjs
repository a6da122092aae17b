// Runs the compiled tests with Node's own runner. Arguments pick files by a part of their name: `npm test -- store`.
// With `--soak` it runs those that take minutes instead, one at a time.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const soaks = process.argv.includes('--soak');
const wanted = process.argv.slice(2).filter((argument) => argument !== '--soak');
const files = readdirSync('build', { recursive: true })
  .filter((file) => file.endsWith('.test.js') && file.startsWith('soak') === soaks)
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .map((file) => `build/${file}`)
  .sort();
if (files.length === 0) {
  console.error(`no test file has ${wanted.join(' or ')} in its name`);
  process.exit(1);
}
const options = soaks ? ['--test-concurrency=1'] : ['--test-concurrency=2', '--test-timeout=180000'];
const { status } = spawnSync(process.execPath, ['--test', ...options, ...files], { stdio: 'inherit' });
process.exit(status ?? 1);
