import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '#src/crawl/charset.js';

interface Case {
  readonly title: string;
  readonly bytes: Uint8Array;
  readonly contentType?: string;
  readonly encoding: string;
  readonly text: string;
}

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
const meta1251 = '<meta charset=windows-1251>';

const cases: Case[] = [
  { title: 'nothing said is UTF-8', bytes: bytes('<p>é'), encoding: 'utf-8', text: '<p>é' },
  { title: 'an empty body', bytes: bytes(), encoding: 'utf-8', text: '' },
  {
    title: 'a byte order mark over the header',
    bytes: bytes([0xef, 0xbb, 0xbf], 'é'),
    contentType: 'text/html; charset=windows-1251',
    encoding: 'utf-8',
    text: 'é',
  },
  {
    title: 'UTF-16LE by its mark',
    bytes: bytes([0xff, 0xfe, 0x3d, 0xd8, 0x00, 0xde]),
    encoding: 'utf-16le',
    text: '😀',
  },
  { title: 'UTF-16BE by its mark', bytes: bytes([0xfe, 0xff, 0x00, 0x41]), encoding: 'utf-16be', text: 'A' },
  { title: 'a body that only begins like a mark', bytes: bytes([0xef, 0xbb]), encoding: 'utf-8', text: '\ufffd' },
  {
    title: 'the header over <meta>',
    bytes: bytes(meta1251, 'é'),
    contentType: 'text/html; charset="UTF-8"',
    encoding: 'utf-8',
    text: `${meta1251}é`,
  },
  {
    title: 'the declaration of XML',
    bytes: bytes('<?xml version="1.0" encoding="windows-1251"?><a>', [0xcf]),
    contentType: 'application/xml',
    encoding: 'windows-1251',
    text: '<?xml version="1.0" encoding="windows-1251"?><a>П',
  },
  {
    title: 'a declaration of XML that is not at the start does not count',
    bytes: bytes(' <?xml version="1.0" encoding="windows-1251"?>', 'é'),
    encoding: 'utf-8',
    text: ' <?xml version="1.0" encoding="windows-1251"?>é',
  },
  {
    title: 'an unknown label in the header does not count',
    bytes: bytes(meta1251, [0xcf]),
    contentType: 'text/html; charset=klingon',
    encoding: 'windows-1251',
    text: `${meta1251}П`,
  },
  {
    title: 'latin1 is windows-1252',
    bytes: latin1('\x93caf\xe9\x94'),
    contentType: 'text/html;charset=ISO-8859-1',
    encoding: 'windows-1252',
    text: '“café”',
  },
  {
    title: '<meta http-equiv> after text that waits',
    bytes: bytes(
      '<title>',
      [0xcf],
      `</title><META content='text/html; charset=windows-1251' HTTP-EQUIV="Content-Type" >`,
    ),
    encoding: 'windows-1251',
    text: `<title>П</title><META content='text/html; charset=windows-1251' HTTP-EQUIV="Content-Type" >`,
  },
  {
    title: '<meta content> alone says nothing',
    bytes: bytes('<meta content="text/html; charset=windows-1251">é'),
    encoding: 'utf-8',
    text: '<meta content="text/html; charset=windows-1251">é',
  },
  {
    title: 'a <meta> that says UTF-16 means UTF-8',
    bytes: bytes('<meta charset=utf-16le>é'),
    encoding: 'utf-8',
    text: '<meta charset=utf-16le>é',
  },
  {
    title: 'x-user-defined in a <meta> means windows-1252',
    bytes: bytes('<meta charset=x-user-defined>', [0x80]),
    encoding: 'windows-1252',
    text: '<meta charset=x-user-defined>€',
  },
  {
    title: 'the first <meta> with a known label',
    bytes: bytes('<meta charset=klingon><meta charset = "gb18030"><meta charset=utf-8>', [0xc8, 0xd5]),
    encoding: 'gb18030',
    text: '<meta charset=klingon><meta charset = "gb18030"><meta charset=utf-8>日',
  },
  {
    title: 'a <meta> in a comment does not count',
    bytes: bytes('<!-- > <meta charset=windows-1251> --><!--><p>é'),
    encoding: 'utf-8',
    text: '<!-- > <meta charset=windows-1251> --><!--><p>é',
  },
  {
    title: 'a <meta> in an attribute or in a script does not count',
    bytes: bytes(`<html lang="<meta charset=windows-1251>"><script>'${meta1251}<div>'</script><p>é`),
    encoding: 'utf-8',
    text: `<html lang="<meta charset=windows-1251>"><script>'${meta1251}<div>'</script><p>é`,
  },
  {
    title: 'a script that writes tags does not hide the <meta> behind it',
    bytes: bytes(`<script>'<div>`, [0xcf], `'</script>${meta1251}`),
    encoding: 'windows-1251',
    text: `<script>'<div>П'</script>${meta1251}`,
  },
  {
    title: 'a <meta> behind the first element of the body is too late for text that waits',
    bytes: bytes('<body>é', meta1251),
    encoding: 'utf-8',
    text: `<body>é${meta1251}`,
  },
  {
    title: 'a <meta> in the body counts while all is ASCII',
    bytes: bytes('<body><p>', meta1251, [0xcf]),
    encoding: 'windows-1251',
    text: `<body><p>${meta1251}П`,
  },
  {
    title: 'a <meta> beyond 1,024 bytes is too late',
    bytes: bytes(`<!--${' '.repeat(1000)}-->`, meta1251, 'é'),
    encoding: 'utf-8',
    text: `<!--${' '.repeat(1000)}-->${meta1251}é`,
  },
  {
    title: 'Shift_JIS',
    bytes: bytes([0x93, 0xfa, 0x96, 0x7b, 0x5c]),
    contentType: 'text/html; charset=Shift_JIS',
    encoding: 'shift_jis',
    text: '日本\\',
  },
  {
    title: 'ISO-2022-JP, whose bytes are all ASCII',
    bytes: bytes('<meta charset=iso-2022-jp>', [0x1b, 0x24, 0x42, 0x46, 0x7c, 0x1b, 0x28, 0x42], 'A'),
    encoding: 'iso-2022-jp',
    text: '<meta charset=iso-2022-jp>日A',
  },
  {
    title: 'windows-1252 before its <meta>',
    bytes: bytes('<title>1 ', [0x80], '</title><meta charset=windows-1252>'),
    encoding: 'windows-1252',
    text: '<title>1 €</title><meta charset=windows-1252>',
  },
  {
    title: 'ISO-2022-JP before its <meta>',
    bytes: bytes('<title>', [0x1b, 0x24, 0x42, 0x46, 0x7c, 0x1b, 0x28, 0x42], '</title><meta charset=iso-2022-jp>'),
    encoding: 'iso-2022-jp',
    text: '<title>日</title><meta charset=iso-2022-jp>',
  },
  { title: 'a character that never ends', bytes: bytes('a', [0xe2, 0x82]), encoding: 'utf-8', text: 'a\ufffd' },
];

