import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { after, suite, test } from 'node:test';
import { Cancellation } from '#src/crawl/cancellation.js';
import { createFetcher } from '#src/crawl/fetcher.js';
import { makeCertificates } from './support/certificates.js';
import { never, outcomeOf, request } from './support/fetching.js';
import { drip, freePort, reply, startHostile } from './support/hostile.js';

const fetcher = createFetcher();
after(() => fetcher.close());

const ok = 'HTTP/1.1 200 OK\r\n';

suite('fetcher', { concurrency: true }, () => {
  test('keeps a connection for the next request', async () => {
    await using site = await startHostile((socket) => socket.write(reply('again')));
    const own = createFetcher();
    for (let i = 0; i < 5; i += 1) assert.equal((await outcomeOf(own, request(site.url))).text, 'again');
    assert.equal(site.accepted, 1);
    assert.equal(own.sockets, 1);
    await own.close();
    await site.emptied();
  });

  test('E2 asks again on a fresh connection when a kept one is reset before any answer', async () => {
    await using site = await startHostile((socket, _request, nth) => {
      if (nth === 0) socket.write(reply('first of its connection'));
      else socket.resetAndDestroy();
    });
    const own = createFetcher();
    for (let i = 0; i < 3; i += 1) {
      assert.equal((await outcomeOf(own, request(site.url))).text, 'first of its connection');
    }
    assert.equal(site.accepted, 3);
    await own.close();
  });

  test('E2 asks again on a fresh connection when a kept one was closed between two requests', async () => {
    await using site = await startHostile((socket) => {
      socket.write(reply('ok'));
      setTimeout(() => socket.end(), 3);
    });
    const own = createFetcher();
    // Sooner or later one is sent while the end of its connection is on the way.
    for (let i = 0; i < 100; i += 1) {
      assert.equal((await outcomeOf(own, request(site.url))).text, 'ok');
      await new Promise((resolve) => setTimeout(resolve, i % 6));
    }
    await own.close();
  });

  test('D2 lets go of an answer in a coding that it does not know, also where the rest never comes', async () => {
    await using site = await startHostile((socket) =>
      socket.write(`${ok}content-encoding: zzz\r\ncontent-length: 100\r\n\r\nabc`),
    );
    const own = createFetcher();
    assert.equal((await outcomeOf(own, request(site.url))).error?.code, 'body.encoding');
    assert.equal(own.sockets, 0);
    await site.emptied();
    await own.close();
  });

  test('E2 asks only once again', async () => {
    let connections = 0;
    await using site = await startHostile((socket, _request, nth) => {
      if (nth === 0) connections += 1;
      if (connections === 1 && nth === 0) socket.write(reply('ok'));
      else socket.resetAndDestroy();
    });
    const own = createFetcher();
    await outcomeOf(own, request(site.url));
    assert.equal((await outcomeOf(own, request(site.url))).error?.code, 'connect.reset');
    assert.equal(site.requests.length, 3);
    await own.close();
  });

  test('E2 sends a POST on a fresh connection, as it may not be repeated', async () => {
    await using site = await startHostile((socket) => socket.write(reply('ok')));
    const own = createFetcher();
    await outcomeOf(own, request(site.url));
    const headers = { 'content-type': 'text/plain' };
    await outcomeOf(own, request(site.url, { method: 'POST', body: 'a=1', headers }));
    assert.equal(site.accepted, 2);
    assert.match(site.requests[1] ?? '', /^POST \/ HTTP\/1\.1\r\n.*content-length: 3/is);
    await own.close();
  });

  test('E3 gives duplicate headers as a list, and those with names like __proto__ as plain data', async () => {
    const head = `${ok}Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n__proto__: x\r\ncontent-length: 0\r\n\r\n`;
    await using site = await startHostile((socket) => socket.end(head));
    const { head: received } = await outcomeOf(fetcher, request(site.url));
    assert.deepEqual(received?.headers['set-cookie'], ['a=1', 'b=2']);
    assert.equal(Object.getPrototypeOf(structuredClone(received?.headers)), Object.prototype);
  });

  test('sends what it was told to, and the usual headers else', async () => {
    await using site = await startHostile((socket) => socket.end(reply('')));
    const headers = { accept: 'application/json', cookie: 'a=1' };
    await outcomeOf(fetcher, request(`${site.url}a?b=c%20d#e`, { headers }));
    const [sent = ''] = site.requests;
    assert.match(sent, /^GET \/a\?b=c%20d HTTP\/1\.1\r\n/);
    assert.match(sent, new RegExp(`\r\nhost: 127.0.0.1:${site.port}\r\n`));
    assert.match(sent, /\r\nuser-agent: crawlcast-test\r\n/);
    assert.match(sent, /\r\naccept: application\/json\r\n/);
    assert.match(sent, /\r\naccept-encoding: gzip, deflate, br/);
    assert.match(sent, /\r\ncookie: a=1/);
    assert.doesNotMatch(sent, /text\/html/);
  });

  test('sends the credentials of a URL, and never names them in an error', async () => {
    await using site = await startHostile((socket) => socket.resetAndDestroy());
    const { error } = await outcomeOf(fetcher, request(`http://ann:s3cret@127.0.0.1:${site.port}/`));
    assert.match(site.requests[0] ?? '', /authorization: Basic YW5uOnMzY3JldA==/);
    assert.doesNotMatch(`${error?.message}`, /ann|s3cret/);
  });

  test('gives a chunk the moment it comes', async () => {
    const sockets: Socket[] = [];
    await using site = await startHostile((socket) => {
      sockets.push(socket);
      socket.write(`${ok}content-length: 6\r\n\r\nabc`);
    });
    const { body, head } = await fetcher.fetch(request(site.url), never);
    assert.ok(head.latencyMs >= 0);
    let text = '';
    for await (const chunk of body) {
      text += Buffer.from(chunk).toString();
      if (text === 'abc') sockets[0]?.write('def');
    }
    assert.equal(text, 'abcdef');
  });

  test('closes the connection when the reader leaves early', async () => {
    await using site = await startHostile((socket) => drip(socket));
    const { body } = await fetcher.fetch(request(site.url), never);
    for await (const _chunk of body) break;
    await site.emptied();
  });

  test('a caller that ends takes the wait for the head with it, with its reason', async () => {
    const stop = new Cancellation();
    await using site = await startHostile(() => stop.end(new Error('enough')));
    await assert.rejects(fetcher.fetch(request(site.url), stop), /enough/);
    await site.emptied();
  });

  test('a caller that ends takes the body with it, with its reason', async () => {
    const stop = new Cancellation();
    await using site = await startHostile((socket) => drip(socket));
    const { body } = await fetcher.fetch(request(site.url), stop);
    await assert.rejects(async () => {
      for await (const _chunk of body) stop.end(new Error('enough'));
    }, /enough/);
    await site.emptied();
  });

  test('of a caller that has ended nobody is asked', async () => {
    await using site = await startHostile((socket) => socket.end(reply('')));
    const early = new Cancellation();
    early.end(new Error('early'));
    await assert.rejects(fetcher.fetch(request(site.url), early), /early/);
    assert.equal(site.accepted, 0);
  });

  test('a slow reader holds the site back, is not the site being late, and gets everything', async () => {
    const size = 20_000_000;
    let sent = false;
    await using site = await startHostile((socket) => {
      socket.write(`${ok}content-length: ${size}\r\n\r\n`);
      socket.write(Buffer.alloc(size), () => {
        sent = true;
      });
    });
    const { body } = await fetcher.fetch(request(site.url, { timeoutMs: 300, maxBytes: size }), never);
    let bytes = 0;
    for await (const chunk of body) {
      if (bytes === 0) {
        // well past the limit between two chunks, which only holds while we do read
        await new Promise((resolve) => setTimeout(resolve, 500));
        assert.equal(sent, false);
      }
      bytes += chunk.length;
    }
    assert.equal(bytes, size);
  });

  test('a thread that was busy itself is not the site being late', async () => {
    await using site = await startHostile((socket) => {
      socket.write(`${ok}content-length: 6\r\n\r\nabc`);
      socket.write('def');
    });
    const { body } = await fetcher.fetch(request(site.url, { timeoutMs: 200 }), never);
    const until = performance.now() + 400;
    while (performance.now() < until);
    let bytes = 0;
    for await (const chunk of body) bytes += chunk.length;
    assert.equal(bytes, 6);
  });

  test('a discarded short body leaves its connection for the next request', async () => {
    await using site = await startHostile((socket) => {
      socket.write(reply('moved'));
    });
    const own = createFetcher();
    for (let i = 0; i < 3; i += 1) {
      const { body } = await own.fetch(request(site.url), never);
      body.discard();
    }
    await outcomeOf(own, request(site.url));
    assert.ok(site.accepted < 4);
    await own.close();
  });

  test('a discarded endless body closes its connection', async () => {
    await using site = await startHostile((socket) => {
      socket.write(`${ok}\r\n`);
      socket.write(Buffer.alloc(1_000_000));
    });
    const { body } = await fetcher.fetch(request(site.url), never);
    body.discard();
    await site.emptied();
  });

  test('a body over maxBytes is given up to there, then is too large', async () => {
    await using site = await startHostile((socket) => socket.end(reply('x'.repeat(5_000))));
    const { bytes, error } = await outcomeOf(fetcher, request(site.url, { maxBytes: 1_234 }));
    assert.equal(bytes, 1_234);
    assert.equal(error?.code, 'body.too_large');
    assert.match(error?.message ?? '', /1234 bytes/);
    const exact = await outcomeOf(fetcher, request(site.url, { maxBytes: 5_000 }));
    assert.deepEqual([exact.bytes, exact.error], [5_000, undefined]);
  });

  test('E5 a name that does not exist and a name server that fails are told apart', async () => {
    const failing = (code: string) =>
      createFetcher({
        lookup: (_host, _options, callback) => callback(Object.assign(new Error(code), { code }), '', 0),
      });
    for (const [code, expected] of [
      ['ENOTFOUND', 'dns.not_found'],
      ['EAI_AGAIN', 'dns.failed'],
    ] as const) {
      const { error } = await outcomeOf(failing(code), request('http://gone.example/'));
      assert.equal(error?.code, expected);
      assert.match(error?.message ?? '', /^gone\.example: /);
    }
  });

  test('E5 a name server that never answers meets the limit for connecting', async () => {
    const own = createFetcher({ lookup: () => {} });
    const { error } = await outcomeOf(own, request('http://slow.example/', { timeoutMs: 50 }));
    assert.equal(error?.code, 'timeout.connect');
    assert.equal(own.sockets, 0);
  });

  test('E6 where one of several addresses refuses, the next one is asked', async () => {
    await using site = await startHostile((socket) => socket.end(reply('second')));
    const found = [
      { address: '127.0.0.9', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    const own = createFetcher({ lookup: (_host, _options, callback) => callback(null, found) });
    assert.equal((await outcomeOf(own, request(`http://two.example:${site.port}/`))).text, 'second');
    await own.close();
  });

  test('a refused connection names its host', async () => {
    const port = await freePort();
    const { error } = await outcomeOf(fetcher, request(`http://127.0.0.1:${port}/`));
    assert.equal(error?.code, 'connect.refused');
    assert.match(error?.message ?? '', new RegExp(`127.0.0.1:${port}`));
  });

  test('E10 has no more sockets than its limit, and takes idle ones from other hosts', async () => {
    const sites = await Promise.all(
      Array.from({ length: 4 }, () => startHostile((socket) => socket.write(reply('x')))),
    );
    const own = createFetcher({ maxSockets: 2 });
    let most = 0;
    const all = Array.from({ length: 40 }, async (_, i) => {
      const outcome = await outcomeOf(own, request(sites[i % 4]?.url ?? ''));
      most = Math.max(most, own.sockets);
      return outcome.text;
    });
    assert.deepEqual(await Promise.all(all), Array(40).fill('x'));
    assert.ok(most <= 2);
    await own.close();
    await Promise.all(sites.map((site) => site[Symbol.asyncDispose]()));
  });

  test('E10 one host gets no more sockets than its share', async () => {
    await using site = await startHostile((socket) => setImmediate(() => socket.write(reply('x'))));
    const own = createFetcher({ maxSocketsPerHost: 3 });
    await Promise.all(Array.from({ length: 30 }, () => outcomeOf(own, request(site.url))));
    assert.equal(site.accepted, 3);
    await own.close();
  });

  test('who waits for a socket can still give up', async () => {
    await using site = await startHostile(() => {});
    const own = createFetcher({ maxSockets: 1 });
    const stop = new Cancellation();
    const holder = assert.rejects(own.fetch(request(site.url), never), { code: 'service.stopping' });
    const waiter = own.fetch(request(site.url), stop);
    stop.end(new Error('tired'));
    await assert.rejects(waiter, /tired/);
    const refused = assert.rejects(own.fetch(request(site.url), never), { code: 'service.stopping' });
    await own.close();
    await Promise.all([holder, refused]);
  });

  test('a host with a dot at its end is asked for by its name without it', async (context) => {
    const certificates = makeCertificates();
    if (certificates === undefined) return context.skip('there is no openssl');
    const names: string[] = [];
    const SNICallback = (name: string, found: (error: Error | null) => void) => {
      names.push(name);
      found(null);
    };
    const server = createServer({ ...certificates.valid, SNICallback }, (_, response) => response.end('here'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const own = createFetcher({
      ca: certificates.ca,
      lookup: (_, { all }, give) =>
        all ? give(null, [{ address: '127.0.0.1', family: 4 }]) : give(null, '127.0.0.1', 4),
    });
    const { text } = await outcomeOf(own, request(`https://site.crawl.test.:${address.port}/`));
    assert.deepEqual([text, names], ['here', ['site.crawl.test']]);
    await own.close();
    server.close();
  });
});
