import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const collector = new URL('../dist/collector.js', import.meta.url).href;

test('collector › all is collected before the rules change, once, and what that takes is not left exposed', async () => {
  const script = `
    import { tuneCollector } from '${collector}';
    console.log('BEFORE');
    tuneCollector();
    tuneCollector();
    console.log('AFTER', typeof gc);`;
  const args = ['--trace-gc', '--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const [, between = '', behind = ''] = /BEFORE\n(.*)AFTER(.*)/s.exec(stdout) ?? [];
  assert.equal(between.match(/Mark-Compact/g)?.length, 1, stdout);
  assert.match(behind, /^ undefined/);
});
