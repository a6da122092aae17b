import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { CrawlcastClientError, connect, MissedEventsError, type StreamState } from 'crawlcast/client';
import { filter, firstValueFrom, lastValueFrom, map, Subject, toArray } from 'rxjs';
import { WebSocket, WebSocketServer } from 'ws';
import { beginStream, block, eventText, refuse, standIn } from './support/stand-in.js';

const ended = (counts: Record<string, number>) => ({ stats: {}, counts: { ...counts, 'crawl.finished': 1 } });

describe('a stream of the client', () => {
  for (const [status, code] of [
    [400, 'query.invalid'],
    [401, 'auth.missing'],
    [403, 'auth.insufficient'],
    [404, 'route.unknown'],
    [406, 'accept.unsupported'],
    [422, 'spider.invalid'],
  ] as const) {
    for (const transport of ['sse', 'ws'] as const) {
      it(`fails with ${code} where it is answered ${status}, over ${transport}`, async (test) => {
        const service = await standIn(test, (_, response) => refuse(response, status, code));
        const stream = connect(service.url, { transport, WebSocket }).events({ since: 0 });
        await assert.rejects(lastValueFrom(stream), (error: unknown) => {
          assert.ok(error instanceof CrawlcastClientError);
          assert.deepEqual([error.code, error.status, error.detail], [code, status, 'write it otherwise']);
          return true;
        });
        assert.equal(service.asked.length, 1);
      });
    }
  }

  it('fails where the answer is no event stream', async (test) => {
    const service = await standIn(test, (_, response) => response.end('hello'));
    await assert.rejects(firstValueFrom(connect(service.url, { transport: 'sse' }).events()), {
      code: 'response.invalid',
    });
  });

  it('heals what can heal, and says meanwhile what is wrong', async (test) => {
    const service = await standIn(test, (request, response, count) => {
      if (count === 1) return refuse(response, 503, 'service.stopping', 'wait');
      if (count === 2) return request.socket.destroy();
      if (count === 3) return beginStream(response).write(`${block(1, 'quote')}id: e-7\n\n`, () => response.destroy());
      if (count === 4)
        return beginStream(response).end(`${block(7, 'quote')}${block(9, 'quote')}: cut off\ndata: {"sp`);
      return response.writeHead(204).end();
    });
    const stream = connect(service.url, { transport: 'sse' }).events({ type: 'quote', since: 0, crawl: 'c' });
    const states: StreamState[] = [];
    stream.state$.subscribe((state) => states.push(state));
    const events = await lastValueFrom(
      stream.pipe(
        map(({ id }) => id),
        toArray(),
      ),
    );
    assert.deepEqual(events, ['e-1', 'e-9']);
    const since = service.asked.map((url) => new URL(url.slice(4), service.url).searchParams.get('since'));
    assert.deepEqual(since, ['0', '0', '0', 'e-7', 'e-9']);
    const reasons = states.map((one) => (one.state === 'connecting' ? one.reason : one.state));
    assert.deepEqual(
      reasons.filter((one) => one !== 'live'),
      [
        'closed',
        undefined,
        'service.stopping: wait',
        `connect.failed: ${service.url} does not answer`,
        'replaying',
        'connect.lost: the connection broke off',
        'replaying',
        'connect.lost: the stream has ended',
        'closed',
      ],
    );
  });

  it('does not take the start of a stream for a place that it has reached', async (test) => {
    const gap = { requested: 'e-1', resumedAfter: 'e-5', reason: 'truncated' };
    const service = await standIn(test, (_, response, count) => {
      // The first time it breaks off between the cursor and the gap that it would have been told of.
      if (count === 1) beginStream(response).write('id: e-5\n\n', () => response.destroy());
      else beginStream(response).write(`id: e-5\n\n${block(5, 'log.gap', gap)}`);
    });
    const { code } = await firstValueFrom(
      connect(service.url, { transport: 'sse' }).events({ type: 'quote', since: 'e-1' }),
    ).then(
      () => ({ code: 'none' }),
      (error: CrawlcastClientError) => error,
    );
    assert.equal(code, 'log.gap');
    assert.equal(service.asked.filter((url) => url.includes('since=e-1')).length, 2);
  });

  it('takes the start of a stream from now, or from a time, for the place where it goes on', async (test) => {
    for (const since of ['now', new Date(0)]) {
      const service = await standIn(test, (_, response, count) => {
        if (count === 1) beginStream(response).write('id: e-5\n\n', () => response.destroy());
        else beginStream(response).write(block(6, 'quote'));
      });
      await firstValueFrom(connect(service.url, { transport: 'sse' }).events({ since }));
      assert.equal(service.asked[1], 'GET /events?since=e-5');
    }
  });

  it('closes its connection when it is left', async (test) => {
    const asked = new Subject<IncomingMessage>();
    const service = await standIn(test, (request, response) => {
      beginStream(response).write(block(1, 'quote'));
      asked.next(request);
    });
    const first = firstValueFrom(asked);
    const subscription = connect(service.url, { transport: 'sse' }).events({ since: 0 }).subscribe();
    const { socket } = await first;
    const closed = new Promise((resolve) => socket.once('close', () => resolve('closed')));
    const still = new Promise((resolve) => setTimeout(() => resolve('open'), 5_000).unref());
    subscription.unsubscribe();
    assert.equal(await Promise.race([closed, still]), 'closed');
  });

  it('asks for the first and last events of crawls, but gives only what was subscribed to', async (test) => {
    const service = await standIn(test, (_, response) => {
      const counts = ended({ 'crawl.started': 1, quote: 1, page: 8 });
      beginStream(response).write(block(1, 'crawl.started') + block(2, 'quote') + block(4, 'crawl.finished', counts));
    });
    const stream = connect(service.url, { transport: 'sse' }).events({ type: 'quote', crawl: 'c', since: 0 });
    const types = await lastValueFrom(
      stream.pipe(
        map(({ type }) => type),
        toArray(),
      ),
    );
    assert.deepEqual(types, ['quote']);
    const asked = new URL(service.asked[0]?.slice(4) ?? '', service.url).searchParams.get('type');
    assert.equal(asked, 'quote,crawl.started,crawl.finished,crawl.failed,crawl.cancelled');
  });

  it('raises an error where a crawl wrote more than arrived', async (test) => {
    const service = await standIn(test, (_, response) => {
      const counts = ended({ 'crawl.started': 1, quote: 2 });
      beginStream(response).write(block(1, 'crawl.started') + block(2, 'quote') + block(4, 'crawl.finished', counts));
    });
    const seen: string[] = [];
    const error = await new Promise<unknown>((resolve) => {
      const stream = connect(service.url, { transport: 'sse' }).events({
        type: ['quote', 'crawl.finished'],
        crawl: 'c',
        since: 0,
      });
      stream.subscribe({ next: ({ type }) => seen.push(type), error: resolve });
    });
    assert.ok(error instanceof MissedEventsError);
    assert.deepEqual(
      [error.expected, error.seen],
      [
        { quote: 2, 'crawl.finished': 1 },
        { quote: 1, 'crawl.finished': 1 },
      ],
    );
    assert.deepEqual(seen, ['quote', 'crawl.finished']);
  });

  it('comes back where the list of crawls, in which it looks for the latest, broke off', async (test) => {
    const service = await standIn(test, (request, response, count) => {
      if (request.url !== '/crawls?limit=1') return response.writeHead(204).end();
      if (count > 1) return response.end('[{"id":"a"}]');
      response.writeHead(200, { 'content-length': 100 }).write('[{"id":', () => response.destroy());
    });
    const events = connect(service.url, { transport: 'sse' }).events({ crawl: 'latest', since: 0 });
    assert.deepEqual(await lastValueFrom(events.pipe(toArray())), []);
    assert.deepEqual(service.asked, ['GET /crawls?limit=1', 'GET /crawls?limit=1', 'GET /events?since=0&crawl=a']);
  });

  it('stays with the newest crawl that it began with', async (test) => {
    const service = await standIn(test, (request, response, count) => {
      if (request.url === '/crawls?limit=1') response.end('[{"id":"new"}]');
      else if (count === 2) beginStream(response).end(block(1, 'quote'));
      else response.writeHead(204).end();
    });
    await lastValueFrom(connect(service.url, { transport: 'sse' }).events({ crawl: 'latest', since: 0 }));
    assert.deepEqual(
      service.asked.map((url) => new URL(url.slice(4), service.url).searchParams.get('crawl')),
      [null, 'new', 'new'],
    );
  });

  it('asks for the newest crawl no longer than somebody waits', { timeout: 20_000 }, async (test) => {
    let isGone: Promise<unknown> | undefined;
    const asked = new Subject<void>();
    const service = await standIn(test, (_, response) => {
      isGone = once(response, 'close');
      asked.next();
    });
    const first = firstValueFrom(asked);
    const subscription = connect(service.url, { transport: 'sse' }).events({ crawl: 'latest' }).subscribe();
    await first;
    subscription.unsubscribe();
    await isGone;
  });

  it('stops reading while its reader is slow, and goes on when it is not', { timeout: 30_000 }, async (test) => {
    const total = 30_000;
    let written = 0;
    const filler = 'x'.repeat(2_000);
    const service = await standIn(test, async (_, response) => {
      beginStream(response);
      while (written < total) {
        if (response.write(block(++written, 'quote', { filler }))) continue;
        await once(response, 'drain');
      }
      response.write(block(++written, 'crawl.finished', ended({})));
    });
    const events = connect(service.url, { transport: 'sse' }).events({ since: 0, crawl: 'c' })[Symbol.asyncIterator]();
    await events.next();
    // Held up: the service could write nothing for a while. Otherwise 60 MB would be in memory.
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(written < total / 2, `${written} written`);
    let last = 1;
    for await (const { id } of events) {
      assert.equal(id, `e-${++last}`);
    }
    assert.equal(last, total + 1);
  });

  it('ends a wait for the next event when it is left', async (test) => {
    const service = await standIn(test, (_, response) => beginStream(response).write(block(1, 'quote')));
    const events = connect(service.url, { transport: 'sse' }).events()[Symbol.asyncIterator]();
    assert.equal((await events.next()).value?.id, 'e-1');
    const next = events.next();
    await events.return?.();
    assert.deepEqual(await next, { value: undefined, done: true });
  });

  it('throws its error behind what came before it', async (test) => {
    const service = await standIn(test, (_, response, count) => {
      if (count === 1) beginStream(response).end(block(1, 'quote') + block(2, 'quote'));
      else refuse(response, 401, 'auth.missing');
    });
    const seen: string[] = [];
    const read = async () => {
      for await (const { id } of connect(service.url, { transport: 'sse' }).events()) seen.push(id);
    };
    await assert.rejects(read(), { code: 'auth.missing' });
    assert.deepEqual(seen, ['e-1', 'e-2']);
  });

  it('says that it lags, and by how much', async (test) => {
    const service = await standIn(test, (_, response) => {
      beginStream(response);
      for (let offset = 1; offset <= 2_000; offset++) response.write(block(offset, 'quote'));
    });
    const withHead: typeof fetch = async (url, init) =>
      init?.method === 'HEAD' ? new Response(null, { headers: { 'crawlcast-cursor': 'e-900000' } }) : fetch(url, init);
    const stream = connect(service.url, { transport: 'sse', fetch: withHead }).events({ since: 0 });
    const lagging = firstValueFrom(stream.state$.pipe(filter((one) => one.state === 'lagging')));
    const events = stream[Symbol.asyncIterator]();
    await events.next();
    const { by } = await lagging;
    assert.ok(by > 890_000 && by < 900_000, `by ${by}`);
    await events.return?.();
  });
});

