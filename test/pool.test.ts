/** The threads, with real sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { lastValueFrom, toArray } from 'rxjs';
import type { Job, PageUpdate } from '#src/crawl/messages.js';
import { createPool, type Pool } from '#src/crawl/pool.js';
import { parseSpider, sourceOf } from '#src/crawl/spider.js';
import { request } from './support/fetching.js';
import { temporaryFolder } from './support/process.js';
import { sendHtml, serveSite } from './support/sites.js';

/** A pool, its site, and a spider of a crawl called `crawl`. */
async function start(t: TestContext, answer: (path: string, response: ServerResponse) => void, threads = 1) {
  const site = await serveSite(t, answer);
  const pool = createPool(threads);
  t.after(() => pool.close());
  const items = { line: { each: 'p', fields: { text: {} } } };
  pool.addSpider('crawl', sourceOf(parseSpider({ name: 'a', start: [site.url], items })));
  const jobFor = (path: string, crawl = 'crawl'): Job => {
    const patient = { timeoutMs: 600_000, totalTimeoutMs: 600_000 };
    const { url, options } = request(site.url + path, patient);
    return { crawl, url, options, sitemap: false, begun: false };
  };
  return {
    pool,
    jobFor,
    /** Has a spider whose code reads a page so, for a crawl called `code`. */
    addCode(body: string, kind: '' | 'async' = ''): void {
      const module = join(temporaryFolder(t), 'own.mjs');
      const imports = "import { threadId } from 'node:worker_threads';\n";
      writeFileSync(module, `${imports}export default { start: ['${site.url}'], ${kind} *parse() { ${body} } };`);
      pool.addSpider('code', { items: {}, follow: [], module });
    },
  };
}

/** Watches a page: what is told of it so far, and its end. */
function watch(pool: Pool, job: Job, onUpdate: (count: number) => void) {
  const told: PageUpdate[] = [];
  const ended = new Promise<void>((complete) => {
    const next = (update: PageUpdate) => onUpdate(told.push(update));
    pool.visit(job).subscribe({ next, complete });
  });
  return { told, ended };
}

function itemsOf(updates: readonly PageUpdate[]) {
  return updates.flatMap((update) => ('items' in update ? update.items : []));
}

test('pool › tells how long it has taken from the bytes of an item to the item', async (t) => {
  let sentAt = 0;
  const { pool, jobFor } = await start(t, (_, response) => {
    sentAt = performance.now();
    sendHtml(response, '<p>one');
  });
  const told: (readonly [ms: number, sinceSent: number])[] = [];
  pool.onExtracted = (ms) => told.push([ms, performance.now() - sentAt]);
  await lastValueFrom(pool.visit(jobFor('/')));
  assert.equal(told.length, 1);
  for (const [ms, sinceSent] of told) assert.ok(ms >= 0 && ms <= sinceSent, `${ms} of ${sinceSent} ms`);
});

test('pool › a page whose batches nobody takes care of is not read on, but others are', async (t) => {
  const parts = 6;
  let sent = 0;
  let sendMore = () => {};
  const { pool, jobFor } = await start(t, (path, response) => {
    if (path !== '/long') return sendHtml(response, '<p>other');
    response.setHeader('content-type', 'text/html');
    sendMore = () => {
      response.write(`<p>${++sent}</p>`);
      if (sent === parts) response.end();
    };
    sendMore();
  });
  // Four may be under way; the next is told when the page has begun to wait already.
  let onFull = () => {};
  const full = new Promise<void>((resolve) => {
    onFull = resolve;
  });
  const { told, ended } = watch(pool, jobFor('/long'), (count) => {
    // Each part comes when the one before it has been told, so that none of them travel together.
    if (sent < parts) sendMore();
    if (count === parts - 1) onFull();
  });
  await full;
  for (const path of ['/a', '/b', '/c']) await lastValueFrom(pool.visit(jobFor(path)));
  assert.deepEqual(
    told.map(({ kind }) => kind),
    Array(parts - 1).fill('batch'),
  );
  for (const update of [...told]) pool.taken(update);
  await ended;
  assert.deepEqual([told.at(-1)?.kind, itemsOf(told).length], ['end', parts]);
  const latencies = told.filter(({ latencyMs }) => latencyMs !== undefined);
  assert.deepEqual(latencies, told.slice(0, 1), 'how long the site took is told once');
});

