/** From bytes to text while they come: BOM, then header, then `<meta>` or XML's declaration within the first 1,024 bytes, then UTF-8. */
import { TextDecoder } from 'node:util';
import { charsetOf, createPrescan, type Prescan } from './prescan.js';

/** A decoder that is fed chunk by chunk; what it says never depends on where the chunks were cut. */
export interface Decoder {
  /** By its WHATWG name in lower case; UTF-8 while it is undecided. */
  readonly encoding: string;
  /** The text that is certain so far: all of it, but for characters that are not complete and bytes of an undecided charset. */
  write(chunk: Uint8Array): string;
  /** The rest; what is incomplete becomes U+FFFD. */
  end(): string;
}

const defaultCharset = 'utf-8';

const nothing = new Uint8Array(0);

/** The charset that a `Content-Type` names, where it is a known one. */
export function charsetOfContentType(contentType: string | undefined): string | undefined {
  const label = contentType?.match(/;\s*charset\s*=\s*["']?([^\s"';]+)/i)?.[1];
  return label === undefined ? undefined : charsetOf(label);
}

/**
 * Starts to decode one body.
 *
 * Nothing is held back without need: before the charset is known, what is plain ASCII goes through, being the same in
 * every charset that a `<meta>` can name.
 */
export function createDecoder(contentType: string | undefined): Decoder {
  const fromHeader = charsetOfContentType(contentType);
  let prescan: Prescan | undefined;
  let decoder: TextDecoder | undefined;
  let held: Uint8Array = nothing;
  let started = false;

  const decide = (charset: string, bytes: Uint8Array): string => {
    decoder = takeDecoder(charset);
    held = nothing;
    // Always as a stream: Node 20 decodes a whole windows-1252 text as if it were ISO-8859-1.
    return decoder.decode(bytes, { stream: true });
  };

  const start = (bytes: Uint8Array, last: boolean): string => {
    const mark = readMark(bytes);
    if (mark === 'more' && !last) return hold(bytes);
    started = true;
    const known = mark === 'more' ? fromHeader : (mark ?? fromHeader);
    return known === undefined ? sniff(bytes, last) : decide(known, bytes);
  };

  const sniff = (bytes: Uint8Array, last: boolean): string => {
    prescan ??= createPrescan();
    const charset = prescan.read(bytes) ?? (last ? defaultCharset : undefined);
    if (charset !== undefined) return decide(charset, concat(held, bytes));
    return pass(bytes, plainLength(bytes));
  };

  // Bytes behind the first that is not plain wait, also plain ones: order is kept.
  const pass = (bytes: Uint8Array, plain: number): string => {
    const through = held.length === 0 ? plain : 0;
    hold(concat(held, bytes.subarray(through)));
    return latin1(bytes.subarray(0, through));
  };

  const hold = (bytes: Uint8Array): string => {
    // `slice` of a Buffer is no copy.
    held = new Uint8Array(bytes);
    return '';
  };

  const write = (chunk: Uint8Array, last = false): string => {
    if (decoder !== undefined) return decoder.decode(chunk, { stream: true });
    if (started) return sniff(chunk, last);
    const bytes = concat(held, chunk);
    held = nothing;
    return start(bytes, last);
  };

  return {
    get encoding() {
      return decoder?.encoding ?? defaultCharset;
    },
    write: (chunk) => write(chunk),
    end() {
      const rest = decoder === undefined ? write(nothing, true) : '';
      return rest + (decoder === undefined ? '' : finish(decoder));
    },
  };
}

/** Decoders that have come to the end of their text: they are as new, and dear to make. */
const idle = new Map<string, TextDecoder[]>();

function takeDecoder(charset: string): TextDecoder {
  return idle.get(charset)?.pop() ?? new TextDecoder(charset);
}

function finish(decoder: TextDecoder): string {
  const rest = decoder.decode();
  const { encoding } = decoder;
  const others = idle.get(encoding);
  if (others === undefined) idle.set(encoding, [decoder]);
  else others.push(decoder);
  return rest;
}

const marks: readonly (readonly [charset: string, bytes: readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/** The charset of the byte order mark; `more` while the bytes may still become one. */
function readMark(bytes: Uint8Array): string | 'more' | undefined {
  for (const [charset, mark] of marks) {
    const common = mark.slice(0, bytes.length);
    if (common.every((byte, index) => bytes[index] === byte)) return common.length === mark.length ? charset : 'more';
  }
  return undefined;
}

/** How many bytes from the start mean the same in every charset: ASCII without NUL, shifts and escapes. */
function plainLength(bytes: Uint8Array): number {
  const end = bytes.findIndex((byte) => byte >= 0x80 || byte === 0 || byte === 0x0e || byte === 0x0f || byte === 0x1b);
  return end < 0 ? bytes.length : end;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.length === 0 ? b : Buffer.concat([a, b]);
}
