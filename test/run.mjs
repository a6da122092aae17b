// Runs the compiled tests with Node's own runner. Arguments pick files by a part of their name: `npm test -- store`.
// With `--browser`, `--soak` or `--limits` it runs those of that folder instead: the first need Chromium and take as long as a third of all others,
// those of the other two take minutes or much of the machine, one at a time.
import { readdirSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const folders = ['browser', 'soak', 'limits'];
const folder = folders.find((name) => process.argv.includes(`--${name}`));
const wanted = process.argv.slice(2).filter((argument) => argument !== `--${folder}`);

// Those that take longest, or wait longest, come first: at the end every core has something left.
const longest = [
  'shared',
  'hostile-crawl',
  'crash',
  'snapshot',
  'commands',
  'module-spiders',
  'service',
  'api',
  'idle',
];
const isLong = (file) => longest.some((name) => file.endsWith(`/${name}.test.js`));

const files = readdirSync('build', { recursive: true })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => folders.find((name) => file.startsWith(`${name}/`)) === folder)
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .map((file) => `build/${file}`)
  .sort((a, b) => isLong(b) - isLong(a) || a.localeCompare(b));
if (files.length === 0) {
  console.error(`no test file has ${wanted.join(' or ')} in its name`);
  process.exit(1);
}

// Of three that run at once, one usually waits for a clock or a disk. The time is for a file as a whole: it ends what hangs, also where other work slows all down.
const isBroad = folder === undefined || folder === 'browser';
const options = isBroad ? { concurrency: 3, timeout: 600_000 } : { concurrency: 1 };
run({ files, ...options })
  .on('test:fail', () => {
    process.exitCode = 1;
  })
  .compose(new spec())
  .pipe(process.stdout);
