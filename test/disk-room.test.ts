import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DiskRoom } from '#src/store/disk-room.js';

/** A disk of the test's own, which counts how often it is asked. */
class Disk extends DiskRoom {
  asked = 0;

  constructor(public room: number) {
    super('/nonexistent', '/nonexistent/file');
  }

  override async free(): Promise<number> {
    this.asked += 1;
    return this.room;
  }
}

const megabyte = 1024 * 1024;

describe('the room on a disk', () => {
  it('is enough for what fits in twice', async () => {
    assert.equal(await new Disk(200).has(100), true);
    assert.equal(await new Disk(199).has(100), false);
    assert.equal(await new Disk(Number.POSITIVE_INFINITY).has(megabyte), true);
  });

  it('is not enough for less either, until what was refused fits in twice', async () => {
    const disk = new Disk(199);
    assert.equal(await disk.has(100), false);
    assert.equal(await disk.has(1), false);
    disk.room = 200;
    assert.equal(await disk.has(1), true);
    disk.room = 10;
    assert.equal(await disk.has(100), false);
  });

  it('is enough with 4 MB, however much was refused', async () => {
    const disk = new Disk(4 * megabyte - 1);
    assert.equal(await disk.has(100 * megabyte), false);
    assert.equal(await disk.has(1), false);
    disk.room += 1;
    assert.equal(await disk.has(1), true);
  });

  it('is asked for again when a quarter of it, or 16 MB, may have been written', async () => {
    for (const [room, unasked] of [
      [1_100, 250],
      [1_024 * megabyte, 16 * megabyte],
    ] as const) {
      const disk = new Disk(room);
      assert.equal(await disk.has(100), true);
      assert.equal(await disk.has(unasked - 1), true);
      assert.equal(await disk.has(1), true);
      assert.equal(disk.asked, 1);
      assert.equal(await disk.has(1), true);
      assert.equal(disk.asked, 2);
    }
  });
});
