/** Sites whose bodies are not what they seem. */
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { html, type Row, raw, status } from './rows.js';

const ok = 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n';
const page = '<p>ä</p>';

/** A page that gives its item. */
function reads(title: string, body: string | Uint8Array, headers: Record<string, string> = {}, item = 'ä'): Row {
  return { title, site: { '/': html(body, headers) }, items: [item] };
}

/** A page that says exactly this before it hangs up, what it gives, and what is wrong with it. */
function says(
  title: string,
  bytes: string | Buffer,
  items: readonly string[],
  failure?: string,
  settings: Row['settings'] = {},
): Row {
  return { title, site: { '/': raw(bytes) }, items, failed: failure === undefined ? [] : [`${failure} @/`], settings };
}

/** One block of zstd, stored as it is (RFC 8878 §3.1.1). */
function zstd(text: string): Buffer {
  const bytes = Buffer.from(text);
  const block = (bytes.length << 3) | 1;
  return Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, bytes.length, block & 0xff, block >> 8, 0, ...bytes]);
}

const cut = gzipSync(
  `<p>a</p>${'<p>b</p>'.repeat(3)}${Array.from({ length: 2_000 }, (_, i) => `<i>${i * 7919}</i>`).join('')}`,
);

/** See {@link Row}. */
export const bodyRows: readonly Row[] = [
  says(
    'D1 a body shorter than its length is kept, and flagged',
    `${ok}content-length: 99\r\n\r\n<p>a</p>`,
    ['a'],
    'body.truncated',
  ),
  says('D1 a body longer than its length is cut', `${ok}content-length: 8\r\n\r\n<p>a</p><p>b</p>`, ['a']),
  says(
    'D1 broken chunks are kept up to there',
    `${ok}transfer-encoding: chunked\r\n\r\n8\r\n<p>a</p>\r\nzz`,
    ['a'],
    'http.malformed',
  ),
  says(
    'D2 what came before the end of a truncated gzip is kept',
    Buffer.concat([Buffer.from(`${ok}content-encoding: gzip\r\n\r\n`), cut.subarray(0, cut.length - 500)]),
    ['a', 'b', 'b', 'b'],
    'body.truncated',
  ),
  reads('D3 gzip in brotli', brotliCompressSync(gzipSync(page)), { 'content-encoding': 'gzip, br' }),
  reads('D3 gzip', gzipSync(page), { 'content-encoding': 'gzip' }),
  reads('D3 brotli', brotliCompressSync(page), { 'content-encoding': 'br' }),
  reads('D3 zlib deflate', deflateSync(page), { 'content-encoding': 'deflate' }),
  reads('D3 raw deflate', deflateRawSync(page), { 'content-encoding': 'deflate' }),
  reads('D3 zstd', zstd(page), { 'content-encoding': 'zstd' }),
  reads('D4 a plain body that claims to be gzip', page, { 'content-encoding': 'gzip' }),
  {
    title: 'D4 a gzip body that claims nothing is no document',
    site: { '/': html(gzipSync(page)) },
    failed: ['body.not_html @/'],
  },
  {
    title: 'D5 the limit is on what is unpacked',
    site: { '/': html(gzipSync(Buffer.alloc(20_000_000, '<p>x</p>')), { 'content-encoding': 'gzip' }) },
    settings: { maxBytes: 20_000 },
    failed: ['body.too_large @/'],
  },
  {
    title: 'D6 elements in elements without end',
    site: { '/': '<div>'.repeat(600) },
    failed: ['document.too_deep @/'],
  },
  {
    title: 'D6 more elements than anybody reads',
    site: { '/': '<b/>'.repeat(1).concat('<br>'.repeat(500_001)) },
    failed: ['document.too_many_elements @/'],
  },
  { title: 'D7 204 is a page without anything', site: { '/': status('204 No Content') }, pages: ['@/'], items: [] },
  { title: 'D7 205 is a page without anything', site: { '/': status('205 Reset Content') }, pages: ['@/'], items: [] },
  { title: 'D7 an empty body is a page', site: { '/': html('') }, pages: ['@/'], items: [] },
  { title: 'D8 an image', site: { '/': html('x', { 'content-type': 'image/png' }) }, failed: ['body.not_html @/'] },
  {
    title: 'D8 an image that claims to be HTML',
    site: { '/': html('\x89PNG\r\n\x1a\n\0\0') },
    failed: ['body.not_html @/'],
  },
  says(
    'D8 the same in small chunks',
    `${ok}transfer-encoding: chunked\r\n\r\n4\r\n?PNG\r\n4\r\n\x1a\n\0\0\r\n0\r\n\r\n`,
    [],
    'body.not_html',
  ),
  says(
    'D8 what is text in small chunks, by its byte order mark',
    Buffer.from(
      `${ok}transfer-encoding: chunked\r\n\r\n1\r\n\xff\r\n3\r\n\xfe<\0\r\n4\r\np\0>\0\r\n2\r\nx\0\r\n0\r\n\r\n`,
      'latin1',
    ),
    ['x'],
  ),
  says('D9 a page without a type', `HTTP/1.1 200 OK\r\n\r\n${page}`, ['ä']),
  reads('D10 a byte order mark counts more than the header', Buffer.from(`\ufeff${page}`), {
    'content-type': 'text/html; charset=windows-1251',
  }),
  reads('D10 the header counts more than a meta', `<meta charset=windows-1251>${page}`, {
    'content-type': 'text/html; charset=utf-8',
  }),
  reads(
    'D10 a meta within 1,024 bytes counts',
    Buffer.from(`<meta charset=windows-1251>${' '.repeat(1_000)}<p>\xe6`, 'latin1'),
    {},
    'ж',
  ),
  reads(
    'D10 a meta after 1,024 bytes does not, and without any it is UTF-8',
    `${' '.repeat(1_024)}<meta charset=windows-1251>${page}`,
  ),
  reads('D10 a meta that says UTF-16 means UTF-8', `<meta charset=utf-16>${page}`),
  reads('D10 an unknown charset is none', page, { 'content-type': 'text/html; charset=klingon' }),
  {
    title: 'D11 a character may be split between chunks',
    site: {
      '/': (socket) => {
        const bytes = Buffer.from(page);
        socket.write(`${ok}content-length: ${bytes.length}\r\n\r\n`);
        socket.setNoDelay(true);
        socket.write(bytes.subarray(0, 4), () => setImmediate(() => socket.write(bytes.subarray(4))));
      },
    },
    items: ['ä'],
  },
  reads(
    'D12 windows-1251',
    Buffer.from([0x3c, 0x70, 0x3e, 0xe6]),
    { 'content-type': 'text/html; charset=cp1251' },
    'ж',
  ),
  reads(
    'D12 gb18030',
    Buffer.from([0x3c, 0x70, 0x3e, 0xc4, 0xe3]),
    { 'content-type': 'text/html; charset=gb18030' },
    '你',
  ),
  reads(
    'D12 shift_jis',
    Buffer.from([0x3c, 0x70, 0x3e, 0x93, 0xfa]),
    { 'content-type': 'text/html; charset=shift_jis' },
    '日',
  ),
  reads('D12 UTF-16 with its mark', Buffer.from(`\ufeff${page}`, 'utf16le')),
  reads('D12 UTF-16 by its header alone', Buffer.from(page, 'utf16le'), {
    'content-type': 'text/html; charset=utf-16le',
  }),
];