test('pool › only the first bytes of a page say whether it is a document', async (t) => {
  let sendRest = () => {};
  const { pool, jobFor } = await start(t, (_, response) => {
    response.setHeader('content-type', 'text/html');
    response.write(`<p>one</p>${' '.repeat(1_014)}`);
    sendRest = () => response.end('\0<p>two</p>');
  });
  const { told, ended } = watch(pool, jobFor('/'), () => sendRest());
  await ended;
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['batch', 'end'],
  );
  assert.equal(itemsOf(told).length, 2);
});

for (const [status, expected] of [
  [302, ['redirect', undefined]],
  [400, ['error', 'http.400']],
] as const) {
  test(`pool › the body of a ${status} is given up when it does not end`, async (t) => {
    let closed: Promise<unknown> | undefined;
    const { pool, jobFor } = await start(t, (_, response) => {
      closed = once(response, 'close');
      const sendOn = () => {
        while (response.write('x'.repeat(10_000)));
      };
      response.writeHead(status, { location: '/' }).on('drain', sendOn);
      sendOn();
    });
    const last = await lastValueFrom(pool.visit(jobFor('/')));
    assert.deepEqual([last.kind, Reflect.get(last, 'code')], expected);
    await closed;
  });
}

test('pool › what a page gave in the turn in which it failed comes with its failure', async (t) => {
  const { pool, jobFor } = await start(t, (_, response) => sendHtml(response, `<p>one</p>${' '.repeat(1_000)}`));
  const { options, ...job } = jobFor('/');
  const told = await lastValueFrom(pool.visit({ ...job, options: { ...options, maxBytes: 100 } }).pipe(toArray()));
  assert.deepEqual(
    told.map((update) => [update.kind, Reflect.get(update, 'code'), Reflect.get(update, 'bytes')]),
    [['error', 'body.too_large', 100]],
  );
  assert.equal(itemsOf(told).length, 1);
});

test('pool › a page goes to the thread that has the fewest', async (t) => {
  const { pool, jobFor, addCode } = await start(t, (_, response) => sendHtml(response, '<p>one'), 2);
  addCode("yield { item: 'thread' + threadId, data: {} };");
  const visits = ['/a', '/b'].map((path) => lastValueFrom(pool.visit(jobFor(path, 'code')).pipe(toArray())));
  const types = itemsOf((await Promise.all(visits)).flat()).map(({ type }) => type);
  assert.equal(types.length, 2);
  assert.notEqual(types[0], types[1]);
});

test('pool › of the items of code none waits for what the code waits for, however long they are', async (t) => {
  const { pool, jobFor, addCode } = await start(t, (_, response) => sendHtml(response, '<p>one'));
  const yielding = "for (let n = 0; n < 100; n++) yield { item: 'x', data: { text: 'x'.repeat(30_000) } };";
  addCode(`${yielding} await new Promise(() => {});`, 'async');
  let left = 100;
  await new Promise<void>((resolve) => {
    pool.visit(jobFor('/', 'code')).subscribe((update) => {
      pool.taken(update);
      left -= itemsOf([update]).length;
      if (left === 0) resolve();
    });
  });
});

test("pool › a page that was begun in a thread that another's code has ended is told anew, by what can be known again", async (t) => {
  let isFirst = true;
  const { pool, jobFor, addCode } = await start(t, (path, response) => {
    if (path !== '/long' || !isFirst) return sendHtml(response, '<p>one</p><p>two</p>');
    isFirst = false;
    response.setHeader('content-type', 'text/html');
    response.write('<p>one</p>');
  });
  addCode('process.exit();');
  let begun = () => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const { told, ended } = watch(pool, jobFor('/long'), () => begun());
  await hasBegun;
  const failed = await lastValueFrom(pool.visit(jobFor('/code', 'code')));
  assert.deepEqual([failed.kind, Reflect.get(failed, 'code')], ['error', 'worker.failed']);
  await ended;
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['batch', 'end'],
  );
  const [first, again, other, ...more] = itemsOf(told).map(({ identity }) => identity);
  assert.ok(first !== undefined && other !== undefined);
  assert.deepEqual([again, more], [first, []]);
  assert.notEqual(other, first);
});
