import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import zlib from 'node:zlib';
import { decodeBody, parseContentEncoding } from '#src/crawl/decompress.js';
import { createFetcher } from '#src/crawl/fetcher.js';
import { CrawlcastError } from '#src/errors.js';
import { never, outcomeOf, request } from './support/fetching.js';
import { reply, startHostile } from './support/hostile.js';

const page = Buffer.from(`<html>${'<p>“quote” by someone</p>'.repeat(2_000)}</html>`);
const zstdMagic = [0x28, 0xb5, 0x2f, 0xfd];

const limits = { host: 'a.example', maxBytes: 10_000_000 };

const encodings: Record<string, { header: string; bytes: Buffer }> = {
  gzip: { header: 'gzip', bytes: zlib.gzipSync(page) },
  'x-gzip in capitals': { header: 'X-GZIP', bytes: zlib.gzipSync(page) },
  'deflate with its zlib header': { header: 'deflate', bytes: zlib.deflateSync(page) },
  'raw deflate': { header: 'deflate', bytes: zlib.deflateRawSync(page) },
  br: { header: 'br', bytes: zlib.brotliCompressSync(page) },
  zstd: { header: 'zstd', bytes: zstdOf(page) },
  identity: { header: 'identity', bytes: page },
  'br over gzip': { header: 'gzip, br', bytes: zlib.brotliCompressSync(zlib.gzipSync(page)) },
  'gzip over zstd over deflate': { header: 'deflate,zstd,,gzip', bytes: zlib.gzipSync(zstdOf(zlib.deflateSync(page))) },
  'gzip in several members': {
    header: 'gzip',
    bytes: Buffer.concat([zlib.gzipSync(page.subarray(0, 99)), zlib.gzipSync(page.subarray(99))]),
  },
  'a plain page labelled gzip': { header: 'gzip', bytes: page },
  'a plain page labelled br': { header: 'br', bytes: page },
  'a plain page labelled zstd': { header: 'zstd', bytes: page },
  'zstd behind a frame that is skipped': {
    header: 'zstd',
    bytes: Buffer.concat([Buffer.from([0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]), zstdOf(page)]),
  },
};