describe('a stream of the client over WebSocket', () => {
  /** Answers each subscription with what `answer` gives. */
  async function serve(test: Parameters<typeof standIn>[0], answer: (since: string, socket: WebSocket) => void) {
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'cloudevents.json' });
    sockets.on('connection', (socket) => {
      socket.on('message', (text) => {
        const { subscribe } = JSON.parse(String(text));
        socket.send(JSON.stringify({ subscribed: { ...subscribe, cursor: 'e-0' } }));
        answer(subscribe.since, socket);
      });
    });
    return standIn(test, (_, response) => response.writeHead(404).end(), sockets);
  }

  it('fails where the subscription is refused', async (test) => {
    const service = await serve(test, (_, socket) =>
      socket.send('{"error":{"code":"message.invalid","message":"no"}}'),
    );
    const stream = connect(service.url, { transport: 'ws', WebSocket }).events();
    await assert.rejects(firstValueFrom(stream), { code: 'message.invalid', detail: 'no' });
  });

  it('says why it was not let in though its socket tells of no close, as that of Node 22', async (test) => {
    class Silent extends EventTarget {
      constructor() {
        super();
        setImmediate(() => this.dispatchEvent(new Event('error')));
      }
      send(): void {}
      close(): void {}
    }
    const service = await standIn(test, (_, response) => refuse(response, 401, 'auth.missing'));
    const stream = connect(service.url, { transport: 'ws', WebSocket: Silent }).events();
    await assert.rejects(firstValueFrom(stream), { code: 'auth.missing' });
  });

  it('asks no longer why it was not let in when it is left', { timeout: 20_000 }, async (test) => {
    const asked = new Subject<IncomingMessage>();
    const service = await standIn(test, (request) => asked.next(request));
    const first = firstValueFrom(asked);
    const subscription = connect(service.url, { transport: 'ws', WebSocket }).events().subscribe();
    const { socket } = await first;
    const closed = once(socket, 'close');
    subscription.unsubscribe();
    await closed;
  });

  it('fails where it is told that it broke the rules', async (test) => {
    const service = await serve(test, (_, socket) => socket.close(1008, 'policy'));
    const stream = connect(service.url, { transport: 'ws', WebSocket }).events();
    await assert.rejects(firstValueFrom(stream), { code: 'websocket.1008', detail: 'policy' });
  });

  it('goes on from a cursor that came without an event', async (test) => {
    const starts: string[] = [];
    const service = await serve(test, (since, socket) => {
      starts.push(since);
      if (starts.length === 1) {
        socket.send('{"cursor":"e-40"}');
        return socket.close(1001);
      }
      socket.send(eventText(41, 'quote'));
      socket.close(1000);
    });
    const stream = connect(service.url, { transport: 'ws', WebSocket }).events({ crawl: 'c', since: 0 });
    const ids = await lastValueFrom(
      stream.pipe(
        map(({ id }) => id),
        toArray(),
      ),
    );
    assert.deepEqual(ids, ['e-41']);
    assert.deepEqual(starts, ['0', 'e-40']);
  });

  it('closes while its reader is slow, and comes back to where that is', async (test) => {
    const total = 5_000;
    const starts: number[] = [];
    let tellHeld = () => {};
    const held = new Promise<void>((resolve) => {
      tellHeld = resolve;
    });
    const service = await serve(test, (since, socket) => {
      const start = Number(since.split('-').at(-1));
      starts.push(start);
      socket.on('close', () => tellHeld());
      for (let offset = start + 1; offset <= total; offset++) socket.send(eventText(offset, 'quote'));
      if (starts.length > 1) socket.close(1000);
    });
    let last = 0;
    for await (const { id } of connect(service.url, { transport: 'ws', WebSocket }).events({ crawl: 'c', since: 0 })) {
      assert.equal(id, `e-${++last}`);
      if (last === 1) await held;
    }
    assert.equal(last, total);
    assert.ok(starts.length > 1, 'it was never held up');
  });
});
