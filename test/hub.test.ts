/** What streams do as time goes by, and when the service stops. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it, type TestContext, test } from 'node:test';
import { createFilter } from '#src/serve/filter.js';
import { Hub, type Member, type StreamLimits } from '#src/serve/hub.js';
import { openEventStream, sseHeaders } from '#src/serve/sse.js';
import { plan, Subscriber } from '#src/serve/subscriber.js';
import { parseSubscriptionQuery } from '#src/serve/subscription.js';
import type { ByteSink, HttpResponse, Socket } from '#src/serve/transport.js';
import { openSocket } from '#src/serve/websocket.js';
import { openMemoryStore } from '#src/store/memory.js';
import type { Store } from '#src/store/store.js';
import { eventOf, recordOf, startLogService, transports } from './support/log-service.js';
import { RawClient } from './support/raw-client.js';
import { clientFrame, openRawWebSocket, readFrames } from './support/raw-websocket.js';
import { readWs } from './support/readers.js';

/** Stops the clock by which streams are reminded. What it gives lets time go by, and has all of them reminded once. */
function stopClock(t: TestContext): (ms: number) => void {
  // Whole milliseconds: sums of others are not exact, and these tests are about the very millisecond.
  let nowMs = Math.floor(performance.now());
  t.mock.method(performance, 'now', () => nowMs);
  t.mock.timers.enable({ apis: ['setInterval'] });
  return (ms) => {
    nowMs += ms;
    t.mock.timers.tick(1_000);
  };
}

const write = (store: Store, type: string) => store.commit({ crawl: 'a', events: [eventOf('a', type, {})] });

for (const transport of transports) {
  describe(`as time goes by (${transport})`, () => {
    it('an event stream on which nothing was written for 15 s says where it is', async (t) => {
      const pass = stopClock(t);
      const { store, transport: server } = await startLogService(t, { transport });
      using client = new RawClient(server.port);
      client.send('GET /events?type=wanted HTTP/1.1\r\nHost: test\r\n\r\n');
      const place = (offset: number) => `id: ${store.log.epoch}-${offset}\n`;
      /** Waits until something has come, and the service knows that its socket takes more. */
      const had = async (offset: number) => {
        await client.untilText(place(offset));
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      };
      await had(0);
      pass(14_999);
      await write(store, 'other');
      pass(1);
      await had(1);
      pass(14_999);
      await write(store, 'wanted');
      await had(2);
      pass(1);
      await write(store, 'other');
      pass(14_998);
      pass(1);
      await had(3);
      await write(store, 'wanted');
      await had(4);
      const places = client.text.match(/^id: .*\n/gm);
      assert.deepEqual(places, [0, 1, 2, 3, 4].map(place));
    });

    it('a WebSocket says where it is after 15 s, and only where events were left out', async (t) => {
      const pass = stopClock(t);
      const { store, url } = await startLogService(t, { transport });
      const { socket, close } = await readWs(url, '?type=wanted');
      const frames: string[] = [];
      socket.on('message', (data) => {
        const { id, cursor } = JSON.parse(String(data));
        frames.push(id ?? `at ${cursor}`);
      });
      pass(15_000);
      await write(store, 'other');
      pass(14_999);
      await write(store, 'other');
      pass(1);
      pass(5_000);
      await write(store, 'wanted');
      await write(store, 'other');
      pass(14_999);
      await write(store, 'other');
      pass(1);
      await write(store, 'wanted');
      while (frames.length < 4) await once(socket, 'message');
      const id = (offset: number) => `${store.log.epoch}-${offset}`;
      assert.deepEqual(frames, [`at ${id(2)}`, id(3), `at ${id(5)}`, id(6)]);
      close();
    });

    it('a WebSocket is asked for a sign of life every 30 s, and given up where none has come by the next time', async (t) => {
      const pass = stopClock(t);
      const { transport: server, url } = await startLogService(t, { transport });
      const { socket, close } = await readWs(url);
      let pings = 0;
      socket.on('ping', () => pings++);
      /** Waits until a ping was answered, and the answer taken in: the service answers one ping of ours behind it. */
      const answered = async (count: number) => {
        while (pings < count) await once(socket, 'ping');
        socket.ping();
        await once(socket, 'pong');
        assert.equal(pings, count);
      };
      using silent = await openRawWebSocket(server.port);
      using steering = await openRawWebSocket(server.port);
      pass(29_999);
      pass(1);
      await answered(1);
      steering.send(clientFrame('{"subscribe":{}}'));
      await steering.untilText('subscribed');
      pass(29_999);
      pass(1);
      await silent.closed;
      await answered(2);
      pass(30_000);
      await steering.closed;
      await answered(3);
      const pingsOf = ({ bytes }: RawClient) => readFrames(bytes).filter(({ opcode }) => opcode === 9).length;
      assert.deepEqual([silent, steering].map(pingsOf), [1, 2]);
      close();
    });
  });
}

