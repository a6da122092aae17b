/** Content codings undone while the body streams: what an arriving chunk holds is given on at once. */
import type { Transform } from 'node:stream';
import zlib from 'node:zlib';
import { Decompress as ZstdDecoder } from 'fzstd';
import { CrawlcastError, messageOf } from '../errors.js';
import { tooLargeError } from './fetch-errors.js';
import { ZstdWindow } from './zstd-window.js';

/** What decoding is bounded by, and the host that errors name. */
export interface DecodeLimits {
  readonly host: string;
  /** Of the decoded body. */
  readonly maxBytes: number;
}

type Chunks = AsyncIterable<Uint8Array>;
type Coding = 'gzip' | 'deflate' | 'br' | 'zstd';

/** The codings to ask for. zstd is understood, but not asked for: it is decoded in JavaScript, which is slower. */
export const acceptEncoding = 'gzip, deflate, br';

const codings: ReadonlyMap<string, Coding | 'identity'> = new Map([
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['br', 'br'],
  ['zstd', 'zstd'],
  ['identity', 'identity'],
]);

/** Nobody stacks more; each layer multiplies what a few bytes may grow to. */
const maxLayers = 3;

/**
 * The codings of a body in the order they were applied, from its `Content-Encoding` headers.
 * @throws CrawlcastError `body.encoding`: unknown, or too many
 */
export function parseContentEncoding(values: readonly string[], host: string): readonly Coding[] {
  const names = values.flatMap((value) => value.split(',')).map((name) => name.trim().toLowerCase());
  const found: Coding[] = [];
  for (const name of names) {
    if (name === '') continue;
    const coding = codings.get(name);
    if (coding === undefined)
      throw encodingError(host, `is encoded as ${JSON.stringify(name.slice(0, 40))}, which we can't read`);
    if (coding !== 'identity') found.push(coding);
  }
  if (found.length > maxLayers) throw encodingError(host, `is encoded ${found.length} times over`);
  return found;
}

/**
 * Undoes the codings of a body. A body that is cut short gives all that came, then throws.
 * @throws CrawlcastError `body.truncated`, `body.encoding`, `body.too_large`, and whatever the source throws
 */
export function decodeBody(source: Chunks, applied: readonly Coding[], limits: DecodeLimits): Chunks {
  return applied.reduceRight<Chunks>((chunks, coding) => decodeLayer(chunks, coding, limits), source);
}

async function* decodeLayer(source: Chunks, coding: Coding, limits: DecodeLimits): AsyncGenerator<Uint8Array> {
  const { start, rest } = await peek(source[Symbol.asyncIterator](), 4);
  const decoded = looksLike(coding, start) ? undo(coding, rest, start, limits) : rest;
  let bytes = 0;
  for await (const chunk of decoded) {
    bytes += chunk.length;
    if (bytes > limits.maxBytes) {
      yield chunk.subarray(0, chunk.length - (bytes - limits.maxBytes));
      throw tooLargeError(limits.host, limits.maxBytes);
    }
    yield chunk;
  }
}

/** The first few bytes of a source, and all of it again. */
async function peek(source: AsyncIterator<Uint8Array>, length: number): Promise<{ start: Uint8Array; rest: Chunks }> {
  const taken: Uint8Array[] = [];
  let start = new Uint8Array();
  let failure: { error: unknown } | undefined;
  try {
    while (start.length < length) {
      const { done, value } = await source.next();
      if (done) break;
      taken.push(value);
      start = Buffer.concat([start, value]).subarray(0, length);
    }
  } catch (error) {
    // it comes after the bytes that came before it
    failure = { error };
  }
  return { start, rest: again(taken, source, failure) };
}

async function* again(
  taken: readonly Uint8Array[],
  source: AsyncIterator<Uint8Array>,
  failure: { error: unknown } | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* taken;
    if (failure !== undefined) throw failure.error;
    for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
  } finally {
    await source.return?.();
  }
}

