import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { suite, test } from 'node:test';
import { checkTarget, guardLookup, isPublicAddress, type Lookup } from '#src/crawl/addresses.js';
import { createFetcher } from '#src/crawl/fetcher.js';
import { CrawlcastError } from '#src/errors.js';
import { never, outcomeOf, request } from './support/fetching.js';
import { reply, startHostile } from './support/hostile.js';

const privateAddresses: Record<string, string[]> = {
  unspecified: ['0.0.0.0', '0.1.2.3', '::'],
  loopback: ['127.0.0.1', '127.255.255.254', '::1'],
  private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd12::1', 'fec0::1'],
  'link-local': ['169.254.0.1', 'fe80::1', 'fe80::1%eth0'],
  'carrier-grade NAT': ['100.64.0.1', '100.127.255.255'],
  'cloud metadata': ['169.254.169.254', '168.63.129.16', 'fd00:ec2::254', '100.100.100.200', '::ffff:168.63.129.16'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
  'broadcast and reserved': ['255.255.255.255', '240.0.0.1', '192.0.0.1', '100::1'],
  documentation: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
  benchmarking: ['198.18.0.1', '2001:2::1'],
  'IPv4-mapped': ['::ffff:127.0.0.1', '::ffff:a00:1', '[::ffff:192.168.0.1]'],
  'IPv4-compatible': ['::127.0.0.1', '::a00:1'],
  NAT64: ['64:ff9b::7f00:1', '64:ff9b::10.0.0.1', '64:ff9b:1::1'],
  '6to4': ['2002:7f00:1::', '2002:a00:1::1', '2002:c0a8:101::1'],
  Teredo: ['2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  'no address at all': ['', 'localhost', '1.2.3.4.5', ':::'],
};

suite('address guard', () => {
  for (const [kind, addresses] of Object.entries(privateAddresses)) {
    test(`${kind} is not public`, () => {
      for (const address of addresses) assert.equal(isPublicAddress(address), false, address);
    });
  }

  test('addresses of the public internet are public, however they are written', () => {
    const addresses = ['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700::1111', '[2a00:1450::1]', '::ffff:8.8.8.8'];
    for (const address of [...addresses, '64:ff9b::808:808', '2002:808:808::1']) {
      assert.equal(isPublicAddress(address), true, address);
    }
  });

  test('an IPv4 host in any notation is what it means', () => {
    for (const host of ['127.0.0.1', '0x7f.1', '2130706433', '0177.0.0.1', '127.1', '[::1]', '[::ffff:7f00:1]']) {
      assert.throws(() => checkTarget(new URL(`http://${host}/`)), { code: 'address.private' }, host);
    }
  });

  test('ports of other protocols are refused, others are not', () => {
    for (const port of [0, 22, 25, 110, 143, 465, 587, 993, 2049, 5060, 6000, 6667, 10080]) {
      assert.throws(() => checkTarget(new URL(`http://example.com:${port}/`)), { code: 'address.port' }, String(port));
    }
    for (const port of ['', ':80', ':443', ':8080', ':9000']) checkTarget(new URL(`http://example.com${port}/`));
  });

  test('one private address among public ones refuses the name', async () => {
    const lookup = guardLookup(
      answer([
        { address: '8.8.8.8', family: 4 },
        { address: '10.0.0.1', family: 4 },
      ]),
    );
    for (const all of [true, false]) {
      const error = await new Promise((resolve) => lookup('mixed.example', { all }, resolve));
      assert.ok(error instanceof CrawlcastError);
      assert.equal(error.code, 'address.private');
      assert.match(error.message, /mixed\.example \(10\.0\.0\.1\).*--allow-private-networks/);
    }
  });

  test('public addresses are handed on in the form that was asked for', () => {
    const found = [
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ];
    guardLookup(answer(found))('a.example', { all: true }, (error, addresses) => {
      assert.equal(error, null);
      assert.deepEqual(addresses, found);
    });
    guardLookup(answer(found))('a.example', {}, (error, address, family) => {
      assert.deepEqual([error, address, family], [null, '8.8.8.8', 4]);
    });
  });

  test('a name that becomes private between two look-ups is refused at the second', async () => {
    const answers = ['8.8.8.8', '127.0.0.1'];
    const rebinding: Lookup = (_host, _options, callback) => {
      callback(null, [{ address: answers.shift() ?? '', family: 4 }]);
    };
    const guarded = guardLookup(rebinding);
    const ask = () => new Promise((resolve) => guarded('rebind.example', { all: true }, resolve));
    assert.equal(await ask(), null);
    assert.ok((await ask()) instanceof CrawlcastError);
  });

  test('each connection looks the name up once, and connects to what was checked', async () => {
    let lookups = 0;
    const lookup: Lookup = (_host, options, callback) => {
      lookups += 1;
      callback(null, options.all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4);
    };
    await using site = await startHostile((socket) => socket.end(reply('once', { connection: 'close' })));
    const fetcher = createFetcher({ lookup });
    const { text } = await outcomeOf(fetcher, request(`http://any.example:${site.port}/`));
    assert.equal(text, 'once');
    assert.equal(lookups, 1);
    await fetcher.close();
  });

  test('a connection opened without the guard never serves a request that has it', async () => {
    await using site = await startHostile((socket) => socket.write(reply('inside')));
    const fetcher = createFetcher();
    const url = `http://localhost:${site.port}/`;
    assert.equal((await outcomeOf(fetcher, request(url))).text, 'inside');
    assert.equal((await outcomeOf(fetcher, request(url, { publicOnly: true }))).error?.code, 'address.private');
    assert.equal(site.requests.length, 1);
    await fetcher.close();
  });

  test('through a proxy the name is checked before the proxy is asked', async () => {
    await using proxy = await startHostile((socket) => socket.end(reply('from the proxy')));
    const fetcher = createFetcher();
    for (const url of ['http://localhost/', 'https://localhost/', 'http://127.0.0.1/', 'http://[::1]/']) {
      const wanted = request(url, { publicOnly: true, proxy: proxy.url });
      await assert.rejects(fetcher.fetch(wanted, never), { code: 'address.private' }, url);
    }
    assert.equal(proxy.accepted, 0);
    await fetcher.close();
  });
});

function answer(found: LookupAddress[]): Lookup {
  return (_host, _options, callback) => callback(null, found);
}