async function openHub(t: TestContext, limits?: StreamLimits) {
  const store = await openMemoryStore();
  const errors: unknown[] = [];
  const hub = new Hub(store, limits, (error) => errors.push(error));
  t.after(() => {
    hub.close();
    return store.close();
  });
  await store.commit({ crawl: 'a', record: recordOf('a') });
  return { store, hub, errors };
}

/** A WebSocket that is full when the test says so; `sent` is what was done with it. */
class FullSocket implements Socket {
  isFull = false;
  sent: string[] = [];
  onMessage = (_: string) => {};
  onDrain = () => {};
  onPong = () => {};
  onClose = () => {};

  send(frames: readonly (Buffer | string)[]): boolean {
    this.sent.push(...frames.map(String));
    return !this.isFull;
  }

  ping(): void {
    this.sent.push('ping');
  }

  close(code: number): void {
    this.sent.push(`close ${code}`);
  }

  destroy(): void {
    this.sent.push('destroy');
  }

  /** What was done since this was asked last. */
  take(): string[] {
    return this.sent.splice(0);
  }
}

test('an event stream that is full when it says where it is gets nothing more until it takes bytes again', async (t) => {
  const pass = stopClock(t);
  const { store, hub } = await openHub(t);
  const sent: unknown[] = [];
  let isFull = true;
  const sink: ByteSink = {
    write: (chunk) => sent.push(String(chunk).split('\n', 1)[0]) > 0 && !isFull,
    end: () => sent.push('end'),
    destroy: () => sent.push('destroy'),
    onDrain() {},
    onClose() {},
  };
  const response: HttpResponse = {
    send: () => assert.fail(),
    stream(_status, headers, first) {
      sent.push(headers, first);
      return sink;
    },
    onAbort() {},
  };
  const planned = plan(parseSubscriptionQuery(''), store);
  openEventStream({ store, hub, plan: planned, address: '192.0.2.1' }, response, { vary: 'origin' });
  const id = (offset: number) => `id: ${store.log.epoch}-${offset}`;
  const headers = { ...sseHeaders, vary: 'origin' };
  assert.deepEqual(sent.splice(0), [headers, `retry: 1000\n${id(0)}\n\n`]);
  pass(15_000);
  await write(store, 'quote');
  assert.deepEqual(sent.splice(0), [id(0)]);
  isFull = false;
  sink.onDrain();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(sent.splice(0), [id(1)]);
  hub.close();
  assert.deepEqual(sent, ['end']);
  sink.onClose();
  assert.equal(hub.size, 0);
});

describe('a WebSocket', () => {
  const open = async (t: TestContext) => {
    const pass = stopClock(t);
    const opened = await openHub(t);
    const { store, hub } = opened;
    const socket = new FullSocket();
    openSocket({ store, hub, plan: plan(parseSubscriptionQuery(''), store), address: '192.0.2.1' }, socket);
    return { ...opened, pass, socket };
  };
  const steer = (socket: Socket, count: number, frame = '{"subscribe":{"type":["none"]}}') => {
    for (let n = 0; n < count; n++) socket.onMessage(frame);
  };

  it('that takes bytes again is alive: the pings of a slow reader wait behind what it has not read', async (t) => {
    const { store, hub, pass, socket } = await open(t);
    socket.isFull = true;
    await write(store, 'quote');
    socket.take();
    pass(30_000);
    socket.onDrain();
    pass(30_000);
    pass(30_000);
    assert.deepEqual(socket.take(), ['ping', 'ping', 'destroy']);
    hub.close();
    assert.deepEqual(socket.take(), ['close 1001']);
    socket.onClose();
    assert.equal(hub.size, 0);
  });

  it('gets what waits for it as soon as it is known that it takes bytes again, be it by an answer that it took', async (t) => {
    const { store, socket } = await open(t);
    const typesOf = (frames: string[]) => frames.map((frame) => JSON.parse(frame).type ?? 'answer');
    const ways: [takesMore: () => void, seen: string[]][] = [
      [() => socket.onDrain(), ['second']],
      [() => steer(socket, 1, '{'), ['answer', 'second']],
    ];
    for (const [takesMore, seen] of ways) {
      socket.isFull = true;
      await write(store, 'first');
      await write(store, 'second');
      assert.deepEqual(typesOf(socket.take()), ['first']);
      socket.isFull = false;
      takesMore();
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(typesOf(socket.take()), seen);
    }
  });

  it('that leaves more than ten answers in a row untaken is closed', async (t) => {
    const { socket } = await open(t);
    socket.isFull = true;
    steer(socket, 10);
    socket.onDrain();
    steer(socket, 11);
    assert.ok(socket.take().every((frame) => frame.includes('subscribed')));
    steer(socket, 1);
    assert.deepEqual(socket.take(), ['close 1008']);
  });

  it('may send a hundred control frames in ten seconds, and then as many again', async (t) => {
    const { pass, socket } = await open(t);
    steer(socket, 60);
    pass(10_000);
    steer(socket, 40);
    pass(1);
    steer(socket, 100);
    assert.equal(socket.take().filter((frame) => frame.includes('subscribed')).length, 200);
    steer(socket, 1);
    assert.deepEqual(socket.take(), ['close 1008']);
  });

  it('is answered what it has asked for; of what goes wrong with it the service is told only what is its own fault', async (t) => {
    const { store, errors, socket } = await open(t);
    const data = { constructor: 'a', tags: ['b', 'c', 'd'] };
    steer(socket, 1, JSON.stringify({ subscribe: { type: ['quote'], crawl: 'a', since: 0, data } }));
    const cursor = `${store.log.epoch}-0`;
    const [answer = ''] = socket.take();
    assert.deepEqual(JSON.parse(answer).subscribed, { type: ['quote'], crawl: 'a', since: '0', data, cursor });
    steer(socket, 1, '{');
    assert.match(String(socket.take()), /"message\.invalid"/);
    assert.deepEqual(errors, []);
    // What nobody has foreseen is told whole to the log of the service, and to nobody else.
    const unforeseen = new Error('a secret');
    t.mock.method(store, 'crawls', () => {
      throw unforeseen;
    });
    steer(socket, 1, '{"subscribe":{"crawl":"latest"}}');
    const [told = ''] = socket.take();
    assert.equal(JSON.parse(told).error.code, 'internal');
    assert.doesNotMatch(told, /secret/);
    assert.ok(errors.length === 1 && errors[0] === unforeseen);
  });
});

