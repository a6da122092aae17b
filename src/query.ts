/** The query of a link in a document that is not UTF-8: sent in the document's charset, as browsers do. */

import { TextDecoder } from 'node:util';

/** How a charset writes the characters that ASCII does not have. */
type Encoder = ReadonlyMap<string, string>;

interface Charset {
  /** First bytes of its two-byte characters; none for a single-byte charset. */
  readonly leads?: readonly [from: number, to: number];
  /** First bytes that are only read, never written. */
  readonly unwritten?: readonly number[];
}

/**
 * Charsets with characters of two bytes. What one of them can only write in three or four (rare Chinese and Japanese
 * ones) is written as a character reference, as browsers do for what a charset does not have at all.
 */
const twoByte: Readonly<Record<string, Charset>> = {
  gbk: { leads: [0x81, 0xfe] },
  gb18030: { leads: [0x81, 0xfe] },
  big5: { leads: [0xa1, 0xfe] },
  'euc-kr': { leads: [0x81, 0xfe] },
  'euc-jp': { leads: [0xa1, 0xfe] },
  shift_jis: { leads: [0x81, 0xfc], unwritten: [0xed, 0xee] },
};

/** Their form fields and queries are UTF-8 by the standard; a switch of state within a query is not worth its code. */
const writtenAsUtf8 = /^(utf-|x-user-defined$|replacement$|iso-2022-jp$)/;

const encoders = new Map<string, Encoder>();

/** The link with what is not ASCII in its query percent-encoded in `charset` (WHATWG URL §5, percent-encode after encoding). */
export function encodeQuery(href: string, charset: string): string {
  const fragment = href.indexOf('#');
  const end = fragment < 0 ? href.length : fragment;
  const start = href.indexOf('?');
  if (start < 0 || start > end) return href;
  const query = href.slice(start, end);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII, controls included
  if (/^[\x00-\x7f]*$/.test(query) || writtenAsUtf8.test(charset)) return href;
  const encoder = encoderOf(charset);
  if (encoder === undefined) return href;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
  const written = query.replace(/[^\x00-\x7f]/gu, (character) => encoder.get(character) ?? reference(character));
  return href.slice(0, start) + written + href.slice(end);
}

function reference(character: string): string {
  return `%26%23${character.codePointAt(0)}%3B`;
}

/** The encoder that the platform lacks, from the decoder that it has: made once, at the first link that needs it. */
function encoderOf(charset: string): Encoder | undefined {
  let encoder = encoders.get(charset);
  if (encoder !== undefined) return encoder;
  try {
    encoder = invert(new TextDecoder(charset), twoByte[charset] ?? {});
  } catch {
    return undefined;
  }
  encoders.set(charset, encoder);
  return encoder;
}

function invert(decoder: TextDecoder, { leads, unwritten = [] }: Charset): Encoder {
  const encoder = new Map<string, string>();
  const learn = (...bytes: number[]) => {
    // As a stream: Node 20 decodes a whole windows-1252 text as if it were ISO-8859-1.
    const character = decoder.decode(Uint8Array.from(bytes), { stream: true }) + decoder.decode();
    const single = [...character].length === 1 && character !== '\ufffd';
    if (single && !encoder.has(character)) encoder.set(character, bytes.map(escapeHigh).join(''));
  };
  for (let byte = 0x80; byte <= 0xff; byte++) learn(byte);
  if (leads === undefined) return encoder;
  for (let lead = leads[0]; lead <= leads[1]; lead++) {
    if (unwritten.includes(lead)) continue;
    for (let trail = 0x40; trail <= 0xfe; trail++) learn(lead, trail);
  }
  return encoder;
}

function escapeHigh(byte: number): string {
  return byte < 0x80 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase()}`;
}
