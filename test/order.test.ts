/** In which order what a page gives stands in the log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextAppend, startCrawler, startWeb } from './support/crawling.js';

for (const how of ['at once', 'in parts'] as const) {
  test(`order › a page that comes ${how} is told after its items, and they are in the order of the document`, async () => {
    await using crawler = await startCrawler();
    const { log } = crawler.store;
    await using web = await startWeb((request, response) => {
      const [first, second] = [1, 2].map((n) => `<p>${request.url} ${n}</p>`);
      response.setHeader('content-type', 'text/html');
      response.write(first ?? '');
      const end = () => response.end(`${second}<a href="/next">`);
      // The first item is in the log before the second is sent.
      if (how === 'in parts') void nextAppend(log).then(end);
      else end();
    });
    const { events } = await crawler.crawl({
      name: 'order',
      start: [`${web.url}/first`],
      items: { line: { each: 'p', fields: { text: {} } } },
      follow: ['a'],
    });
    const told = events.map(({ type, subject, data }) => [type, data.text ?? subject?.slice(web.url.length)]);
    assert.deepEqual(told, [
      ['crawl.started', undefined],
      ['line', '/first 1'],
      ['line', '/first 2'],
      ['page', '/first'],
      ['line', '/next 1'],
      ['line', '/next 2'],
      ['page', '/next'],
      ['crawl.finished', undefined],
    ]);
  });
}

test('order › of many items none waits for the rest of the page, and all are there once', async () => {
  await using crawler = await startCrawler();
  const { log } = crawler.store;
  const count = 4_500;
  await using web = await startWeb((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.write(Array.from({ length: count }, (_, n) => `<p>${n}</p>`).join(''));
    // With the first event of the crawl, all are in the log before the page goes on.
    const off = log.onAppend(() => {
      if (log.last < 1 + count) return;
      off();
      response.end('<p>last</p>');
    });
  });
  const items = { line: { each: 'p', fields: { text: {} } } };
  const { events } = await crawler.crawl({ name: 'many', start: [web.url], items });
  const texts = events.filter(({ type }) => type === 'line').map(({ data }) => data.text);
  assert.deepEqual(texts, [...Array.from({ length: count }, (_, n) => `${n}`), 'last']);
  assert.equal(events.at(-2)?.type, 'page');
  assert.equal(events.at(-2)?.data.items, count + 1);
});
