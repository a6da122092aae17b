import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { after, suite, test } from 'node:test';
import { createFetcher } from '#src/crawl/fetcher.js';
import { makeCertificates } from './support/certificates.js';
import { outcomeOf, request } from './support/fetching.js';
import { type Answer, freePort, reply, startHostile } from './support/hostile.js';

const fetcher = createFetcher();
after(() => fetcher.close());

const certificates = makeCertificates();

suite('fetcher over TLS', { skip: certificates === undefined && 'there is no openssl here' }, () => {
  if (certificates === undefined) return;
  const { ca, valid, expired, wrongHost } = certificates;
  const trusting = createFetcher({ ca });
  after(() => trusting.close());
  const answer: Answer = (socket) => socket.write(reply('safe'));

  test('reads a page, and keeps the connection', async () => {
    await using site = await startHostile(answer, valid);
    for (let i = 0; i < 3; i += 1) assert.equal((await outcomeOf(trusting, request(site.url))).text, 'safe');
    assert.equal(site.accepted, 1);
  });

  const refused = [
    { title: 'an expired certificate', pair: expired, own: trusting, error: 'tls.expired' },
    { title: 'a certificate of another host', pair: wrongHost, own: trusting, error: 'tls.wrong_host' },
    { title: 'a certificate that nobody trusts', pair: valid, own: fetcher, error: 'tls.untrusted' },
  ];
  for (const { title, pair, own, error } of refused) {
    test(`E7 ${title} has its own code`, async () => {
      await using site = await startHostile(answer, pair);
      const outcome = await outcomeOf(own, request(site.url));
      assert.equal(outcome.error?.code, error, outcome.error?.message);
      assert.equal(site.requests.length, 0);
    });
  }

  test('E7 a host that speaks no TLS fails the handshake', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).end('220 mail.example ESMTP\r\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    // the address of a TCP server is never a string
    const { port } = server.address() as AddressInfo;
    const outcome = await outcomeOf(trusting, request(`https://127.0.0.1:${port}/`));
    server.close();
    assert.equal(outcome.error?.code, 'tls.failed', outcome.error?.message);
  });

  test('E9 reads a page through a tunnel of a proxy that wants credentials', async () => {
    await using site = await startHostile(answer, valid);
    await using proxy = await startHostile(tunnel(site.port));
    const wanted = request(site.url, { proxy: `http://ann:s3cret@127.0.0.1:${proxy.port}` });
    assert.equal((await outcomeOf(trusting, wanted)).text, 'safe');
    assert.equal((await outcomeOf(trusting, wanted)).text, 'safe');
    assert.equal(proxy.requests.length, 1);
    assert.match(proxy.requests[0] ?? '', new RegExp(`^CONNECT 127.0.0.1:${site.port} HTTP/1.1\r\n`));
    assert.match(proxy.requests[0] ?? '', /proxy-authorization: Basic YW5uOnMzY3JldA==/i);
    assert.doesNotMatch(site.requests[0] ?? '', /proxy-authorization/i);
  });
});

suite('fetcher through a proxy', { concurrency: true }, () => {
  test('E9 a plain page is asked for with its whole URL', async () => {
    await using proxy = await startHostile((socket) => socket.write(reply('through')));
    const wanted = request('http://some.example/a?b', { proxy: `http://ann@127.0.0.1:${proxy.port}` });
    assert.equal((await outcomeOf(fetcher, wanted)).text, 'through');
    assert.match(proxy.requests[0] ?? '', /^GET http:\/\/some\.example\/a\?b HTTP\/1\.1\r\nhost: some\.example\r\n/);
    assert.match(proxy.requests[0] ?? '', /proxy-authorization: Basic /);
  });

  for (const [url, way] of [
    ['http://some.example/', 'plain'],
    ['https://some.example/', 'in a tunnel'],
  ] as const) {
    test(`E9 407 has its own code, ${way}, and no message names the credentials`, async () => {
      const answer = 'HTTP/1.1 407 Who Are You\r\ncontent-length: 0\r\n\r\n';
      await using proxy = await startHostile((socket) => socket.end(answer));
      const { error } = await outcomeOf(fetcher, request(url, { proxy: `http://ann:s3cret@127.0.0.1:${proxy.port}` }));
      assert.equal(error?.code, 'proxy.auth');
      assert.match(error?.message ?? '', new RegExp(`127.0.0.1:${proxy.port}`));
      assert.doesNotMatch(error?.message ?? '', /ann|s3cret/);
    });
  }

  test('E9 a refused CONNECT, a broken proxy and none at all are failures of the proxy', async () => {
    await using refusing = await startHostile((socket) => socket.end('HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n'));
    await using breaking = await startHostile((socket) => socket.resetAndDestroy());
    const proxies = [
      refusing.url,
      breaking.url,
      `http://127.0.0.1:${await freePort()}`,
      'socks5://127.0.0.1:1080',
      'x',
    ];
    for (const proxy of proxies) {
      const { error } = await outcomeOf(fetcher, request('https://some.example/', { proxy }));
      assert.equal(error?.code, 'proxy.failed', proxy);
    }
  });

  test('E9 a proxy that never answers CONNECT meets the limit for connecting', async () => {
    await using proxy = await startHostile(() => {});
    const { error } = await outcomeOf(fetcher, request('https://some.example/', { proxy: proxy.url, timeoutMs: 100 }));
    assert.equal(error?.code, 'timeout.connect');
    await proxy.emptied();
  });
});

/** A proxy that connects every tunnel to a port of this machine. */
function tunnel(port: number): Answer {
  return (socket) => {
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connected\r\n\r\n');
      socket.removeAllListeners('data');
      socket.pipe(upstream).pipe(socket);
    });
    upstream.on('error', () => socket.destroy());
  };
}