describe('a hub', () => {
  /** A member that says when it is told to leave, and takes what is written to it. */
  const join = (store: Store, hub: Hub, protocol: Member['protocol'] = 'sse', address = '192.0.2.1') => {
    const told: string[] = [];
    const outlet = {
      deliver: () => told.push('event') > 0,
      heartbeat: () => true,
      end: assert.fail,
      fail: assert.fail,
    };
    const position = { after: store.log.last };
    const subscriber = new Subscriber(store, hub.turns, { position, filter: createFilter({ data: [] }) }, outlet);
    const member = {
      protocol,
      address,
      subscriber,
      told,
      remind: () => told.push('time'),
      leave: () => told.push('leave'),
    };
    hub.add(member);
    return member;
  };

  it('counts its members, and says who has too many streams', async (t) => {
    const { store, hub } = await openHub(t, { maxConnections: 3, maxConnectionsPerAddress: 2 });
    const one = join(store, hub);
    const two = join(store, hub, 'ws');
    assert.throws(() => hub.checkRoom('192.0.2.1'), { message: /^2 streams of your address are open/ });
    join(store, hub, 'ws', '192.0.2.2');
    assert.throws(() => hub.checkRoom('192.0.2.3'), { message: /^3 streams are open/ });
    assert.deepEqual(hub.sizes, { sse: 1, ws: 2 });
    hub.delete(one);
    hub.delete(one);
    assert.deepEqual(hub.sizes, { sse: 0, ws: 2 });
    hub.checkRoom('192.0.2.1');
    join(store, hub);
    assert.throws(() => hub.checkRoom('192.0.2.1'), { message: /^2 streams of your address are open/ });
    two.subscriber.close();
    await write(store, 'quote');
    assert.equal(hub.maxLag, 1, 'only one has not had it');
  });

  it('tells who replays that somebody follows live, whoever came first', async (t) => {
    const { store, hub } = await openHub(t);
    const followed: boolean[] = [];
    t.mock.method(hub.turns, 'appended', (isFollowed: boolean) => followed.push(isFollowed));
    let pumped = 0;
    hub.onPumped = () => pumped++;
    await write(store, 'quote');
    assert.equal(pumped, 0, 'there is nobody');
    const [live, second, closed] = [join(store, hub), join(store, hub), join(store, hub)];
    closed.subscriber.close();
    await write(store, 'quote');
    assert.deepEqual([live.told, second.told, closed.told], [['event'], ['event'], []]);
    live.subscriber.close();
    second.subscriber.close();
    await write(store, 'quote');
    assert.deepEqual([followed, pumped], [[true, false], 2]);
  });

  it('that is closed tells all to leave, those who come late too, and is empty when the last has gone', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { store, hub } = await openHub(t);
    await hub.empty();
    const [one, two] = [join(store, hub), join(store, hub)];
    t.mock.timers.tick(1_000);
    hub.close();
    let isEmpty = false;
    const empty = hub.empty().then(() => {
      isEmpty = true;
    });
    const late = join(store, hub);
    t.mock.timers.tick(1_000);
    await write(store, 'quote');
    assert.deepEqual([one.told, two.told, late.told], [['time', 'leave'], ['time', 'leave'], ['leave']]);
    hub.delete(one);
    hub.delete(two);
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(!isEmpty);
    hub.delete(late);
    await empty;
    one.subscriber.pump();
    assert.deepEqual(one.told, ['time', 'leave'], 'nothing is written to who has gone');
  });
});
