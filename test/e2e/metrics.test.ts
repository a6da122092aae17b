import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSite } from '#src/site/site.js';
import { transports } from '../support/process.js';
import { readAll, readSse, readUntil, readWs } from '../support/readers.js';
import { serveHere } from '../support/service.js';
import { sendHtml, serveSite } from '../support/sites.js';

/** The samples of a scrape by name and labels. */
async function scrape(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const samples = new Map<string, number>();
  for (const line of (await response.text()).split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name, value] = /^([a-z0-9_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    assert.ok(name !== undefined, line);
    assert.ok(name.startsWith('crawlcast_'), line);
    samples.set(name, Number(value));
  }
  return samples;
}

for (const { transport, skip } of transports) {
  test(`metrics over ${transport} › count what the log says`, { skip }, async (t) => {
    const site = await startSite({ pages: 3, perPage: 4 });
    t.after(() => site.close());
    const { url } = await serveHere(t, { transport, startUrl: [`${site.url}/`] });
    const sse = await readSse(url, '?type=quote');
    const ws = await readWs(url, '?type=quote');
    assert.equal(await (await fetch(`${url}/crawl`)).text(), 'SCRAPING');
    const events = await readAll(await readSse(url, '?crawl=latest&since=0'));
    const of = (type: string) => events.filter((event) => event.type === type).length;
    const samples = await scrape(url);
    const expected = {
      crawlcast_pages_total: of('page'),
      'crawlcast_items_total{type="quote"}': of('quote'),
      crawlcast_fetch_duration_seconds_count: of('page'),
      'crawlcast_subscribers{protocol="sse"}': 1,
      'crawlcast_subscribers{protocol="ws"}': 1,
      crawlcast_subscriber_lag_events_max: 0,
      crawlcast_frontier_queued: 0,
      crawlcast_inflight: 0,
      crawlcast_log_first_offset: 1,
      crawlcast_log_last_offset: events.length,
    };
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, samples.get(name)])), expected);
    assert.equal(of('quote'), 12);
    const steps = ['item_extraction_latency', 'item_durable_latency', 'fan_out_duration'];
    for (const name of ['bytes_total', ...steps.map((step) => `${step}_seconds_count`)]) {
      assert.ok((samples.get(`crawlcast_${name}`) ?? 0) > 0, name);
    }
    for (const name of ['process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds']) {
      assert.ok(samples.has(`crawlcast_${name}`), name);
    }
    sse.close();
    ws.close();
  });

  test(`metrics over ${transport} › name why pages failed and were skipped`, { skip }, async (t) => {
    const site = await serveSite(t, (_, response) => response.writeHead(404).end());
    const { url } = await serveHere(t, { transport, startUrl: [`${site.url}/`, 'http://127.0.0.1:22/'] });
    await fetch(`${url}/crawl`);
    await readAll(await readSse(url, '?crawl=latest&since=0'));
    const samples = await scrape(url);
    assert.equal(samples.get('crawlcast_page_failures_total{code="http.404"}'), 1);
    assert.equal(samples.get('crawlcast_pages_skipped_total{reason="port"}'), 1);
  });

  test(`hosts over ${transport} › are those that were asked, the busiest first`, { skip }, async (t) => {
    const idle = await serveSite(t, (_, response) => sendHtml(response, ''));
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const busy = await serveSite(t, () => asked());
    const { url } = await serveHere(t, { transport, startUrl: [`${idle.url}/`, `${busy.url}/`] });
    await fetch(`${url}/crawl`);
    await Promise.all([isAsked, readUntil(await readSse(url, '?since=0'), 'page')]);
    const hosts = JSON.parse(await (await fetch(`${url}/hosts`)).text());
    assert.equal(hosts[0].host, busy.url);
    assert.equal(hosts[0].inFlight, 1);
    assert.deepEqual(Object.keys(hosts[0]), ['host', 'inFlight', 'delayMs', 'holdMs', 'robots']);
  });
}
