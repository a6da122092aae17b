/** Looks for `<meta charset>`, or the declaration of XML, at the start of a body whose charset nobody has told (HTML §13.2.3.2). */
import { TextDecoder } from 'node:util';

/** Reads the first bytes of a body, chunk by chunk. */
export interface Prescan {
  /** Reads on. The charset, once it is settled: what a `<meta>` or a declaration says, or UTF-8 where none can come any more. */
  read(bytes: Uint8Array): string | undefined;
}

/** What stands at a place of the text; `more` where that cannot be told yet. */
type Look = { readonly next: number; readonly tag?: string; readonly charset?: string } | 'more';

const maxBytes = 1024;

/** Elements that may stand before a `<meta>`. */
const headTags = new Set('html head meta title link script style base noscript template object bgsound'.split(' '));

/** Their content is text: what looks like a tag in there is none. */
const rawText = new Set(['script', 'style', 'title']);

/** The WHATWG name of a charset's label, in lower case; `undefined` for one that is unknown or that must not be decoded. */
export function charsetOf(label: string): string | undefined {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}

/**
 * Starts a prescan. Beyond the standard it does not look into scripts, styles and titles, and it gives up at the first
 * element of the body where a byte that is not ASCII already waits.
 */
export function createPrescan(): Prescan {
  let text = '';
  let place = 0;
  let bodyAt = Number.POSITIVE_INFINITY;
  let waitsAt = Number.POSITIVE_INFINITY;

  // Counted in bytes of the stream, not in what one chunk happens to hold: so that the answer is the same for all cuts.
  const settledBefore = (end: number): boolean => Math.max(bodyAt, waitsAt) < end;

  const read = (bytes: Uint8Array): string | undefined => {
    text += Buffer.from(bytes.subarray(0, maxBytes - text.length)).toString('latin1');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL, shifts and escapes wait too
    const waits = text.search(/[\x00\x0e\x0f\x1b\x80-\xff]/);
    if (waits >= 0) waitsAt = waits + 1;
    for (let look = lookAt(text, place); look !== 'more'; look = lookAt(text, place)) {
      if (settledBefore(look.next)) return 'utf-8';
      if (look.charset !== undefined) return look.charset;
      if (look.tag !== undefined && !headTags.has(look.tag)) bodyAt = Math.min(bodyAt, look.next);
      place = look.next;
    }
    return settledBefore(text.length + 1) || text.length >= maxBytes ? 'utf-8' : undefined;
  };
  return { read };
}

function lookAt(text: string, from: number): Look {
  const open = text.indexOf('<', from);
  if (open < 0) return 'more';
  const start = text.slice(open, open + 4);
  if (start.length < 4 && !start.includes('>')) return 'more';
  if (start === '<!--') return behind(text, '-->', open + 2);
  if (/^<\/?[a-z]/i.test(start)) return lookAtTag(text, open);
  if (open === 0 && start === '<?xm') return lookAtDeclaration(text);
  return /^<[!/?]/.test(start) ? behind(text, '>', open) : { next: open + 1 };
}

/** `<?xml … encoding="…"?>` at the very start. */
function lookAtDeclaration(text: string): Look {
  const look = behind(text, '>', 0);
  if (look === 'more') return look;
  const [, label = ''] = /\sencoding\s*=\s*["']([^"']+)["']/.exec(text.slice(0, look.next)) ?? [];
  const charset = declared(label);
  return charset === undefined ? look : { ...look, charset };
}

function behind(text: string, mark: string, from: number): Look {
  const at = text.indexOf(mark, from);
  return at < 0 ? 'more' : { next: at + mark.length };
}

function lookAtTag(text: string, open: number): Look {
  const closing = text[open + 1] === '/';
  const nameAt = open + (closing ? 2 : 1);
  const name = stickyMatch(/[^\s/>]*/y, text, nameAt);
  const attributes = new Map<string, string>();
  const next = readAttributes(text, nameAt + name.length, attributes);
  if (next < 0) return 'more';
  if (closing) return { next };
  const tag = name.toLowerCase();
  if (rawText.has(tag)) return behindText(text, tag, next);
  const charset = tag === 'meta' ? charsetOfMeta(attributes) : undefined;
  return charset === undefined ? { next, tag } : { next, tag, charset };
}

function behindText(text: string, tag: string, from: number): Look {
  const end = text.slice(from).search(new RegExp(`</${tag}`, 'i'));
  return end < 0 ? 'more' : { next: from + end, tag };
}

/** Reads up to the end of a tag; where that is, or -1 where it has not come yet. */
function readAttributes(text: string, from: number, attributes: Map<string, string>): number {
  let at = from;
  for (;;) {
    at += stickyMatch(/[\s/]*/y, text, at).length;
    if (text[at] === '>') return at + 1;
    const name = stickyMatch(/=?[^\s/>=]*/y, text, at);
    at += name.length;
    const equals = stickyMatch(/\s*=\s*/y, text, at);
    at += equals.length;
    const value = equals === '' ? '' : stickyMatch(/"[^"]*"|'[^']*'|(?!["'])[^\s>]*/y, text, at);
    // A quote that does not close runs to the end of what has come.
    if (equals !== '' && value === '' && /["']/.test(text[at] ?? '')) return -1;
    at += value.length;
    if (at >= text.length) return -1;
    const key = name.toLowerCase();
    if (!attributes.has(key)) attributes.set(key, value.replace(/^(["'])(.*)\1$/s, '$2'));
  }
}

function stickyMatch(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function charsetOfMeta(attributes: ReadonlyMap<string, string>): string | undefined {
  const label = attributes.get('charset') ?? labelOfPragma(attributes);
  return label === undefined ? undefined : declared(label);
}

/** Both as the standard says: a document in which this could be read as ASCII is no UTF-16. */
function declared(label: string): string | undefined {
  if (/^\s*x-user-defined\s*$/i.test(label)) return 'windows-1252';
  const charset = charsetOf(label);
  return charset?.startsWith('utf-16') ? 'utf-8' : charset;
}

function labelOfPragma(attributes: ReadonlyMap<string, string>): string | undefined {
  if (attributes.get('http-equiv')?.toLowerCase() !== 'content-type') return undefined;
  const found = attributes.get('content')?.match(/charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;"'][^\s;]*))/i);
  return found?.[1] ?? found?.[2] ?? found?.[3];
}
