import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { createFilter } from '#src/serve/filter.js';
import { Hub } from '#src/serve/hub.js';
import { Subscriber } from '#src/serve/subscriber.js';
import { Turns } from '#src/serve/turns.js';
import { openMemoryStore } from '#src/store/memory.js';
import { runService, transports } from '../support/process.js';
import { readSse, readWs, tryWs } from '../support/readers.js';
import { serveHere } from '../support/service.js';

for (const { transport, skip } of transports) {
  test(`limits over ${transport} › refuse a stream too many, and take the next when there is room`, {
    skip,
  }, async (t) => {
    const { url } = await runService(t, transport, ['--max-connections', '3']);
    const open = [await readSse(url), await readSse(url), await readWs(url)];
    const refused = await fetch(`${url}/events`);
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '5');
    assert.match(await refused.text(), /"limit\.connections"/);
    assert.equal(await tryWs(`${url}/ws`), 503);
    assert.equal((await fetch(`${url}/results`)).status, 200, 'what is no stream is not counted');
    for (const reader of open) reader.close();
    // How long the service takes to notice is not ours to say.
    let status = 503;
    while (status === 503) status = await tryWs(`${url}/ws`);
    assert.equal(status, 101);
  });

  test(`limits over ${transport} › close a WebSocket that is flooded with control frames`, { skip }, async (t) => {
    const { url } = await serveHere(t, { transport });
    const { socket, controls } = await readWs(url, '?type=none');
    const closed = once(socket, 'close');
    for (let frame = 0; frame < 101; frame++) socket.send('{"subscribe":{"type":["none"]}}');
    const [code] = await closed;
    assert.equal(code, 1008);
    assert.equal(controls.length, 100);
  });

  test(`limits over ${transport} › refuse a subscription with 10,000 conditions`, { skip }, async (t) => {
    const { url } = await serveHere(t, { transport });
    const query = Array.from({ length: 1_000 }, (_, i) => `type=t${i}`).join('&');
    const response = await fetch(`${url}/events?${query}`);
    assert.equal(response.status, 400);
    assert.match(await response.text(), /more than 100/);
    const { socket } = await readWs(url, '?type=none');
    socket.send(JSON.stringify({ subscribe: { type: Array.from({ length: 10_000 }, () => 'a') } }));
    const [answer] = await once(socket, 'message');
    assert.match(String(answer), /"message\.invalid".*more than 100/);
    socket.terminate();
  });
}

test('limits › hold for one address, loopback apart', async (t) => {
  const store = await openMemoryStore();
  const hub = new Hub(store, { maxConnectionsPerAddress: 1 });
  t.after(() => {
    hub.close();
    return store.close();
  });
  const join = (address: string) => {
    const outlet = { deliver: () => true, heartbeat: () => true, end: () => {}, fail: () => {} };
    const plan = { position: { after: 0 }, filter: createFilter({ data: [] }) };
    const subscriber = new Subscriber(store, new Turns(store), plan, outlet);
    const member = { protocol: 'sse', address, subscriber, remind() {}, leave() {} } as const;
    hub.add(member);
    return member;
  };
  const tooMany = { code: 'limit.connections' };
  const first = join('192.0.2.1');
  assert.throws(() => hub.checkRoom('192.0.2.1'), tooMany);
  hub.checkRoom('192.0.2.2');
  for (const loopback of ['127.0.0.1', '::1']) {
    join(loopback);
    hub.checkRoom(loopback);
  }
  hub.delete(first);
  hub.delete(first);
  hub.checkRoom('192.0.2.1');
});
