import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { CrawlcastClientError, connect, type ItemsOf, type Quote } from 'crawlcast/client';
import { firstValueFrom } from 'rxjs';
import { run, runService, temporaryFolder } from './support/process.js';
import { refuse, standIn } from './support/stand-in.js';

const snapshot = { id: '01', spider: 'quotes', state: 'running' };
const spider = { name: 'a b', start: ['http://a.example/'], items: { thing: { fields: { title: 'h1' } } } };

describe('the calls of the client', () => {
  it('start a crawl, follow it to its end and read what came of it', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '2', '--per-page', '3']);
    const data = temporaryFolder(test);
    const tokens = ['--token', 'write', '--read-token', 'read'];
    const { url } = await run(test, ['serve', '--port', '0', '--data', data, '--start-url', `${site.url}/`, ...tokens]);
    const client = connect(`${url}/`, { token: 'write' });
    assert.deepEqual((await client.results()).items, undefined);
    assert.deepEqual(await client.crawl(), { answer: 'SCRAPING' });
    for await (const _ of client.events({ crawl: 'latest', since: 0 }));
    assert.deepEqual(await client.crawl(), { answer: 'SCRAPE COMPLETE' });
    const { items, cursor } = await client.results();
    assert.equal(items?.length, 6);
    assert.match(cursor, /^[0-9a-f]+-\d+$/);
    assert.deepEqual((await client.results({ at: cursor })).items, items);
    const [crawl] = await client.crawls.list();
    assert.equal(crawl?.state, 'finished');
    assert.deepEqual(await client.crawls.get(crawl.id), crawl);
    const read: Quote[] = [];
    for await (const item of client.crawls.items(crawl.id)) read.push(item);
    assert.deepEqual(read, items);
    for (const transport of ['sse', 'ws'] as const) {
      const subscription = { type: 'quote', since: '0000-1' } as const;
      const streams = [undefined, 'wrong', 'read'].map((token) =>
        connect(url, { transport, ...(token !== undefined && { token }) }).events(subscription),
      );
      const codes = await Promise.all(streams.map((stream) => firstValueFrom(stream).catch(({ code }) => code)));
      assert.deepEqual(codes, ['auth.missing', 'auth.wrong', 'log.gap']);
      const never = connect(url, { transport, token: 'read' }).events({ since: new Date(Number.NaN) });
      await assert.rejects(firstValueFrom(never), { name: 'CrawlcastClientError', code: 'query.invalid' });
    }
    await assert.rejects(connect(url, { token: 'read' }).crawl({ restart: true }), {
      code: 'auth.insufficient',
      status: 403,
    });
    await assert.rejects(client.crawls.pause(crawl.id), { code: 'crawl.state', status: 409 });
    await assert.rejects(client.crawls.get('none'), { code: 'crawl.unknown', status: 404 });
  });

  it('need the http or https URL of a service', () => {
    for (const url of ['localhost:9000', '127.0.0.1:9000', 'ftp://127.0.0.1:9000', '/', '']) {
      assert.throws(
        () => connect(url),
        ({ code, detail }) => code === 'url.invalid' && detail.startsWith(`"${url}" `),
      );
    }
  });

  it('need it without a user and a password, which are told to nobody', () => {
    for (const url of ['http://somebody:secret@127.0.0.1:9000', 'https://somebody@a.test']) {
      assert.throws(
        () => connect(url),
        ({ code, message }) => code === 'url.invalid' && /token/.test(message) && !/secret|somebody/.test(message),
      );
    }
  });

  it('go to the same service where they are given the address of its WebSocket', async (test) => {
    const folders = ['--data', temporaryFolder(test), '--spiders', temporaryFolder(test)];
    const { url } = await run(test, ['serve', '--port', '0', ...folders]);
    assert.deepEqual(await connect(url.replace('http', 'ws')).crawls.list(), []);
  });

  it('keep a spider, crawl with it, and give its items by their types', async (test) => {
    const site = await run(test, ['site', '--port', '0', '--pages', '3', '--per-page', '2', '--delay', '200']);
    const folders = ['--data', temporaryFolder(test), '--spiders', temporaryFolder(test)];
    const { url } = await run(test, ['serve', '--port', '0', ...folders, '--allow-private-networks']);
    const byline = {
      name: 'bylines',
      start: [`${site.url}/`],
      items: { byline: { each: 'div.quote', fields: { by: 'small.author', tags: ['a.tag'] } } },
      follow: ['li.next a'],
    } as const;
    const { crawls, spiders, events } = connect<ItemsOf<typeof byline>>(url);
    assert.equal((await spiders.put(byline)).name, 'bylines');
    assert.deepEqual((await spiders.get('bylines')).items, byline.items);
    assert.ok((await spiders.list()).some(({ name }) => name === 'bylines'));
    const { id, state } = await crawls.start({ spider: 'bylines', settings: { maxPages: 2 } });
    assert.equal(state, 'running');
    assert.equal((await crawls.pause(id)).state, 'paused');
    assert.equal((await crawls.resume(id)).state, 'running');
    const seen: { by: string | null; tags: string[] }[] = [];
    for await (const { data } of events({ type: 'byline', crawl: id, since: 0 })) seen.push(data);
    assert.equal(seen.length, 4);
    const read: typeof seen = [];
    for await (const item of crawls.items(id)) read.push(item);
    assert.deepEqual(read, seen);
    const other = await crawls.start({ spider: byline });
    assert.equal((await crawls.cancel(other.id)).state, 'cancelled');
    await spiders.delete('bylines');
    await assert.rejects(spiders.get('bylines'), { code: 'spider.unknown', status: 404 });
    await assert.rejects(crawls.start({ spider: { ...spider, name: '' } }), { code: 'spider.invalid', status: 422 });
  });

  it('say in a request what the contract says', async (test) => {
    const bodies: string[] = [];
    const service = await standIn(test, async (request, response) => {
      bodies.push(await text(request));
      if (request.method === 'DELETE') response.writeHead(204).end();
      else response.writeHead(request.url === '/crawls' ? 201 : 200).end(JSON.stringify(snapshot));
    });
    const { crawls, spiders } = connect(service.url);
    const request = { spider: 'quotes', start: ['http://a.example/'], settings: { maxPages: 1 } };
    assert.deepEqual(await crawls.start(request), snapshot);
    await crawls.pause('01');
    await crawls.resume('01');
    await crawls.cancel('01');
    await spiders.list();
    await spiders.get('a b');
    await spiders.put(spider);
    await spiders.delete('a b');
    assert.deepEqual(service.asked, [
      'POST /crawls',
      'POST /crawls/01/pause',
      'POST /crawls/01/resume',
      'POST /crawls/01/cancel',
      'GET /spiders',
      'GET /spiders/a%20b',
      'PUT /spiders/a%20b',
      'DELETE /spiders/a%20b',
    ]);
    assert.deepEqual([bodies[0], bodies[6]], [JSON.stringify(request), JSON.stringify(spider)]);
  });

  it('send the token, and keep to the path that the service is under', async (test) => {
    const service = await standIn(test, ({ headers }, response) => {
      if (headers.authorization === 'Bearer secret') response.end('SCRAPE COMPLETE');
      else refuse(response, 401, 'auth.missing');
    });
    const client = connect(`${service.url}/under`, { token: 'secret' });
    assert.deepEqual(await client.crawl({ restart: true }), { answer: 'SCRAPE COMPLETE' });
    assert.deepEqual(service.asked, ['GET /under/crawl?restart=true']);
    await assert.rejects(connect(service.url).crawl(), { code: 'auth.missing', status: 401, retryable: false });
  });

  it('take a token that cannot be sent for a wrong one, and streams do so, too', async (test) => {
    const { url } = await runService(test, 'auto', ['--read-token', 'read']);
    for (const token of ['“read”', 're\nad', '読む']) {
      const wanted = { name: 'CrawlcastClientError', code: 'auth.wrong', retryable: false };
      await assert.rejects(connect(url, { token }).crawls.list(), wanted);
      for (const transport of ['sse', 'ws'] as const) {
        const stream = connect(url, { token, transport }).events({ since: 0 });
        await assert.rejects(firstValueFrom(stream), wanted);
      }
    }
  });

  it('tell why a crawl has failed', async (test) => {
    const service = await standIn(test, (_, response) => {
      response.setHeader('x-crawl-error', 'connect.refused: nobody there').end('SCRAPE FAILED');
    });
    const answer = { answer: 'SCRAPE FAILED', error: 'connect.refused: nobody there' };
    assert.deepEqual(await connect(service.url).crawl(), answer);
  });

  it('fail with what is known of a failure', async (test) => {
    const service = await standIn(test, (_, response, count) => {
      if (count === 1) response.writeHead(502).end('<h1>Bad gateway</h1>');
      else if (count === 2) response.writeHead(429, { 'retry-after': '7' }).end();
      else response.end('<h1>Hello</h1>');
    });
    const client = connect(service.url);
    await assert.rejects(client.crawls.list(), { code: 'http.502', status: 502, retryable: true });
    await assert.rejects(client.crawls.list(), { code: 'http.429', waitMs: 7_000, retryable: true });
    await assert.rejects(client.crawls.list(), { code: 'response.invalid' });
    await assert.rejects(connect('http://127.0.0.1:1').crawls.list(), { code: 'connect.failed', retryable: true });
  });

  it('tell how long to wait where the answer says it, in seconds or as a date; no time at all is nothing to go by', async (test) => {
    let retryAfter = '';
    const service = await standIn(test, (_, response) => {
      response.writeHead(503, { 'retry-after': retryAfter }).end();
    });
    const waitAfter = async (value: string): Promise<number | undefined> => {
      retryAfter = value;
      const error = await connect(service.url)
        .crawls.list()
        .catch((thrown: unknown) => thrown);
      assert.ok(error instanceof CrawlcastClientError);
      return error.waitMs;
    };
    const inAMinute = await waitAfter(new Date(Date.now() + 60_000).toUTCString());
    assert.ok(inAMinute !== undefined && inAMinute > 0 && inAMinute <= 60_000, String(inAMinute));
    assert.deepEqual([await waitAfter('7'), await waitAfter('86400')], [7_000, 3_600_000]);
    for (const none of ['0', '', '-1', 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT'])
      assert.equal(await waitAfter(none), undefined, none);
  });

  it('say that an answer broke off, and not that it is none of a service', async (test) => {
    const service = await standIn(test, (_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('[', () => response.destroy());
    });
    const client = connect(service.url);
    await assert.rejects(client.crawls.list(), { code: 'connect.lost', retryable: true });
    await assert.rejects(client.results({ partial: true }), { code: 'connect.lost', retryable: true });
    await assert.rejects(client.crawl(), { code: 'connect.lost', retryable: true });
  });

  it('read items one by one, whatever the pieces they come in', async (test) => {
    const service = await standIn(test, (_, response) => {
      for (const unit of Buffer.from('{"n":"é"}\n{"n":2}\n\n{"n":3}')) response.write(Buffer.of(unit));
      response.end();
    });
    const read: unknown[] = [];
    for await (const item of connect(service.url).crawls.items<{ n: unknown }>('01', { type: 'thing' }))
      read.push(item.n);
    assert.deepEqual(read, ['é', 2, 3]);
    assert.deepEqual(service.asked, ['GET /crawls/01/items?format=jsonl&type=thing']);
  });
});
