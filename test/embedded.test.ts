import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  mkdtemp,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { openEmbeddedStore, openEmbeddedTables } from '#src/store/embedded.js';
import { keys } from '#src/store/keys.js';
import type { NewEvent, Offer, Store } from '#src/store/store.js';
import { fingerprint } from '#src/url.js';
import { limited } from './support/process.js';

const crawl = 'c';
const host = 'http://a.test';
const isLinux = process.platform === 'linux';
const module = import.meta.resolve('#src/store/embedded.js');

async function directory(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'crawlcast-embedded-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A disk of 3 MB; skips the test where mounting is not allowed. */
async function smallDisk(t: TestContext): Promise<string | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'crawlcast-disk-'));
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', dir]);
  t.after(async () => {
    if (mount.status === 0) execFileSync('umount', ['-l', dir]);
    await rm(dir, { recursive: true, force: true });
  });
  if (mount.status === 0) return dir;
  t.skip('mounting a small disk is not allowed here');
  return undefined;
}

/** Overwrites each `needle` on the disk: old copies of its page are in the file as well. */
async function damageNeedles(dir: string): Promise<void> {
  const file = join(dir, 'data.mdb');
  const bytes = await readFile(file);
  for (let at = bytes.indexOf('needle'); at >= 0; at = bytes.indexOf('needle', at)) bytes.write('NEEDLE', at);
  await writeFile(file, bytes);
}

function textsOf({ log }: Store): string[] {
  const texts: string[] = [];
  for (let batch = log.read(0); batch.length > 0; batch = log.read(batch.last)) {
    for (const { json } of batch) texts.push(json.toString());
  }
  return texts;
}

function events(count: number, data = 'x', more: Partial<NewEvent> = {}): NewEvent[] {
  const tail = Buffer.from(`,"type":"quote","data":${JSON.stringify(data)}}`);
  return Array.from({ length: count }, () => ({ type: 'quote', tail, ...more }));
}

function offer(url: string, depth = 0): Offer {
  return { url, fingerprint: fingerprint(url), host, depth };
}

/** What is looked at now and then is looked at again. */
function laterBy(t: TestContext, ms: number): void {
  const { now } = performance;
  t.mock.method(performance, 'now', () => now.call(performance) + ms);
}