suite('decompress', () => {
  for (const [title, { header, bytes }] of Object.entries(encodings)) {
    test(`D3 D4 ${title} is read, whole, in pieces and byte by byte`, async () => {
      for (const size of [bytes.length, 1_000, 1]) {
        const { body, error } = await decode(header, piecesOf(bytes, size));
        assert.equal(error, undefined);
        assert.ok(body.equals(page), `in pieces of ${size}`);
      }
    });
  }

  for (const title of ['gzip', 'deflate with its zlib header', 'raw deflate', 'br', 'zstd', 'br over gzip']) {
    test(`D2 ${title} cut short gives what came, then is truncated`, async () => {
      const { header, bytes } = encodings[title] ?? { header: '', bytes: page };
      const { body, error } = await decode(header, piecesOf(bytes.subarray(0, bytes.length - 3), 64));
      assert.equal(error?.code, 'body.truncated', error?.message);
      assert.ok(body.length > 0 || title.startsWith('br'));
      assert.ok(page.subarray(0, body.length).equals(body));
    });
  }

  test('D2 a broken connection within a compressed body gives what came, then its own error', async () => {
    const bytes = zlib.gzipSync(page);
    async function* broken() {
      yield bytes.subarray(0, bytes.length - 20);
      throw new CrawlcastError('connect.reset', 'gone');
    }
    const { body, error } = await decode('gzip', broken());
    assert.equal(error?.code, 'connect.reset');
    assert.ok(body.length > 1_000);
  });

  test('D2 a connection that breaks within the first bytes gives what came, then its own error', async () => {
    async function* broken(start: Buffer) {
      for (const byte of start) yield Buffer.of(byte);
      throw new CrawlcastError('connect.reset', 'gone');
    }
    const starts = { gzip: zlib.gzipSync(page), br: Buffer.from('<p>'), deflate: zlib.deflateSync(page) };
    for (const [header, bytes] of Object.entries({ ...starts, zstd: Buffer.from('<p>'), 'gzip, gzip': page })) {
      for (const length of [0, 1, 2, 3]) {
        const { body, error } = await decode(header, broken(bytes.subarray(0, length)));
        assert.equal(error?.code, 'connect.reset', header);
        const isPlain = bytes[0] === 0x3c;
        assert.equal(body.toString(), isPlain ? bytes.toString('utf8', 0, length) : '', `${length} bytes of ${header}`);
      }
    }
  });

  test('D3 D4 what only half looks like its label is read as what it is', async () => {
    const like = Buffer.from([0x1f, 0x41]);
    assert.deepEqual((await decode('gzip', piecesOf(like, 2))).body, like);
    // A stored block whose padding is not empty begins like a zlib header.
    const stored = Buffer.from([0x08, 2, 0, 0xfd, 0xff, 0x61, 0x62, 0x01, 0, 0, 0xff, 0xff]);
    assert.equal((await decode('deflate', piecesOf(stored, 1))).body.toString(), 'ab');
    // Of some of these the first two bytes are a multiple of 31, as those of a zlib header are.
    const raws = Array.from({ length: 200 }, (_, n) => zlib.deflateRawSync(String(n).repeat(20)));
    assert.ok(raws.some((raw) => raw.readUInt16BE() % 31 === 0));
    for (const [n, raw] of raws.entries()) {
      assert.equal((await decode('deflate', piecesOf(raw, 100))).body.toString(), String(n).repeat(20));
    }
  });

  test('an empty body is empty in every encoding', async () => {
    for (const header of ['gzip', 'deflate', 'br', 'zstd', 'gzip, br']) {
      const { body, error } = await decode(header, piecesOf(Buffer.alloc(0), 1));
      assert.deepEqual([body.length, error], [0, undefined], header);
    }
  });

  test('bytes that are not what they begin as have a code of their own, after what came', async () => {
    for (const [header, bytes] of [
      ['gzip', zlib.gzipSync(page)],
      ['deflate', zlib.deflateSync(page)],
    ] as const) {
      const spoilt = Buffer.concat([bytes.subarray(0, bytes.length / 2), Buffer.alloc(50, 0xff), bytes.subarray(-50)]);
      const { error } = await decode(header, piecesOf(spoilt, 100));
      assert.equal(error?.code, 'body.encoding', header);
      assert.match(error?.message ?? '', /a\.example/);
    }
  });

  test('an unknown encoding and too many of them are refused by name', () => {
    assert.throws(() => parseContentEncoding(['gzip, compress'], 'a.example'), {
      code: 'body.encoding',
      message: /compress/,
    });
    assert.equal(parseContentEncoding(Array(3).fill('gzip'), 'a.example').length, 3);
    assert.throws(() => parseContentEncoding(Array(4).fill('gzip'), 'a.example'), { code: 'body.encoding' });
  });

  const bombs: Record<string, Buffer> = {
    gzip: zlib.gzipSync(Buffer.alloc(200_000_000)),
    br: zlib.brotliCompressSync(Buffer.alloc(200_000_000), { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }),
    zstd: zstdBomb(200_000_000),
    'gzip, gzip': zlib.gzipSync(zlib.gzipSync(Buffer.alloc(200_000_000))),
  };
  for (const [header, bytes] of Object.entries(bombs)) {
    test(`D5 200 MB in ${bytes.length} bytes of ${header} cost neither memory nor time`, async () => {
      await using site = await startHostile((socket) => socket.end(reply(bytes, { 'content-encoding': header })));
      const fetcher = createFetcher();
      const before = process.memoryUsage().rss;
      const startedAt = performance.now();
      const { body } = await fetcher.fetch(request(site.url, { maxBytes: 10_000_000 }), never);
      let count = 0;
      await assert.rejects(
        async () => {
          for await (const chunk of body) count += chunk.length;
        },
        { code: 'body.too_large' },
      );
      assert.equal(count, 10_000_000);
      assert.ok(performance.now() - startedAt < 2_000);
      assert.ok(process.memoryUsage().rss - before < 60_000_000);
      await site.emptied();
      await fetcher.close();
    });
  }

  test('D5 zstd that asks for more room than a browser gives is refused before there is any, in whatever frame', async () => {
    const whole = zstdOf(page);
    const skipped = Buffer.from([0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    const heads = {
      'a window of 9 MiB': [0x00, 0x69],
      'a window of 1.9 GB': [0x00, 0xa7],
      'a segment of 1 GiB': [0xa0, 0, 0, 0, 0x40],
      'a segment of 2^60 bytes': [0xe0, 0, 0, 0, 0, 0, 0, 0, 0x10],
    };
    for (const [title, head] of Object.entries(heads)) {
      const block = zstdBlock(0, 15, true);
      const bytes = Buffer.concat([whole, skipped, Buffer.from([...zstdMagic, ...head]), block, Buffer.alloc(15)]);
      for (const size of [bytes.length, 1]) {
        const before = process.memoryUsage().arrayBuffers;
        const { body, error } = await decode('zstd', piecesOf(bytes, size));
        assert.equal(error?.code, 'body.encoding', title);
        assert.match(error?.message ?? '', /window/, title);
        assert.ok(page.subarray(0, body.length).equals(body));
        assert.ok(process.memoryUsage().arrayBuffers - before < 9 * 1024 * 1024, title);
      }
    }
    const inFrames = Buffer.concat([zstdOf(page.subarray(0, 99)), skipped, zstdOf(page.subarray(99))]);
    for (const size of [inFrames.length, 100, 1]) {
      const { body, error } = await decode('zstd', piecesOf(inFrames, size));
      assert.deepEqual([error, body.equals(page)], [undefined, true], `in pieces of ${size}`);
    }
  });

  test('D5 zstd is followed through heads and blocks of every kind, to the frame that asks for too much', async () => {
    const [one, large] = [page.subarray(0, 200), page.subarray(0, 9_000)];
    const before = Buffer.concat([
      Buffer.from([...zstdMagic, 0x00, 0x38]),
      zstdBlock(0, large.length, true),
      large,
      // To be skipped, with the 300 bytes in it.
      Buffer.from([0x50, 0x2a, 0x4d, 0x18, 44, 1, 0, 0]),
      Buffer.alloc(300),
    ]);
    const size = (bytes: number, of: number) =>
      [...Buffer.from(new BigUint64Array([BigInt(of)]).buffer)].slice(0, bytes);
    const heads: Record<string, number[]> = {
      'a window of 8 MiB': [0x00, 0x68],
      'a checksum': [0x04, 0x38],
      'a dictionary of one byte': [0x01, 0x38, 0],
      'a dictionary of two bytes': [0x02, 0x38, 0, 0],
      'a dictionary of four bytes': [0x03, 0x38, 0, 0, 0, 0],
      'a window and a size': [0x80, 0x38, ...size(4, 250)],
      'a segment, its size in one byte': [0x20, ...size(1, 250)],
      'a segment, its size in two bytes': [0x60, ...size(2, 0)],
      'a segment, its size in four bytes': [0xa0, ...size(4, 250)],
      'a segment, its size in eight bytes': [0xe0, ...size(8, 250)],
      'a segment, its size behind a dictionary and a checksum': [0xa7, 0, 0, 0, 0, ...size(4, 250)],
    };
    for (const [title, head] of Object.entries(heads)) {
      const hasChecksum = ((head[0] ?? 0) & 4) !== 0;
      // In two bytes, 256 is a size of 0.
      const repeated = title.endsWith('two bytes') && title.startsWith('a segment') ? 56 : 50;
      const frame = Buffer.concat([
        Buffer.from([...zstdMagic, ...head]),
        zstdBlock(0, one.length, false),
        one,
        zstdBlock(1, repeated, true),
        Buffer.from('x'),
        Buffer.alloc(hasChecksum ? 4 : 0),
      ]);
      const greedy = Buffer.from([...zstdMagic, 0x00, 0x69]);
      for (const pieces of [100_000, 1]) {
        const { body, error } = await decode('zstd', piecesOf(Buffer.concat([before, frame, frame, greedy]), pieces));
        assert.match(error?.message ?? '', /window/, title);
        // What comes in one piece with the frame that is refused is not decoded any more.
        const text = one.toString() + 'x'.repeat(repeated);
        assert.equal(body.toString(), pieces === 1 ? large.toString() + text + text : '', title);
      }
    }
  });

  const flushing = {
    gzip: { encoder: () => zlib.createGzip(), flush: zlib.constants.Z_SYNC_FLUSH },
    deflate: { encoder: () => zlib.createDeflate(), flush: zlib.constants.Z_SYNC_FLUSH },
    br: { encoder: () => zlib.createBrotliCompress(), flush: zlib.constants.BROTLI_OPERATION_FLUSH },
  };
  for (const [header, { encoder, flush }] of Object.entries(flushing)) {
    test(`${header} that is flushed after every quote gives each quote before the next is sent`, async () => {
      const quotes = ['<p>first</p>', '<p>second</p>', '<p>third</p>'];
      const stream = encoder();
      let sendNext = () => {};
      await using site = await startHostile((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: ${header}\r\n\r\n`);
        stream.on('data', (chunk) => socket.write(chunk));
        stream.on('end', () => socket.end());
        const left = [...quotes];
        sendNext = () => {
          const next = left.shift();
          if (next === undefined) stream.end();
          else {
            stream.write(next);
            stream.flush(flush);
          }
        };
        sendNext();
      });
      const fetcher = createFetcher();
      const { body } = await fetcher.fetch(request(site.url), never);
      const seen: string[] = [];
      for await (const chunk of body) {
        seen.push(Buffer.from(chunk).toString());
        sendNext();
      }
      assert.deepEqual(seen, quotes);
      await fetcher.close();
    });
  }

  test('an encoding that nobody knows fails the fetch and closes its connection', async () => {
    await using site = await startHostile((socket) =>
      socket.write(reply('x'.repeat(200_000), { 'content-encoding': 'lzma' })),
    );
    const fetcher = createFetcher();
    const { error } = await outcomeOf(fetcher, request(site.url));
    assert.equal(error?.code, 'body.encoding');
    await site.emptied();
  });

  test('a plain page labelled gzip keeps to maxBytes', async () => {
    await using site = await startHostile((socket) => socket.end(reply(page, { 'content-encoding': 'gzip' })));
    const fetcher = createFetcher();
    const { bytes, error } = await outcomeOf(fetcher, request(site.url, { maxBytes: 5_000 }));
    assert.deepEqual([bytes, error?.code], [5_000, 'body.too_large']);
    await fetcher.close();
  });

  test('a compressed body of just maxBytes is whole', async () => {
    for (const title of ['gzip', 'br', 'zstd', 'a plain page labelled gzip']) {
      const { header, bytes } = encodings[title] ?? { header: '', bytes: page };
      await using site = await startHostile((socket) => socket.end(reply(bytes, { 'content-encoding': header })));
      const fetcher = createFetcher();
      const { bytes: read, error } = await outcomeOf(fetcher, request(site.url, { maxBytes: page.length }));
      assert.deepEqual([read, error], [page.length, undefined], title);
      await fetcher.close();
    }
  });

  test('what follows the end of compressed data is ignored', async () => {
    for (const [header, bytes] of [
      ['gzip', zlib.gzipSync(page)],
      ['deflate', zlib.deflateSync(page)],
    ] as const) {
      const { body, error } = await decode(header, piecesOf(Buffer.concat([bytes, Buffer.alloc(64)]), 1_000));
      assert.equal(error, undefined);
      assert.ok(body.equals(page));
    }
  });

  test('D5 what follows the end of compressed data is not waited for, however much it is', async () => {
    let asked = 0;
    async function* endless() {
      yield zlib.gzipSync(page);
      for (; asked < 1_000; asked++) yield Buffer.alloc(64);
    }
    const { body, error } = await decode('gzip', endless());
    assert.deepEqual([error, body.equals(page)], [undefined, true]);
    assert.ok(asked < 10, `${asked} more`);
  });

  test('a decoder is let go of, also where its body is left early or breaks', async (t) => {
    const made = t.mock.method(zlib, 'createGunzip');
    const bytes = zlib.gzipSync(page);
    async function* broken() {
      yield bytes.subarray(0, 200);
      throw new CrawlcastError('connect.reset', 'gone');
    }
    for await (const _chunk of decodeBody(piecesOf(bytes, 200), ['gzip'], limits)) break;
    assert.equal((await decode('gzip', broken())).error?.code, 'connect.reset');
    assert.deepEqual(
      made.mock.calls.map(({ result }) => result?.destroyed),
      [true, true],
    );
  });

  test('leaving a compressed body early closes its connection', async () => {
    await using site = await startHostile((socket) => {
      const bytes = zlib.gzipSync(Buffer.alloc(1_000_000));
      socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n`);
      socket.write(bytes.subarray(0, 500));
    });
    const fetcher = createFetcher();
    const { body } = await fetcher.fetch(request(site.url), never);
    for await (const _chunk of body) break;
    await site.emptied();
  });
});

async function decode(header: string, source: AsyncIterable<Uint8Array>) {
  const chunks: Uint8Array[] = [];
  try {
    const codings = parseContentEncoding([header], limits.host);
    for await (const chunk of decodeBody(source, codings, limits)) chunks.push(chunk);
    return { body: Buffer.concat(chunks), error: undefined };
  } catch (error) {
    if (!(error instanceof CrawlcastError)) throw error;
    return { body: Buffer.concat(chunks), error };
  }
}

async function* piecesOf(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

/** A frame of uncompressed blocks (RFC 8878 §3.1.1): Node 20 has no encoder. */
function zstdOf(content: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let start = 0; start < content.length; start += 1_000) {
    const part = content.subarray(start, start + 1_000);
    blocks.push(zstdBlock(0, part.length, start + 1_000 >= content.length), part);
  }
  // no sizes, no checksum, a window of 128 KB
  return Buffer.concat([Buffer.from([...zstdMagic, 0x00, 0x38]), ...blocks]);
}

/** Zeros, 128 KB in each four bytes. */
function zstdBomb(size: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(size / 131_072) }, () => [
    zstdBlock(1, 131_072, false),
    Buffer.from([0]),
  ]);
  return Buffer.concat([Buffer.from([...zstdMagic, 0x00, 0x38]), ...blocks.flat(), zstdBlock(0, 0, true)]);
}

function zstdBlock(type: 0 | 1, size: number, last: boolean): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((size << 3) | (type << 1) | (last ? 1 : 0), 0, 3);
  return header;
}
