import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FilePlace } from '#src/store/file-place.js';
import { temporaryFolder } from './support/process.js';

test('the place of a file › is held until it is deleted or moved, or something else is there', async (t) => {
  const root = temporaryFolder(t);
  const [folder, aside] = [join(root, 'folder'), join(root, 'aside')];
  const file = join(folder, 'file');
  mkdirSync(folder);
  writeFileSync(file, 'one');
  const place = new FilePlace(file);
  assert.equal(await place.isHeld(), true);
  renameSync(file, aside);
  assert.equal(await place.isHeld(), false, 'moved');
  writeFileSync(file, 'one');
  assert.equal(await place.isHeld(), false, 'another file');
  renameSync(aside, file);
  assert.equal(await place.isHeld(), true, 'back');
  renameSync(folder, aside);
  assert.equal(await place.isHeld(), false, 'its folder moved');
  writeFileSync(folder, '');
  assert.equal(await place.isHeld(), false, 'a file instead of its folder');
  rmSync(folder);
  renameSync(aside, folder);
  assert.equal(await place.isHeld(), true, 'all back');
});
