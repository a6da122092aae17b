/** `/crawl` and `/results` over crawls that the test writes itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Runner } from '#src/crawl/runner.js';
import { CrawlcastError } from '#src/errors.js';
import type { CrawlRecord } from '#src/store/store.js';
import { eventOf, recordOf, startLogService } from './support/log-service.js';

test('/results are those of the last crawl that had completed by then, or of the last that had begun', async (t) => {
  const { store, url } = await startLogService(t);
  const write = async (record: CrawlRecord, ...types: string[]) => {
    const events = types.map((type) => eventOf(record.id, type, { of: record.id }));
    await store.commit({ crawl: record.id, record, events });
  };
  const { epoch } = store.log;
  /** Whose quotes they are, in a word. */
  const shown = async (query = '') => {
    const response = await fetch(`${url}/results?${query}`);
    assert.equal(response.status, 200, query);
    assert.equal(response.headers.get('crawlcast-cursor')?.split('-')[0], epoch, query);
    const text = await response.text();
    return text.startsWith('[')
      ? JSON.parse(text)
          .map(({ of }: { of: string }) => of)
          .join()
      : text;
  };
  assert.deepEqual(await Promise.all(['', 'partial=true', 'at=0'].map(shown)), ['Scrape Still Progress', '', '']);

  await write(recordOf('a', 'finished'), 'quote', 'crawl.finished');
  await write(recordOf('b', 'finished'), 'quote', 'quote', 'crawl.finished');
  await write(recordOf('c'), 'quote');
  await write({ ...recordOf('d', 'finished'), origin: 'http' }, 'quote', 'crawl.finished');
  await write({ ...recordOf('e', 'finished'), spider: 'other' }, 'quote', 'crawl.finished');
  const table: [query: string, whose: string][] = [
    ['', 'b,b'],
    ['partial=true', 'c'],
    ['at=0', ''],
    ['at=1', 'a'],
    ['at=3', 'a'],
    ['at=4', 'a'],
    ['at=5', 'b,b'],
    ['at=3&partial=true', 'b'],
    [`at=${epoch}-4&partial=true`, 'b,b'],
    ['at=6&partial=true', 'c'],
    ['at=999999', 'b,b'],
  ];
  for (const [query, whose] of table) assert.equal(await shown(query), whose, query);
  // A crawl that has just begun has no place in the log yet.
  await write(recordOf('f'));
  assert.deepEqual([await shown('at=6&partial=true'), await shown('partial=true')], ['c', '']);

  const head = await fetch(`${url}/results?at=999999`);
  assert.equal(head.headers.get('crawlcast-cursor'), `${epoch}-${store.log.last}`);
  const other = epoch === 'ffffffff' ? 'eeeeeeee' : 'ffffffff';
  for (const at of [`${other}-3`, '-3', '3.5']) assert.equal((await fetch(`${url}/results?at=${at}`)).status, 400, at);
});

test('/crawl starts one crawl at a time, and tells one caller that the last has failed', async (t) => {
  const service = await startLogService(t, { corsOrigin: ['http://a.test'] });
  const { store, runner, url } = service;
  /** Starts that wait for the test to say how they end. */
  const starts: { options: Parameters<Runner['start']>[0]; end(error?: Error): void }[] = [];
  t.mock.method(runner, 'start', (options: Parameters<Runner['start']>[0]) => {
    return new Promise<void>((resolve, reject) => {
      starts.push({ options, end: (error) => (error === undefined ? resolve() : reject(error)) });
    });
  });
  const headers = { origin: 'http://a.test' };
  const ask = (query = '', method = 'GET') => fetch(`${url}/crawl${query}`, { method, headers });
  const fail = async (id: string) => {
    const error = { code: 'http.404', message: `nö\n ${'x'.repeat(600)}` };
    await store.commit({ crawl: id, record: { ...recordOf(id, 'failed'), error } });
  };
  /** Asks so many at once; ends the one start that comes of it when all others have been answered. */
  const together = async (count: number, query = '') => {
    const answers: Response[] = [];
    const asked = Array.from({ length: count }, async () => {
      answers.push(await ask(query));
      if (answers.length === count - 1) starts.pop()?.end();
    });
    await Promise.all(asked);
    return Promise.all(answers.map((answer) => answer.text()));
  };

  await fail('a');
  assert.equal(await (await ask('', 'HEAD')).text(), '');
  // Who wants a new one in any case is not told.
  assert.deepEqual(await together(2, '?restart=true'), ['SCRAPE IN PROGRESS', 'SCRAPING']);
  const failed = await ask();
  assert.equal(await failed.text(), 'SCRAPE FAILED');
  assert.equal(failed.headers.get('x-crawl-error'), `http.404: n?? ${'x'.repeat(600)}`.slice(0, 500));
  assert.equal(failed.headers.get('access-control-allow-origin'), headers.origin);
  assert.equal(failed.headers.get('crawlcast-cursor'), `${store.log.epoch}-0`);
  assert.deepEqual(await together(2), ['SCRAPE IN PROGRESS', 'SCRAPING']);

  await fail('b');
  assert.deepEqual((await together(4)).toSorted(), [
    'SCRAPE FAILED',
    'SCRAPE IN PROGRESS',
    'SCRAPE IN PROGRESS',
    'SCRAPING',
  ]);
  assert.equal(starts.length, 0);

  /** Asks for one whose start ends with an error. */
  const refused = async (error: Error) => {
    const asked = ask();
    while (starts.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const [start] = starts.splice(0);
    assert.equal(start?.options.onlyIf?.(), true);
    await store.commit({ crawl: 'c', record: recordOf('c') });
    assert.equal(start.options.onlyIf?.(), false, 'another process was first');
    await store.commit({ crawl: 'c', record: recordOf('c', 'cancelled') });
    start.end(error);
    return asked;
  };
  const first = await refused(new CrawlcastError('crawl.state', 'another was first'));
  assert.equal(await first.text(), 'SCRAPE IN PROGRESS');
  assert.equal((await refused(new Error('no'))).status, 500);

  await store.commit({ crawl: 'd', record: recordOf('d', 'paused') });
  assert.equal(await (await ask('?restart=true')).text(), 'SCRAPE IN PROGRESS');
  // One that was started by name while the other is under way, and is over before it.
  for (const state of ['finished', 'cancelled'] as const) {
    await store.commit({ crawl: 'e', record: recordOf('e', state) });
    assert.equal(await (await ask()).text(), 'SCRAPE IN PROGRESS', state);
  }
  assert.equal(starts.length, 0);
});
