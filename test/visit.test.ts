/** What a page is told as, from the answer to its last update: real sockets, no thread. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cancellation } from '#src/crawl/cancellation.js';
import { Credit } from '#src/crawl/credit.js';
import { createFetcher } from '#src/crawl/fetcher.js';
import type { PageUpdate } from '#src/crawl/messages.js';
import { createReading } from '#src/crawl/reader.js';
import { type PageVisit, visitPage } from '#src/crawl/visit.js';
import { startWeb } from './support/crawling.js';
import { request } from './support/fetching.js';

/** Nine thousand items, read when the page has come whole; and as many on a page that ends in a nest too deep. */
const pages = {
  whole: JSON.stringify({ i: Array.from({ length: 9_000 }, (_, n) => n) }),
  deep: `<r>${'<i/>'.repeat(9_000)}${'<a>'.repeat(600)}`,
};

/** What is told of a visit, with the number of its items. */
async function visit(
  page: keyof typeof pages,
  onUpdate: (update: PageUpdate, visit: Pick<PageVisit, 'credit' | 'caller'>) => void,
): Promise<string[]> {
  await using web = await startWeb((_, response) => {
    response.setHeader('content-type', page === 'deep' ? 'application/xml' : 'application/json').end(pages[page]);
  });
  const fetcher = createFetcher();
  const told: string[] = [];
  const [credit, caller] = [new Credit(2), new Cancellation()];
  const tell = (update: PageUpdate) => {
    told.push(`${update.kind} ${'items' in update ? update.items.length : ''}`);
    onUpdate(update, { credit, caller });
  };
  const openReader = createReading({ items: { entry: { each: 'i', fields: { text: {} } } }, follow: [] });
  const job = { crawl: 'a', sitemap: false, begun: false, ...request(`${web.url}/`) };
  await visitPage({ job, openReader, fetcher, credit, caller, tell, onCode() {} });
  await fetcher.close();
  return told;
}

test('visit › what is found at the end of a page is told in parts, no faster than they are taken care of', async () => {
  let open = 0;
  const told = await visit('whole', ({ kind }, { credit }) => {
    if (kind !== 'batch') return;
    open += 1;
    assert.ok(open <= 2, 'as many as there is credit for');
    setImmediate(() => {
      open -= 1;
      credit.give();
    });
  });
  assert.deepEqual(told, [...Array(4).fill('batch 2000'), 'end 1000']);
});

test('visit › of a page that breaks off it is told in parts as well, and then why', async () => {
  const told = await visit('deep', ({ kind }, { credit }) => {
    if (kind === 'batch') credit.give();
  });
  const counts = told.map((update) => Number(update.split(' ')[1]));
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    9_000,
  );
  assert.ok(Math.max(...counts) <= 2_000, `${told}`);
  assert.match(told.at(-1) ?? '', /^error/);
});

test('visit › nothing more is told of a page that nobody wants any more', async () => {
  const told = await visit('whole', (_, { caller, credit }) => {
    caller.end(new Error('enough'));
    credit.end();
  });
  assert.deepEqual(told, ['batch 2000']);
});