function decode(chunks: Iterable<Uint8Array>, contentType: string | undefined) {
  const decoder = createDecoder(contentType);
  let text = '';
  for (const chunk of chunks) text += decoder.write(chunk);
  text += decoder.end();
  return { text, encoding: decoder.encoding };
}

function* cut(whole: Uint8Array, size: number) {
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}

for (const { title, bytes: body, contentType, text, encoding } of cases) {
  test(`charset › ${title}, however it is cut`, () => {
    for (const size of [1, 2, 3, 7, 64, 1023, 1024, 1 << 20]) {
      assert.deepEqual(decode(cut(body, size), contentType), { text, encoding }, `in chunks of ${size}`);
    }
  });
}

test('charset › ASCII goes through at once, and what must wait waits no longer than needed', () => {
  const decoder = createDecoder(undefined);
  assert.equal(decoder.write(Buffer.from('<title>caf')), '<title>caf');
  assert.equal(decoder.write(Buffer.from('é</title>')), '');
  assert.equal(decoder.write(Buffer.from('<body>')), 'é</title><body>');
  assert.equal(decoder.write(Buffer.from('ü')), 'ü');
  assert.equal(decoder.end(), '');
});

test('charset › what waits is still there where the memory of its chunk is used again', () => {
  const decoder = createDecoder(undefined);
  const chunk = Buffer.from([0xef, 0xbb]);
  assert.equal(decoder.write(chunk), '');
  chunk.fill('x');
  assert.equal(decoder.write(Buffer.from([0xbf, 0x61])), 'a');
});
