import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { after, suite, test } from 'node:test';
import { Cancellation } from '#src/crawl/cancellation.js';
import { createFetcher, locationOf } from '#src/crawl/fetcher.js';
import { makeCertificates } from './support/certificates.js';
import { never, outcomeOf, request } from './support/fetching.js';
import { drip, freePort, reply, startHostile } from './support/hostile.js';

const fetcher = createFetcher();
after(() => fetcher.close());

const ok = 'HTTP/1.1 200 OK\r\n';

/** Three hosts, as far as connections go; `answer` has each request. */
async function startThree(answer: (socket: Socket, nth: number, site: number) => unknown) {
  const sites = await Promise.all(
    [0, 1, 2].map((site) => startHostile((socket, _request, nth) => void answer(socket, nth, site))),
  );
  const [a = '', b = '', c = ''] = sites.map(({ url }) => url);
  return {
    urls: [a, b, c] as const,
    /** Waits until so many of them, from the first on, have been asked. */
    asked: (count: number) => Promise.all(sites.slice(0, count).map((site) => site.asked(1))),
    [Symbol.asyncDispose]: async () => void (await Promise.all(sites.map((site) => site[Symbol.asyncDispose]()))),
  };
}

test('a redirect has one of five statuses and says where to', () => {
  const target = (status: number, location?: string) =>
    locationOf({ status, latencyMs: 1, headers: location === undefined ? {} : { location: [location] } });
  for (const status of [301, 302, 303, 307, 308]) assert.equal(target(status, '/x'), '/x');
  for (const status of [200, 201, 300, 304, 305, 306, 309, 404]) assert.equal(target(status, '/x'), undefined);
  assert.equal(target(302), undefined);
});

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

  test('E2 asks again on no other kept connection', async () => {
    const held: Socket[] = [];
    await using site = await startHostile((socket, _request, nth) => {
      if (nth > 0) return socket.resetAndDestroy();
      if (site.accepted > 2) return socket.write(reply('fresh'));
      held.push(socket);
      if (held.length === 2) for (const one of held) one.write(reply('kept'));
    });
    const own = createFetcher();
    await Promise.all([1, 2].map(() => outcomeOf(own, request(site.url))));
    assert.equal((await outcomeOf(own, request(site.url))).text, 'fresh');
    assert.equal(site.accepted, 3);
    await own.close();
  });

  test('E2 can be given up while it waits on the fresh connection', { timeout: 10_000 }, async () => {
    const stop = new Cancellation();
    await using site = await startHostile((socket, _request, nth) => {
      if (nth > 0) socket.resetAndDestroy();
      else if (site.accepted === 1) socket.write(reply('kept'));
      else stop.end(new Error('enough'));
    });
    const own = createFetcher();
    await outcomeOf(own, request(site.url));
    await assert.rejects(own.fetch(request(site.url, { timeoutMs: 1_000 }), stop), /enough/);
    assert.equal(own.sockets, 0);
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
    assert.equal(site.requests.length, 1, 'a fresh connection that is reset says something about the site');
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

  test('a discarded body that is too long to be worth its connection gives that up, though it ends', async () => {
    await using site = await startHostile((socket) => socket.write(reply('x'.repeat(100_000))));
    const own = createFetcher({ maxSocketsPerHost: 1 });
    const { body } = await own.fetch(request(site.url), never);
    body.discard();
    assert.equal((await outcomeOf(own, request(site.url))).bytes, 100_000);
    assert.equal(site.accepted, 2);
    await own.close();
  });

  test('a discarded short body that is still to come leaves its connection as well', async () => {
    const sockets: Socket[] = [];
    await using site = await startHostile((socket, _request, nth) => {
      sockets.push(socket);
      socket.write(nth === 0 ? `${ok}content-length: 5\r\n\r\n` : reply('next'));
    });
    const own = createFetcher({ maxSocketsPerHost: 1 });
    const { body } = await own.fetch(request(site.url), never);
    body.discard();
    const next = outcomeOf(own, request(site.url));
    sockets[0]?.write('moved');
    assert.equal((await next).text, 'next');
    assert.equal(site.accepted, 1);
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

  test('E10 an idle connection makes room also where a host used before it has none left', async () => {
    await using sites = await startThree((socket, nth) => nth === 0 && socket.write(reply('x')));
    const own = createFetcher({ maxSockets: 2 });
    const [a, b, c] = sites.urls;
    for (const url of [a, b]) await outcomeOf(own, request(url));
    const held = assert.rejects(own.fetch(request(a), never), { code: 'service.stopping' });
    assert.equal((await outcomeOf(own, request(c, { totalTimeoutMs: 3_000 }))).text, 'x');
    await own.close();
    await held;
  });

  test('E10 who waits for a busy host keeps nobody else waiting', async () => {
    let release = () => {};
    await using sites = await startThree((socket, _nth, site) => {
      if (site === 1) release = () => socket.write(reply('x'));
      else if (site === 2) socket.write(reply('x'));
    });
    const own = createFetcher({ maxSockets: 2, maxSocketsPerHost: 1 });
    const [a, b, c] = sites.urls;
    const stopped = [a, a].map((url) => assert.rejects(own.fetch(request(url), never), { code: 'service.stopping' }));
    const first = outcomeOf(own, request(b));
    const last = outcomeOf(own, request(c, { totalTimeoutMs: 3_000 }));
    await sites.asked(2);
    release();
    assert.deepEqual([(await first).text, (await last).text], ['x', 'x']);
    await own.close();
    await Promise.all(stopped);
  });

  test('who gave up waiting for a socket is not given one', async () => {
    const sockets: Socket[] = [];
    await using site = await startHostile((socket, _request, nth) => {
      sockets.push(socket);
      if (nth > 0) socket.write(reply('second'));
    });
    const own = createFetcher({ maxSockets: 1 });
    const first = outcomeOf(own, request(site.url));
    const stop = new Cancellation();
    const tired = assert.rejects(own.fetch(request(site.url), stop), /tired/);
    await site.asked(1);
    stop.end(new Error('tired'));
    await tired;
    sockets[0]?.write(reply('first'));
    assert.equal((await first).text, 'first');
    assert.equal((await outcomeOf(own, request(site.url, { totalTimeoutMs: 3_000 }))).text, 'second');
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
    await assert.rejects(own.fetch(request(site.url), never), { code: 'service.stopping' });
    assert.equal(own.sockets, 0);
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

// Not beside the others: what they take of the thread would hide how soon something happens.
suite('fetcher, in its own time', () => {
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

  test('a site that falls silent behind a slow reader is late', async () => {
    await using site = await startHostile((socket) => {
      socket.write(`${ok}content-length: 900000\r\n\r\n`);
      socket.write(Buffer.alloc(800_000));
    });
    const { body } = await fetcher.fetch(request(site.url, { timeoutMs: 200, totalTimeoutMs: 3_000 }), never);
    let bytes = 0;
    const read = async () => {
      for await (const chunk of body) {
        if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 300));
        bytes += chunk.length;
      }
    };
    await assert.rejects(read(), { code: 'timeout.body' });
    assert.equal(bytes, 800_000);
  });

  test('a site that says a little now and then is not late', async () => {
    await using site = await startHostile((socket) => {
      socket.write(`${ok}content-length: 6\r\n\r\n`);
      let sent = 0;
      const timer = setInterval(() => {
        socket.write('x');
        if (++sent === 6) clearInterval(timer);
      }, 100);
    });
    const { text, error } = await outcomeOf(fetcher, request(site.url, { timeoutMs: 400 }));
    assert.deepEqual([text, error], ['xxxxxx', undefined]);
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
});