/** Whether a body can be what its label says. Servers label plain pages as compressed; those are read as they are. */
function looksLike(coding: Coding, [a, b, c, d]: Uint8Array): boolean {
  if (a === undefined) return false;
  switch (coding) {
    case 'gzip':
      return a === 0x1f && (b === undefined || b === 0x8b);
    case 'zstd':
      // a frame, or one that is to be skipped (RFC 8878 §3.1)
      return (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) || (a >> 4 === 5 && b === 0x2a);
    case 'br':
      // no Brotli stream begins with `<`: the reserved bit of its first meta-block would be set
      return a !== 0x3c;
    case 'deflate':
      return true;
  }
}

function undo(coding: Coding, chunks: Chunks, start: Uint8Array, limits: DecodeLimits): Chunks {
  switch (coding) {
    case 'gzip':
      return pump(chunks, zlib.createGunzip(), limits);
    case 'br':
      return pump(chunks, zlib.createBrotliDecompress(), limits);
    case 'deflate':
      return pump(chunks, hasZlibHeader(start) ? zlib.createInflate() : zlib.createInflateRaw(), limits);
    case 'zstd':
      return decodeZstd(chunks, limits);
  }
}

/** RFC 1950 §2.2; without it `deflate` is what some servers send: the bare stream. */
function hasZlibHeader([a = 0, b = 0]: Uint8Array): boolean {
  return (a & 0x0f) === 8 && ((a << 8) | b) % 31 === 0;
}

/** Puts a source through a decoder, one chunk at a time, and gives out what each holds before the next is asked for. */
async function* pump(source: Chunks, decoder: Transform, limits: DecodeLimits): AsyncGenerator<Uint8Array> {
  let wake = () => {};
  let failure: Error | undefined;
  let ended = false;
  decoder.on('readable', () => wake());
  decoder.on('error', (error) => {
    failure = error;
    wake();
  });
  decoder.on('end', () => {
    ended = true;
    wake();
  });

  async function* drain(isDone: () => boolean): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk: Uint8Array | null = decoder.read();
      if (chunk !== null) yield chunk;
      else if (failure !== undefined) throw decodeFailure(failure, limits.host);
      else if (ended || isDone()) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  try {
    for await (const chunk of source) {
      let taken = false;
      decoder.write(chunk, () => {
        taken = true;
        wake();
      });
      yield* drain(() => taken);
      // what follows the end of the compressed data belongs to nobody
      if (ended) return;
    }
    decoder.end();
    yield* drain(() => false);
  } finally {
    decoder.destroy();
  }
}

/** Node has zstd only since 22.15, and there a frame that is cut short ends without an error. */
async function* decodeZstd(source: Chunks, limits: DecodeLimits): AsyncGenerator<Uint8Array> {
  let out: Uint8Array[] = [];
  let bytes = 0;
  const overflow = new Error('more than anybody will read');
  const decoder = new ZstdDecoder((chunk) => {
    bytes += chunk.length;
    out.push(chunk);
    // the rest of this chunk may hold gigabytes
    if (bytes > limits.maxBytes) throw overflow;
  });
  const window = new ZstdWindow();
  const feed = (chunk: Uint8Array, final: boolean) => {
    try {
      window.check(chunk);
      decoder.push(chunk, final);
    } catch (error) {
      if (error !== overflow) return decodeFailure(error, limits.host);
    }
    return undefined;
  };
  for await (const chunk of source) {
    const failure = feed(chunk, false);
    yield* out;
    out = [];
    if (failure !== undefined) throw failure;
  }
  const failure = feed(new Uint8Array(), true);
  yield* out;
  if (failure !== undefined) throw failure;
}

function decodeFailure(error: unknown, host: string): CrawlcastError {
  const message = messageOf(error);
  if (/unexpected (end of file|eof)/i.test(message)) {
    return new CrawlcastError('body.truncated', `${host}: the compressed body ends before it is complete`);
  }
  return encodingError(host, `is not encoded as it claims (${message})`);
}

function encodingError(host: string, what: string): CrawlcastError {
  return new CrawlcastError('body.encoding', `${host}: the body ${what}`);
}