/** Another process that runs a few lines with `open` at hand, and the lines it prints; its address space may have a limit. */
function otherProcess(t: TestContext, code: string, limit?: number, flag: '-v' | '-f' = '-v') {
  const source = `import { openEmbeddedStore as open } from ${JSON.stringify(module)};\n${code}`;
  const line = [process.execPath, '--input-type=module', '--eval', source];
  const [program = '', ...rest] = limited(line, flag, limit);
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

describe('embedded store', () => {
  it('goes on where it stopped', async (t) => {
    const dir = await directory(t);
    const before = await openEmbeddedStore(dir);
    const { epoch } = before.log;
    await before.commit({
      crawl,
      record: {
        id: crawl,
        spider: 'quotes',
        definition: { name: 'quotes' },
        origin: 'http',
        start: ['http://a.test/'],
        state: 'running',
        startedAt: '2026-11-22T09:54:36.123Z',
      },
      events: events(600),
      offers: [offer('/1', 1), offer('/2'), offer('/3')],
      bytes: 7,
      documents: [{ collection: 'spiders', key: 'a', value: { b: 1 } }],
    });
    const lease = before.openFrontier(crawl).take(host);
    assert.ok(lease);
    await before.commit({ crawl, lease, events: events(1, 'a', { identity: 'a' }), offers: [offer('/4')] });
    const known = [before.crawls(), before.progress(crawl), textsOf(before)];
    await before.close();

    const store = await openEmbeddedStore(dir);
    t.after(() => store.close());
    assert.equal(store.log.epoch, epoch);
    assert.deepEqual([store.log.first, store.log.last], [1, 601]);
    assert.deepEqual(known[2], textsOf(store));
    assert.deepEqual(store.crawls(), known[0]);
    assert.equal(store.progress(crawl)?.stats.queued, 4);
    assert.deepEqual(store.document('spiders', 'a'), { b: 1 });
    const frontier = store.openFrontier(crawl);
    const again = frontier.take(host);
    assert.deepEqual([again?.url, again?.begun, frontier.queued], ['/2', true, 3]);
    assert.ok(again);
    const done = await store.commit({
      crawl,
      lease: again,
      release: true,
      events: [...events(1, 'a', { identity: 'a' }), ...events(1, 'b', { identity: 'b' })],
      offers: [offer('/4'), offer('/5'), offer('/1')],
    });
    assert.deepEqual([done.events.map(({ offset }) => offset), done.queued], [[602], 1]);
    assert.equal(store.progress(crawl)?.stats.duplicates, 1);
    assert.deepEqual([frontier.take(host)?.url, frontier.take(host)?.url], ['/3', '/4']);
  });

  it('has one map of its file, however long that becomes', { skip: !isLinux && 'reads /proc' }, async (t) => {
    const dir = await directory(t);
    const store = await openEmbeddedStore(dir);
    t.after(() => store.close());
    for (let step = 0; step < 20; step++) await store.commit({ crawl, events: events(500, 'x'.repeat(100)) });
    const maps = await readFile('/proc/self/maps', 'utf8');
    const path = join(await realpath(dir), 'data.mdb');
    assert.equal(maps.split('\n').filter((line) => line.endsWith(path)).length, 1);
  });

  it('opens where the address space has a limit', { skip: !isLinux && 'limits it as Linux does' }, async (t) => {
    const dir = await directory(t);
    const tail = `Buffer.from(',"type":"quote","data":"' + 'x'.repeat(1000) + '"}')`;
    const step = `{ crawl: 'c', events: Array.from({ length: 1000 }, () => ({ type: 'quote', tail: ${tail} })) }`;
    const code = `const store = await open(${JSON.stringify(dir)});
      for (let step = 0; step < 4; step++) await store.commit(${step});
      console.log(store.log.last);
      await store.close();`;
    const { lines } = otherProcess(t, code, 8_000_000);
    assert.equal((await lines.next()).value, '4000');
  });

  it('keeps the offsets going when all events are gone', async (t) => {
    const dir = await directory(t);
    const before = await openEmbeddedStore(dir, { retention: { maxBytes: 0 } });
    await before.commit({ crawl, events: events(10) });
    while (before.log.first < 11) await before.commit({ crawl, bytes: 1 });
    await before.close();
    const store = await openEmbeddedStore(dir);
    t.after(() => store.close());
    assert.deepEqual([store.log.first, store.log.last], [11, 10]);
    assert.equal((await store.commit({ crawl, events: events(1) })).events[0]?.offset, 11);
  });

  it('goes on deleting a dropped frontier after a restart', async (t) => {
    const dir = await directory(t);
    const before = await openEmbeddedStore(dir);
    const urls = Array.from({ length: 20_000 }, (_, n) => offer(`/${n}`));
    await before.commit({ crawl, offers: urls });
    await before.commit({ crawl, dropFrontier: true });
    await before.close();
    const between = await openEmbeddedStore(dir);
    // New URLs of the same crawl are none of those that are being deleted.
    await between.commit({ crawl, offers: [offer('/1')] });
    await between.close();
    const store = await openEmbeddedStore(dir);
    t.after(() => store.close());
    assert.equal(store.openFrontier(crawl).take(host)?.url, '/1');
  });

  it('deletes what was the own of a crawl that is over', async (t) => {
    const dir = await directory(t);
    const store = await openEmbeddedStore(dir);
    const ownDocuments = Array.from({ length: 600 }, (_, n) => ({ key: `${n}.test`, value: n }));
    await store.commit({ crawl, ownDocuments });
    await store.commit({ crawl, dropFrontier: true });
    for (let n = 0; n < 100; n++) await store.commit({ crawl, bytes: 1 });
    await store.close();
    const tables = await openEmbeddedTables(dir);
    t.after(() => tables.close());
    assert.deepEqual(tables.range('k', 'l', 1), []);
  });

  it('keeps nothing of what a page wrote when that has ended', async (t) => {
    const dir = await directory(t);
    const store = await openEmbeddedStore(dir);
    await store.commit({ crawl, offers: [offer('/1')] });
    const lease = store.openFrontier(crawl).take(host);
    assert.ok(lease);
    for (const identity of ['a', 'b']) await store.commit({ crawl, lease, events: events(1, identity, { identity }) });
    await store.commit({ crawl, lease, release: true });
    await store.close();
    const tables = await openEmbeddedTables(dir);
    t.after(() => tables.close());
    assert.deepEqual(tables.range('p', 'q', 1), []);
  });

  it('moves a page that waits again after a restart to a shorter path, and reads it once', async (t) => {
    const dir = await directory(t);
    const before = await openEmbeddedStore(dir);
    const bounded = { crawl, isBounded: true } as const;
    await before.commit({ ...bounded, offers: [offer('/page', 9)] });
    const lease = before.openFrontier(crawl).take(host);
    assert.ok(lease);
    await before.commit({ ...bounded, lease, offers: [offer('/on', 10)] });
    await before.close();
    const store = await openEmbeddedStore(dir);
    t.after(() => store.close());
    const frontier = store.openFrontier(crawl);
    await store.commit({ ...bounded, offers: [offer('/page', 5)] });
    const urls = [frontier.take(host), frontier.take(host), frontier.take(host)].map((one) => one?.url);
    assert.deepEqual(urls, ['/page', '/on', undefined]);
  });

  it('is refused a second time in one process, also by another path', async (t) => {
    const dir = await directory(t);
    const store = await openEmbeddedStore(join(dir, 'data'));
    await symlink(join(dir, 'data'), join(dir, 'link'));
    await assert.rejects(openEmbeddedStore(join(dir, 'data')), { code: 'data.in_use' });
    await assert.rejects(openEmbeddedStore(join(dir, 'link')), { code: 'data.in_use' });
    await store.close();
    await (await openEmbeddedStore(join(dir, 'link'))).close();
  });

  it('is refused while another process has it, and free once that one is killed', async (t) => {
    const dir = await directory(t);
    const { child, lines } = otherProcess(
      t,
      `const store = await open(${JSON.stringify(dir)}); console.log('open'); setInterval(() => {}, 1000);`,
    );
    assert.equal((await lines.next()).value, 'open');
    await assert.rejects(openEmbeddedStore(dir), { code: 'data.in_use' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await openEmbeddedStore(dir)).close();
  });

  it('has all that was said to be durable when its process is killed at any moment, and nothing by halves', async (t) => {
    const dir = await directory(t);
    let durable = 0;
    for (let round = 0; round < 5; round += 1) {
      const { child, lines } = otherProcess(
        t,
        `const store = await open(${JSON.stringify(dir)});
         const tail = Buffer.from(',"data":1}');
         const events = Array.from({ length: 11 }, () => ({ type: 'quote', tail }));
         for (let n = store.log.last; ; n += 11) {
           const url = '/' + n;
           await store.commit({ crawl: 'c', events, offers: [{ url, fingerprint: url.padStart(22, 'x'), host: 'h', depth: 0 }] });
           console.log(store.log.last);
         }`,
      );
      for (let count = 0; count < 20 + round * 13; count += 1) durable = Number((await lines.next()).value);
      child.kill('SIGKILL');
      for (let line = await lines.next(); !line.done; line = await lines.next()) durable = Number(line.value);
      const store = await openEmbeddedStore(dir);
      const { last } = store.log;
      assert.ok(last >= durable);
      assert.equal(last % 11, 0);
      assert.deepEqual([store.progress(crawl)?.lastOffset, store.progress(crawl)?.counts.quote], [last, last]);
      assert.deepEqual([store.openFrontier(crawl).queued, store.progress(crawl)?.stats.queued], [last / 11, last / 11]);
      await store.close();
    }
  });

  it('says so when the directory cannot be used', async (t) => {
    const dir = await directory(t);
    await writeFile(join(dir, 'file'), '');
    await assert.rejects(openEmbeddedStore(join(dir, 'file')), { code: 'data.unusable' });
    await assert.rejects(openEmbeddedStore(join(dir, 'file', 'below')), { code: 'data.unusable' });
  });

  it('says so when the directory is a file', async (t) => {
    const file = join(await directory(t), 'file');
    await writeFile(file, '');
    await assert.rejects(openEmbeddedStore(file), { code: 'data.unusable', message: /it is a file/ });
  });

  it('says so when it may not write there', async (t) => {
    // Root may write anywhere, but not on a disk that is read-only.
    const dir = process.getuid?.() === 0 ? await smallDisk(t) : await directory(t);
    if (dir === undefined) return;
    if (process.getuid?.() === 0) execFileSync('mount', ['-o', 'remount,ro', dir]);
    else await chmod(dir, 0o500);
    await assert.rejects(openEmbeddedStore(dir), { code: 'data.unusable' });
  });

  it('says which of its files it may not use', async (t) => {
    const dir = await directory(t);
    await (await openEmbeddedStore(dir)).close();
    const files = ['lock.mdb', 'data.mdb'].map((name) => join(dir, name));
    // Root may read whatever there is.
    const other = process.getuid?.() === 0 ? 65_534 : undefined;
    if (other !== undefined) for (const path of [dir, ...files]) await chown(path, other, other);
    for (const file of files) {
      await chmod(file, 0o000);
      const code = `
        if (${other}) process.setuid(${other});
        await open(${JSON.stringify(dir)}).catch(({ code, message }) => console.log(code, message));`;
      const { value } = await otherProcess(t, code).lines.next();
      assert.match(String(value), /^data\.unusable .*permission denied.*\.mdb/);
      await chmod(file, 0o644);
    }
  });

  it('says so when its file is something else, and leaves it as it is', async (t) => {
    const dir = await directory(t);
    for (const content of ['not a database', 'x'.repeat(100_000)]) {
      await writeFile(join(dir, 'data.mdb'), content);
      await assert.rejects(openEmbeddedStore(dir), { code: 'data.corrupt' });
      assert.equal(await readFile(join(dir, 'data.mdb'), 'utf8'), content);
    }
  });

  it('says so when its file has lost its end, and leaves it as it is', async (t) => {
    const dir = await directory(t);
    const store = await openEmbeddedStore(dir);
    for (let n = 0; n < 20; n += 1) await store.commit({ crawl, events: events(100), offers: [offer(`/${n}`)] });
    await store.close();
    const file = join(dir, 'data.mdb');
    const whole = (await stat(file)).size;
    // The very last page may be one that LMDB took and gave back: of sixteen, some hold something.
    for (const size of [whole - 16 * 4096, whole / 2, 12_288, 5000]) {
      await truncate(file, size);
      await assert.rejects(openEmbeddedStore(dir), { code: 'data.corrupt', message: /is damaged/ });
      assert.equal((await stat(file)).size, size);
    }
  });

  it('opens a file that is shorter than it says, where nothing of what it holds is missing', async (t) => {
    const dir = await directory(t);
    const before = await openEmbeddedStore(dir);
    await before.commit({ crawl, events: events(300) });
    await before.close();
    const file = join(dir, 'data.mdb');
    const bytes = await readFile(file);
    // One page more than there is, in both of the places where LMDB writes it down.
    for (const at of [144, 144 + bytes.readUInt32LE(48)]) bytes.writeBigUInt64LE(bytes.readBigUInt64LE(at) + 1n, at);
    await writeFile(file, bytes);
    const store = await openEmbeddedStore(dir);
    t.after(() => store.close());
    assert.equal(store.log.last, 300);
    assert.equal((await store.commit({ crawl, events: events(300) })).events.length, 300);
  });

  it('says so when it meets an event whose bytes have changed', async (t) => {
    const dir = await directory(t);
    const before = await openEmbeddedStore(dir);
    await before.commit({ crawl, events: [...events(100), ...events(1, 'needle'), ...events(100)] });
    await before.close();
    await damageNeedles(dir);
    const store = await openEmbeddedStore(dir);
    t.after(() => store.close());
    assert.throws(() => store.log.read(0), { code: 'data.corrupt' });
  });

  it('gives what lies before a damaged part, and says so only to who goes on from there', async (t) => {
    const dir = await directory(t);
    const before = await openEmbeddedStore(dir);
    for (const data of ['a', 'b', 'needle', 'c']) await before.commit({ crawl, events: events(10, data) });
    await before.close();
    await damageNeedles(dir);
    const store = await openEmbeddedStore(dir);
    t.after(() => store.close());
    assert.equal(store.log.read(0).last, 20);
    for (const after of [20, 25]) assert.throws(() => store.log.read(after), { code: 'data.corrupt' });
    assert.equal(store.log.read(30).last, 40);
  });

  it('says so where a part of the log is missing, and gives what comes before it and behind it', async (t) => {
    const dir = await directory(t);
    const before = await openEmbeddedStore(dir);
    for (let i = 0; i < 3; i++) await before.commit({ crawl, events: events(10) });
    await before.close();
    const tables = await openEmbeddedTables(dir);
    await tables.write(new Map([[keys.chunk(11), undefined]]));
    await tables.close();
    const store = await openEmbeddedStore(dir);
    t.after(() => store.close());
    assert.equal(store.log.read(0).length, 10);
    for (const after of [10, 15]) assert.throws(() => store.log.read(after), { code: 'data.corrupt' });
    assert.equal(store.log.read(20).length, 10);
  });

  it('refuses steps that cannot be made rows, and goes on', async (t) => {
    const store = await openEmbeddedStore(await directory(t));
    t.after(() => store.close());
    // As long as no memory is, without taking any.
    const tail = { length: 2 ** 50 } as Uint8Array;
    await assert.rejects(store.commit({ crawl, events: [{ type: 'quote', tail }] }), { code: 'store.failed' });
    assert.equal(store.failure?.code, 'store.failed');
    assert.equal((await store.commit({ crawl, events: events(1) })).events[0]?.offset, 1);
    assert.equal(store.failure, undefined);
  });

  it('says for good that it failed, where what is durable did not come to all who must know of it', async (t) => {
    const dir = await directory(t);
    const store = await openEmbeddedStore(dir);
    store.log.onAppend(() => {
      throw new Error('a listener failed');
    });
    const waiting = [1, 2].map(() => store.commit({ crawl, events: events(1) }));
    for (const commit of waiting) await assert.rejects(commit, { code: 'store.failed', message: /a listener failed/ });
    await assert.rejects(store.commit({ crawl, events: events(1) }), { code: 'store.failed', message: /restart/ });
    assert.equal(store.failure?.code, 'store.failed');
    assert.equal(store.isCommitting, false);
    await store.close();
    const again = await openEmbeddedStore(dir);
    t.after(() => again.close());
    assert.equal(again.log.last, 2);
    assert.equal((await again.commit({ crawl, events: events(1) })).events[0]?.offset, 3);
  });

  it('refuses a directory whose rows another version has written', async (t) => {
    const dir = await directory(t);
    await (await openEmbeddedStore(dir)).close();
    const tables = await openEmbeddedTables(dir);
    await tables.write(new Map([[keys.format, Buffer.from('1')]]));
    await tables.close();
    await assert.rejects(openEmbeddedStore(dir), { code: 'data.unusable' });
  });

  it('refuses steps while the disk is full, still serves readers, and goes on when there is room', async (t) => {
    const dir = await smallDisk(t);
    if (dir === undefined) return;
    const store = await openEmbeddedStore(join(dir, 'data'));
    await writeFile(join(dir, 'ballast'), Buffer.alloc(1_500_000));
    let written = 0;
    const fill = async () => {
      for (;;) written += (await store.commit({ crawl, events: events(100, 'x'.repeat(1000)) })).events.length;
    };
    await assert.rejects(fill(), { code: 'store.full' });
    await assert.rejects(store.commit({ crawl, events: events(100, 'x'.repeat(1000)) }), { code: 'store.full' });
    assert.deepEqual([store.log.last, store.progress(crawl)?.counts.quote], [written, written]);
    assert.equal(store.log.read(0).at(0)?.offset, 1);
    const small = store.commit({ crawl, events: events(1) });
    await assert.rejects(small, { code: 'store.full' }, 'what is small would say that there is room');
    assert.equal((await store.trouble())?.code, 'store.full');
    await rm(join(dir, 'ballast'));
    assert.equal(await store.trouble(), undefined);
    const { events: more } = await store.commit({ crawl, events: events(1) });
    assert.equal(more[0]?.offset, written + 1);
    await store.close();
    const again = await openEmbeddedStore(join(dir, 'data'));
    assert.equal(again.log.last, written + 1);
    await again.close();
  });

  it('refuses steps where the system lets no file become longer, and goes on where it does', {
    skip: !isLinux && 'limits it as Linux does',
  }, async (t) => {
    const dir = await directory(t);
    const code = `const store = await open(${JSON.stringify(dir)});
      const tail = Buffer.from(',"type":"quote","data":"' + 'x'.repeat(1000) + '"}');
      const events = Array.from({ length: 100 }, () => ({ type: 'quote', tail }));
      const commit = () => store.commit({ crawl: 'c', events }).then(() => '', ({ code, message }) => code + ' ' + message);
      let error = '';
      while (error === '') error = await commit();
      console.log(error);
      const first = await commit() !== '' && store.log.read(0).at(0)?.offset;
      await store.close();
      console.log(first);`;
    const { lines } = otherProcess(t, code, 4000, '-f');
    assert.match((await lines.next()).value, /^store\.full .*ulimit -f/);
    assert.equal((await lines.next()).value, '1');
    const store = await openEmbeddedStore(dir);
    t.after(() => store.close());
    assert.equal((await store.commit({ crawl, events: events(1) })).events.length, 1);
  });

  it('uses freed room again where a process was killed while it read', async (t) => {
    const dir = await directory(t);
    const store = await openEmbeddedStore(dir, { retention: { maxEvents: 100 } });
    t.after(() => store.close());
    const file = join(dir, 'data.mdb');
    const write = async () => {
      for (let step = 0; step < 20; step++) await store.commit({ crawl, events: events(100, 'x'.repeat(1000)) });
      return (await stat(file)).size;
    };
    await write();
    const lmdb = JSON.stringify(import.meta.resolve('lmdb'));
    const { child, lines } = otherProcess(
      t,
      `const { open: openFile } = await import(${lmdb});
       const log = openFile(${JSON.stringify(dir)}, { readOnly: true, encoding: 'binary' });
       for (const { key } of log.getRange({})) { console.log(key); process.kill(process.pid, 'SIGSTOP'); }`,
    );
    assert.equal(typeof (await lines.next()).value, 'string');
    const before = await write();
    const during = await write();
    assert.ok(during - before > 1_000_000, 'what is read is not overwritten');
    child.kill('SIGKILL');
    await once(child, 'exit');
    laterBy(t, 1_100);
    await write();
    assert.ok((await write()) - during < 1_000_000);
  });

  it('writes no more to a file that has been moved away, and goes on when it is back', async (t) => {
    const dir = await directory(t);
    const [file, elsewhere] = [join(dir, 'data.mdb'), join(dir, 'elsewhere')];
    const store = await openEmbeddedStore(dir);
    t.after(() => store.close());
    await store.commit({ crawl, events: events(1) });
    await rename(file, elsewhere);
    laterBy(t, 1_100);
    await assert.rejects(store.commit({ crawl, events: events(1) }), { code: 'store.failed', message: /moved/ });
    await writeFile(file, 'another one');
    assert.equal((await store.trouble())?.code, 'store.failed');
    assert.equal(store.log.read(0).length, 1);
    await rename(elsewhere, file);
    assert.equal(await store.trouble(), undefined);
    assert.equal((await store.commit({ crawl, events: events(1) })).events[0]?.offset, 2);
  });
});
