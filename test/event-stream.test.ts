import assert from 'node:assert/strict';
import { test } from 'node:test';
import { followEvents } from '#src/cli/event-stream.js';
import { serveSite } from './support/sites.js';

test('the latest crawl stays the same one when the connection has been lost', async (t) => {
  const abort = new AbortController();
  const event = (n: number) => ({
    specversion: '1.0',
    id: `e-${n}`,
    source: '/crawls/one',
    type: 'quote',
    data: { n },
  });
  const lastIds: unknown[] = [];
  const service = await serveSite(t, (_path, response, { headers }) => {
    lastIds.push(headers['last-event-id']);
    if (lastIds.length === 3) response.writeHead(204).end();
    else {
      const n = lastIds.length;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`id: e-${n}\nevent: quote\ndata: ${JSON.stringify(event(n))}\n\n`);
    }
  });
  const url = new URL(`${service.url}/events?crawl=latest&since=0`);
  const seen: unknown[] = [];
  for await (const { data } of followEvents(url, { signal: abort.signal })) seen.push(data);
  assert.deepEqual(seen, [{ n: 1 }, { n: 2 }]);
  assert.deepEqual(lastIds, [undefined, 'e-1', 'e-2']);
  const crawls = service.requests.map((path) => new URL(path, 'http://a.test').searchParams.get('crawl'));
  assert.deepEqual(crawls, ['latest', 'one', 'one']);
  assert.equal(url.searchParams.get('crawl'), 'latest');
});
