import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { CrawlcastError } from '#src/errors.js';
import { listen } from '#src/serve/listen.js';
import type {
  ByteSink,
  HttpRequest,
  HttpResponse,
  Service,
  Socket,
  Transport,
  TransportLimits,
  UpgradeVerdict,
} from '#src/serve/transport.js';
import { exchange, RawClient, readAnswer, readChunks } from './support/raw-client.js';
import { clientFrame, closeCode, handshakeRequest, openRawWebSocket, readFrames } from './support/raw-websocket.js';

const sse = { 'Content-Type': 'text/event-stream' };

interface Served extends AsyncDisposable {
  readonly transport: Transport;
  readonly port: number;
  readonly errors: unknown[];
}

type Request = (request: HttpRequest, response: HttpResponse) => void;

function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: test\r\n${headers}\r\n`;
}

function post(body: string, headers = `Content-Length: ${body.length}\r\n`): string {
  return `POST / HTTP/1.1\r\nHost: test\r\n${headers}\r\n${body}`;
}

/** Answers with what it read. */
const echo: Request = (request, response) => {
  request.readBody(1_000).then(
    (body) => response.send(200, {}, body),
    (error) => response.send(error.code === 'body.limit' ? 413 : 400, {}, error.message),
  );
};

/** Says which request it was. */
const hello: Request = ({ method, path, query }, response) => response.send(200, {}, `${method} ${path} ${query}`);

const refuseAll = (): UpgradeVerdict => ({ refuse: { status: 404, headers: {}, body: '' } });

for (const kind of ['uws', 'ws'] as const) {
  async function serve(
    request: Request,
    upgrade: (request: HttpRequest) => UpgradeVerdict = refuseAll,
    limits: Partial<TransportLimits> = {},
  ): Promise<Served> {
    const errors: unknown[] = [];
    const service: Service = { request, upgrade, onError: (error) => errors.push(error) };
    const transport = await listen(kind, service, '127.0.0.1', 0, limits);
    return { transport, port: transport.port, errors, [Symbol.asyncDispose]: () => transport.close() };
  }

  /** Serves WebSockets only, and gives the first that comes. */
  async function serveSockets(limits: Partial<TransportLimits> = {}): Promise<Served & { first: Promise<Socket> }> {
    let accepted: (socket: Socket) => void = () => {};
    const first = new Promise<Socket>((resolve) => {
      accepted = resolve;
    });
    const served = await serve(hello, () => ({ accept: (socket) => accepted(socket) }), limits);
    return { ...served, first };
  }

  describe(`transport ${kind} › requests`, () => {
    it('hands over method, path, query, headers and the address of the peer', async () => {
      await using served = await serve((request, response) => {
        const { method, path, query, remoteAddress } = request;
        const repeated = request.header('x-twice');
        response.send(
          200,
          sse,
          JSON.stringify({ method, path, query, remoteAddress, repeated, no: request.header('no') }),
        );
      });
      const answer = await exchange(served.port, get('/a%20b/%2F?x=1&y=%20?', 'X-Twice: 1\r\nx-twice: 2\r\n'));
      assert.deepEqual(JSON.parse(answer.body), {
        method: 'GET',
        path: '/a%20b/%2F',
        query: 'x=1&y=%20?',
        remoteAddress: '127.0.0.1',
        repeated: '1, 2',
      });
      assert.equal(answer.headers.get('content-type'), 'text/event-stream');
    });

    it('takes a head of 12 KB', async () => {
      await using served = await serve((request, response) => response.send(200, {}, request.header('x')));
      const answer = await exchange(served.port, get('/', `X: ${'x'.repeat(12_000)}\r\n`));
      assert.equal(answer.body.length, 12_000);
    });

    it('answers 431 to a head that is too large', async () => {
      await using served = await serve(hello);
      using client = new RawClient(served.port);
      client.send(get('/', `X: ${'x'.repeat(100_000)}\r\n`));
      assert.match(await client.untilText('\r\n\r\n'), /^HTTP\/1.1 431 /);
      await client.closed;
    });

    it('answers HEAD with the length and no body', async () => {
      await using served = await serve(hello);
      const answer = await exchange(served.port, 'HEAD /1 HTTP/1.1\r\nHost: test\r\n\r\n');
      assert.equal(answer.headers.get('content-length'), String('HEAD /1 '.length));
      using client = new RawClient(served.port);
      client.send(`HEAD /1 HTTP/1.1\r\nHost: test\r\n\r\n${get('/2')}`);
      const text = await client.untilText('GET /2 ');
      assert.ok(!text.includes('HEAD /1 '));
    });

    it('answers 204 without a length', async () => {
      await using served = await serve((_, response) => response.send(204, {}));
      const answer = await exchange(served.port, get('/'));
      assert.equal(answer.status, 204);
      assert.equal(answer.headers.has('content-length'), false);
    });

    it('answers pipelined requests in order', async () => {
      await using served = await serve(hello);
      using client = new RawClient(served.port);
      client.send(get('/1') + get('/2'));
      const text = await client.untilText('GET /2 ');
      assert.ok(text.indexOf('GET /1 ') < text.indexOf('GET /2 '));
    });

    it('takes an expectation that it does not know for none', async () => {
      await using served = await serve(echo);
      const answer = await exchange(served.port, post('whole', 'Expect: the-best\r\nContent-Length: 5\r\n'));
      assert.deepEqual([answer.status, answer.body], [200, 'whole']);
    });

    it('reads a body, also one that comes in pieces', async () => {
      await using served = await serve(echo);
      assert.equal((await exchange(served.port, post('whole'))).body, 'whole');
      using client = new RawClient(served.port);
      client.send(post('', 'Expect: 100-continue\r\nContent-Length: 6\r\n'));
      await client.untilText('100 Continue\r\n\r\n');
      client.forget();
      client.send('abc').send('def');
      assert.equal((await client.until(readAnswer)).body, 'abcdef');
    });

    it('reads a body that came before it was asked for', async () => {
      await using served = await serve((request, response) => setTimeout(() => echo(request, response), 20));
      assert.equal((await exchange(served.port, post('early'))).body, 'early');
    });

    it('refuses a body beyond the limit, and the connection lives on', async () => {
      await using served = await serve(echo);
      using client = new RawClient(served.port);
      client.send(post('x'.repeat(1_001)));
      assert.equal((await client.until(readAnswer)).status, 413);
      client.forget();
      client.send(post('next'));
      assert.equal((await client.until(readAnswer)).body, 'next');
    });

    it('lets go of a body whose client went away', async () => {
      let failed: (error: unknown) => void = () => {};
      const failure = new Promise((resolve) => {
        failed = resolve;
      });
      await using served = await serve((request) => void request.readBody(1_000).catch(failed));
      using client = new RawClient(served.port);
      client.send(post('abc', 'Content-Length: 6\r\n'));
      await once(client.socket, 'connect');
      setTimeout(() => client.reset(), 20);
      assert.ok((await failure) instanceof CrawlcastError);
    });

    it('gives up on a slow body', async () => {
      await using served = await serve(echo, undefined, { requestTimeoutMs: 200 });
      using client = new RawClient(served.port);
      client.send(post('abc', 'Content-Length: 6\r\n'));
      await client.closed;
      assert.match(client.text, /^HTTP\/1.1 4/);
    });

    it('answers 500 where the service throws, and goes on', async () => {
      await using served = await serve((request, response) => {
        if (request.path === '/throw') throw new Error('a mistake');
        hello(request, response);
      });
      const answer = await exchange(served.port, get('/throw'));
      assert.equal(answer.status, 500);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
      assert.ok(!answer.body.includes('a mistake'));
      assert.match(String(served.errors), /a mistake/);
      assert.equal((await exchange(served.port, get('/1'))).body, 'GET /1 ');
    });

    it('lets no line break into a header', async () => {
      await using served = await serve((_, response) => response.send(200, { 'X-A': 'a\r\nX-B: b' }));
      const answer = await exchange(served.port, get('/'));
      assert.equal(answer.status, 500);
      assert.equal(answer.headers.has('x-b'), false);
    });

    it('sends a list as that many headers', async () => {
      await using served = await serve((_, response) => response.send(200, { 'Set-Cookie': ['a=1', 'b=2'] }));
      using client = new RawClient(served.port);
      client.send(get('/'));
      const text = await client.untilText('\r\n\r\n');
      assert.match(text, /Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n/);
    });

    it('calls back once when the client goes before the answer', async () => {
      let aborts = 0;
      let aborted: () => void = () => {};
      const abort = new Promise<void>((resolve) => {
        aborted = resolve;
      });
      await using served = await serve((_, response) => {
        response.onAbort(() => {
          aborts++;
          response.send(200, {}, 'too late');
          aborted();
        });
        client.reset();
      });
      using client = new RawClient(served.port);
      client.send(get('/'));
      await Promise.all([abort, client.closed]);
      assert.equal(aborts, 1);
    });
  });

  describe(`transport ${kind} › requests that lie`, () => {
    const evil = get('/evil');
    const cases = {
      'both lengths': post(`0\r\n\r\n${evil}`, 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n'),
      'two lengths': post('abcde', 'Content-Length: 3\r\nContent-Length: 5\r\n'),
      'a list of lengths': post('abc', 'Content-Length: 3, 3\r\n'),
      'a signed length': post('abc', 'Content-Length: +3\r\n'),
      'a length that is none': post('abc', 'Content-Length: 0x3\r\n'),
      'an empty length': post(evil, 'Content-Length: \r\n'),
      'a chunk that does not end': post(`0\r\nXX\r\n\r\n${evil}`, 'Transfer-Encoding: chunked\r\n'),
      'chunks, though lawful': post(`0\r\n\r\n${evil}`, 'Transfer-Encoding: chunked\r\n'),
      'an unknown transfer coding': post(evil, 'Transfer-Encoding: xchunked\r\n'),
      'bare line feeds': 'GET /evil HTTP/1.1\nHost: test\n\n',
      'no path': 'GET http://test/evil HTTP/1.1\r\nHost: test\r\n\r\n',
      'another protocol': '\x16\x03\x01\x02\x00\x01\x00',
      'a later version': 'GET /evil HTTP/2.0\r\nHost: test\r\n\r\n',
    };
    for (const [name, request] of Object.entries(cases)) {
      it(`refuses ${name} and closes`, async () => {
        const paths: string[] = [];
        await using served = await serve(({ path }, response) => {
          paths.push(path);
          response.send(200, {});
        });
        using client = new RawClient(served.port);
        client.send(request);
        await client.closed;
        assert.match(client.text, /^(HTTP\/1.1 (400|411|505) |$)/);
        assert.deepEqual(paths, []);
      });
    }
  });

  describe(`transport ${kind} › streams`, () => {
    it('sends the head and the first bytes at once', async () => {
      await using served = await serve((_, response) => void response.stream(200, sse, 'retry: 1000\n\n'));
      using client = new RawClient(served.port);
      client.send(get('/'));
      const text = await client.untilText('retry: 1000\n\n');
      assert.match(text, /^HTTP\/1.1 200 OK\r\n/);
      assert.match(text, /Content-Type: text\/event-stream\r\n/);
    });

    it('answers HEAD with the head alone, and is over', async () => {
      let closed: () => void = () => {};
      const over = new Promise<void>((resolve) => {
        closed = resolve;
      });
      await using served = await serve((_, response) => {
        const sink = response.stream(200, sse, 'retry: 1000\n\n');
        sink.onClose = closed;
      });
      const answer = await exchange(served.port, 'HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
      assert.equal(answer.headers.get('content-type'), 'text/event-stream');
      await over;
    });

    it('is over, and says so, where the client goes before it begins', { timeout: 5_000 }, async () => {
      let over: (takes: boolean) => void = () => {};
      const closed = new Promise<boolean>((resolve) => {
        over = resolve;
      });
      await using served = await serve((_, response) => {
        response.onAbort(() => {
          const sink = response.stream(200, sse, 'a');
          sink.onClose = () => over(sink.write('b'));
        });
        client.reset();
      });
      using client = new RawClient(served.port);
      client.send(get('/'));
      assert.equal(await closed, false, 'and takes nothing');
    });

    it('ends, and the connection takes the next request', async () => {
      await using served = await serve((request, response) => {
        if (request.path !== '/stream') return hello(request, response);
        const sink = response.stream(200, sse, 'a');
        setImmediate(() => {
          sink.write('b');
          sink.end();
          assert.equal(sink.write('c'), false);
          sink.end();
        });
      });
      using client = new RawClient(served.port);
      client.send(get('/stream'));
      assert.equal((await client.until(readAnswer)).body, 'ab');
      client.forget();
      client.send(get('/next'));
      assert.equal((await client.until(readAnswer)).body, 'GET /next ');
    });

    it('closes a connection on which a second request comes during a stream', async () => {
      let sink: ByteSink | undefined;
      await using served = await serve((_, response) => {
        sink = response.stream(200, sse, 'first');
      });
      using client = new RawClient(served.port);
      client.send(get('/stream'));
      await client.untilText('first');
      client.send(get('/second'));
      await client.closed;
      assert.ok(!client.text.includes('second'));
      assert.equal(sink?.write('more'), false);
    });

    it('tells a writer to stop, and sends everything once when the reader goes on', async () => {
      const total = 40_000_000;
      let written = 0;
      let mostAhead = 0;
      let stalled: () => void = () => {};
      const stall = new Promise<void>((resolve) => {
        stalled = resolve;
      });
      await using served = await serve((_, response) => {
        const sink = response.stream(200, {}, 'x');
        written = 1;
        sink.onDrain = () => {
          while (written < total) {
            const chunk = letters(written, Math.min(50_000, total - written));
            written += chunk.length;
            if (!sink.write(chunk)) return stalled();
            mostAhead = Math.max(mostAhead, written);
          }
          sink.end();
        };
        sink.onDrain();
      });
      using client = new RawClient(served.port);
      client.socket.pause();
      client.send(get('/'));
      await stall;
      assert.ok(written < 20_000_000, `${written} bytes were taken from a writer whose reader stood still`);
      client.socket.resume();
      await client.until((bytes) => bytes.subarray(-7).equals(Buffer.from('\r\n0\r\n\r\n')));
      const text = client.text;
      const { body } = readChunks(text.slice(text.indexOf('\r\n\r\n') + 4));
      assert.equal(body.length, total);
      assert.ok(Buffer.from(body.slice(1)).equals(letters(1, total - 1)));
    });

    it('keeps the order also for a writer that does not stop', async () => {
      const pieces = 200;
      await using served = await serve((_, response) => {
        const sink = response.stream(200, {}, '');
        for (let piece = 0; piece < pieces; piece++) sink.write(letters(piece * 100_000, 100_000));
        sink.end();
      });
      using client = new RawClient(served.port);
      client.send(get('/'));
      const { body } = await client.until((bytes) => bytes.length > pieces * 100_000 && readAnswer(bytes));
      assert.ok(Buffer.from(body).equals(letters(0, pieces * 100_000)));
    });

    it('says once that it is over when the reader resets in mid-write', async () => {
      let closes = 0;
      let closed: () => void = () => {};
      const over = new Promise<void>((resolve) => {
        closed = resolve;
      });
      await using served = await serve((_, response) => {
        const sink = response.stream(200, {}, 'x');
        sink.onClose = () => {
          closes++;
          sink.write('too late');
          sink.end();
          sink.destroy();
          closed();
        };
        while (sink.write(letters(0, 100_000)));
        client.reset();
      });
      using client = new RawClient(served.port);
      client.socket.pause();
      client.send(get('/'));
      await over;
      await client.closed;
      assert.equal(closes, 1);
    });

    it('breaks off a stream whose listener throws, and goes on', async () => {
      await using served = await serve((request, response) => {
        if (request.path !== '/stream') return hello(request, response);
        const sink = response.stream(200, {}, 'x');
        sink.onDrain = () => {
          throw new Error('a mistake');
        };
        while (sink.write(letters(0, 100_000)));
      });
      using client = new RawClient(served.port);
      client.send(get('/stream'));
      await client.closed;
      assert.match(String(served.errors), /a mistake/);
      assert.equal((await exchange(served.port, get('/1'))).body, 'GET /1 ');
    });
  });

  describe(`transport ${kind} › handshakes`, () => {
    const accept = (): UpgradeVerdict => ({ accept: () => {} });
    const cases: [name: string, changes: Record<string, string>, status: number][] = [
      ['is lawful', {}, 101],
      ['names several connection options', { Connection: 'keep-alive, Upgrade', Upgrade: 'WebSocket' }, 101],
      ['does not ask for an upgrade', { Upgrade: '' }, 200],
      ['does not say that the connection is to be upgraded', { Connection: 'keep-alive' }, 200],
      ['asks for another protocol', { Upgrade: 'h2c' }, 200],
      ['has another version', { 'Sec-WebSocket-Version': '8' }, 426],
      ['has no version', { 'Sec-WebSocket-Version': '' }, 426],
      ['has no key', { 'Sec-WebSocket-Key': '' }, 400],
      ['has a short key', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }, 400],
      ['has a key in another spelling than 16 bytes have', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZR==' }, 400],
      ['has a key that is no base64', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25j!Q==' }, 400],
    ];
    for (const [name, changes, status] of cases) {
      it(`answers ${status} to one that ${name}`, async () => {
        await using served = await serve(hello, accept);
        const answer = await exchange(served.port, handshakeRequest('/ws', changes));
        assert.equal(answer.status, status);
        if (status === 426) assert.equal(answer.headers.get('sec-websocket-version'), '13');
      });
    }

    it('closes a connection on which one comes during a stream', async () => {
      await using served = await serve((_, response) => void response.stream(200, sse, 'first'), accept);
      using client = new RawClient(served.port);
      client.send(get('/'));
      await client.untilText('first');
      client.send(handshakeRequest());
      await client.closed;
      assert.ok(!client.text.includes('101 Switching'));
    });

    it('echoes no subprotocol or extension but what the service says', async () => {
      await using served = await serve(hello, (request) =>
        request.path === '/a' ? { accept: () => {}, protocol: 'a' } : { accept: () => {} },
      );
      const offer = { 'Sec-WebSocket-Protocol': 'b, a', 'Sec-WebSocket-Extensions': 'permessage-deflate' };
      const chosen = await exchange(served.port, handshakeRequest('/a', offer));
      assert.equal(chosen.headers.get('sec-websocket-protocol'), 'a');
      assert.equal(chosen.headers.get('sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
      for (const odd of ['', 'b,, a', 'b b', 'a, a']) {
        const answer = await exchange(served.port, handshakeRequest('/', { 'Sec-WebSocket-Protocol': odd }));
        assert.equal(answer.status, 101, odd);
        assert.equal(answer.headers.has('sec-websocket-protocol'), false, odd);
      }
      const none = await exchange(served.port, handshakeRequest('/', offer));
      assert.equal(none.headers.has('sec-websocket-protocol'), false);
      assert.equal(none.headers.has('sec-websocket-extensions'), false);
    });

    it('answers as the service refuses', async () => {
      const refuse = { status: 403, headers: { 'X-Why': 'because' }, body: 'no' };
      await using served = await serve(hello, () => ({ refuse }));
      const answer = await exchange(served.port, handshakeRequest());
      assert.equal(answer.status, 403);
      assert.equal(answer.headers.get('x-why'), 'because');
      assert.equal(answer.body, 'no');
    });

    it('answers 500 where the service throws', async () => {
      await using served = await serve(hello, () => {
        throw new Error('a mistake');
      });
      assert.equal((await exchange(served.port, handshakeRequest())).status, 500);
      assert.match(String(served.errors), /a mistake/);
    });
  });

  describe(`transport ${kind} › WebSockets`, () => {
    it('carries text both ways, and pings and closes', async () => {
      await using served = await serveSockets();
      const client = new WebSocket(`ws://127.0.0.1:${served.port}/ws`, { perMessageDeflate: true });
      const socket = await served.first;
      const text = new Promise<string>((resolve) => {
        socket.onMessage = resolve;
      });
      if (client.readyState !== client.OPEN) await once(client, 'open');
      client.send('hällo 👋');
      assert.equal(await text, 'hällo 👋');
      const pong = new Promise<void>((resolve) => {
        socket.onPong = resolve;
      });
      socket.ping();
      await pong;
      const frames = new Promise<string[]>((resolve) => {
        const seen: string[] = [];
        client.on('message', (data) => {
          if (seen.push(String(data)) === 3) resolve(seen);
        });
      });
      assert.equal(socket.send(['a', Buffer.from('b'), 'ç']), true);
      assert.deepEqual(await frames, ['a', 'b', 'ç']);
      const closes: number[] = [];
      socket.onClose = () => closes.push(1);
      socket.close(1000, 'é'.repeat(100));
      const [code] = await once(client, 'close');
      assert.equal(code, 1000);
      assert.equal(socket.send(['late']), false);
      socket.ping();
      socket.close(1000, '');
      socket.destroy();
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(closes.length <= 1);
    });

    it('joins fragments, and answers a ping among them', async () => {
      await using served = await serveSockets();
      using client = await openRawWebSocket(served.port);
      const socket = await served.first;
      const text = new Promise<string>((resolve) => {
        socket.onMessage = resolve;
      });
      client.send(clientFrame('one ', { fin: false }));
      client.send(clientFrame('ping', { opcode: 9 }));
      client.send(clientFrame('two', { opcode: 0 }));
      assert.equal(await text, 'one two');
      const [pong] = await client.until((bytes) => readFrames(bytes).length > 0 && readFrames(bytes));
      assert.equal(pong?.opcode, 10);
      assert.equal(String(pong?.payload), 'ping');
    });

    const breaches: [name: string, frames: Buffer[], code: number, bareOnUws: boolean][] = [
      ['reserved bits', [clientFrame('x', { reserved: 4 })], 1002, true],
      ['a reserved opcode', [clientFrame('x', { opcode: 3 })], 1002, true],
      ['a fragmented ping', [clientFrame('x', { opcode: 9, fin: false })], 1002, true],
      ['a ping over 125 bytes', [clientFrame('x'.repeat(126), { opcode: 9 })], 1002, true],
      ['a message over the limit', [clientFrame('x'.repeat(65_537))], 1009, true],
      [
        'fragments over the limit',
        [clientFrame('x'.repeat(60_000), { fin: false }), clientFrame('x'.repeat(6_000), { opcode: 0, fin: false })],
        1009,
        true,
      ],
      ['bad UTF-8', [clientFrame(Buffer.from([0xc3, 0x28]))], 1007, true],
      ['a binary frame', [clientFrame('x', { opcode: 2 })], 1003, false],
    ];
    for (const [name, frames, code, bareOnUws] of breaches) {
      it(`closes upon ${name}`, async () => {
        await using served = await serveSockets();
        using client = await openRawWebSocket(served.port);
        const socket = await served.first;
        const messages: string[] = [];
        socket.onMessage = (text) => messages.push(text);
        const over = new Promise<void>((resolve) => {
          socket.onClose = resolve;
        });
        for (const frame of frames) client.send(frame);
        if (kind === 'uws' && bareOnUws) {
          await client.closed;
        } else {
          const close = await client.until((bytes) => readFrames(bytes).find(({ opcode }) => opcode === 8));
          assert.equal(closeCode(close), code);
          client.socket.end();
        }
        await over;
        assert.deepEqual(messages, []);
      });
    }

    it('never takes an unmasked frame for what it says', async () => {
      await using served = await serveSockets();
      using client = await openRawWebSocket(served.port);
      const socket = await served.first;
      const messages: string[] = [];
      const over = new Promise<void>((resolve) => {
        socket.onClose = resolve;
        socket.onMessage = (text) => {
          messages.push(text);
          // uWebSockets.js does not look at the mask bit: the first bytes of the payload become the mask.
          socket.destroy();
        };
      });
      client.send(clientFrame('unmasked', { masked: false })).send('rest');
      await over;
      assert.ok(!messages.includes('unmasked'));
      assert.equal(kind === 'ws' ? messages.length : 0, 0);
    });

    it('closes upon a close code that may not be sent', async () => {
      await using served = await serveSockets();
      using client = await openRawWebSocket(served.port);
      client.send(clientFrame(Buffer.from([1005 >> 8, 1005 & 255]), { opcode: 8 }));
      const close = await client
        .until((bytes) => readFrames(bytes).find(({ opcode }) => opcode === 8))
        .catch(() => undefined);
      if (close !== undefined) assert.ok([1002, 1005].includes(closeCode(close)));
      client.socket.end();
      await client.closed;
    });

    it('tells a writer to stop, and sends every frame once when the reader goes on', async () => {
      const total = 20_000;
      let sent = 0;
      await using served = await serveSockets();
      using client = await openRawWebSocket(served.port);
      client.socket.pause();
      const socket = await served.first;
      const pump = (): boolean => {
        while (sent < total) {
          const frames: string[] = [];
          while (frames.length < 50 && sent < total) frames.push(`${sent++} ${'x'.repeat(1_000)}`);
          if (!socket.send(frames)) return false;
        }
        return true;
      };
      socket.onDrain = pump;
      assert.equal(pump(), false);
      assert.ok(sent < total);
      client.send(clientFrame('still there?', { opcode: 9 }));
      client.socket.resume();
      const frames = await client.until((bytes) => bytes.length > total * 1_000 && completed(bytes, total + 1));
      assert.ok(frames.some(({ opcode, payload }) => opcode === 10 && String(payload) === 'still there?'));
      const numbers = frames
        .filter(({ opcode }) => opcode === 1)
        .map(({ payload }) => Number.parseInt(String(payload), 10));
      assert.deepEqual(numbers, [...Array(total).keys()]);
    });

    it('says once that it is over when the reader resets in mid-write', async () => {
      await using served = await serveSockets();
      using client = await openRawWebSocket(served.port);
      client.socket.pause();
      const socket = await served.first;
      let closes = 0;
      const over = new Promise<void>((resolve) => {
        socket.onClose = () => {
          closes++;
          socket.send(['late']);
          socket.ping();
          socket.close(1000, '');
          socket.destroy();
          resolve();
        };
      });
      while (socket.send(['x'.repeat(50_000)]));
      client.reset();
      await over;
      await client.closed;
      assert.equal(closes, 1);
    });

    it('breaks off a socket whose listener throws, and goes on', async () => {
      await using served = await serveSockets();
      using client = await openRawWebSocket(served.port);
      const socket = await served.first;
      socket.onMessage = () => {
        throw new Error('a mistake');
      };
      client.send(clientFrame('x'));
      await client.closed;
      assert.match(String(served.errors), /a mistake/);
      using next = await openRawWebSocket(served.port);
      assert.ok(next);
    });
  });

  describe(`transport ${kind} › listening`, () => {
    it('says that a port is in use', async () => {
      await using served = await serve(hello);
      await assert.rejects(listen(kind, { request: hello, upgrade: refuseAll }, '127.0.0.1', served.port), {
        code: 'port.in_use',
        message: new RegExp(String(served.port)),
      });
    });

    it('says that an address cannot be bound', async () => {
      for (const host of ['203.0.113.5', 'no.such.host.invalid']) {
        await assert.rejects(listen(kind, { request: hello, upgrade: refuseAll }, host, 0), {
          code: 'usage.invalid',
        });
      }
    });

    it('takes nobody new once told to stop, and serves those it has', async () => {
      let sink: ByteSink | undefined;
      await using served = await serve((_, response) => {
        sink = response.stream(200, sse, 'first');
      });
      using client = new RawClient(served.port);
      client.send(get('/'));
      await client.untilText('first');
      served.transport.stopListening();
      served.transport.stopListening();
      await assert.rejects(exchange(served.port, get('/')));
      sink?.write('second');
      await client.untilText('second');
    });

    it('lets go of everything at once when closed, the port too', async () => {
      const first = await serveSockets();
      using idle = new RawClient(first.port);
      using socket = await openRawWebSocket(first.port);
      const { port } = first;
      assert.equal((await exchange(port, get('/1'))).status, 200);
      idle.send(get('/2'));
      await idle.until(readAnswer);
      await first.transport.close();
      await Promise.all([idle.closed, socket.closed]);
      const again = await listen(kind, { request: hello, upgrade: refuseAll }, '127.0.0.1', port);
      assert.equal(again.port, port);
      await again.close();
    });

    it('listens on IPv6', async (context) => {
      const service: Service = {
        request: (request, response) => response.send(200, {}, request.remoteAddress),
        upgrade: refuseAll,
      };
      const transport = await listen(kind, service, '::1', 0).catch(() => undefined);
      if (transport === undefined) return context.skip('this machine has no IPv6');
      assert.equal((await exchange(transport.port, get('/'), '::1')).body, '::1');
      await transport.close();
    });
  });
}

it('transport auto › is uWebSockets.js where it loads', async () => {
  const transport = await listen('auto', { request: hello, upgrade: refuseAll }, '127.0.0.1', 0);
  assert.match(transport.name, /^(uws|ws)$/);
  await transport.close();
});

/** Letters by their place, so that a hole or a repetition shows. */
function letters(from: number, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  for (let place = 0; place < count; place++) bytes[place] = 97 + ((from + place) % 25);
  return bytes;
}

function completed(bytes: Buffer, count: number): ReturnType<typeof readFrames> | false {
  const frames = readFrames(bytes);
  return frames.length >= count && frames;
}
