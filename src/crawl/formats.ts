/** What kind of document a page is, if it is one at all. */
import { CrawlcastError } from '../errors.js';
import { charsetOfContentType } from './charset.js';

/** How a document is read: as HTML, or as data, where case counts and names have no meaning of their own. */
export type Format = 'html' | 'xml' | 'json';

/** What a `Content-Type` says; `undefined` where it says nothing. XHTML is HTML, as is plain text. */
export function formatOf(contentType: string | undefined): Format | undefined {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === '') return undefined;
  if (/^(?:application|text)\/json$|\+json$/.test(type)) return 'json';
  return /^(?:application|text)\/xml$|(?<!xhtml)\+xml$/.test(type) ? 'xml' : 'html';
}

/**
 * Whether a body may be packed with gzip as a file, as sitemaps are, and what its content is then said to be. Whether it
 * really is, its first bytes say.
 */
export function packingOf(contentType: string | undefined, url: string): { packed: boolean; contentType?: string } {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  // To parse it takes longer than to look.
  const isFile = url.includes('.gz') && new URL(url).pathname.endsWith('.gz');
  const isGzip = /^application\/(?:x-)?g(?:un)?zip$/.test(type) || (isFile && type === 'application/octet-stream');
  if (isGzip || type === '') return { packed: true };
  return { packed: isFile, ...(contentType === undefined ? {} : { contentType }) };
}

const xmlDeclaration = '<?xml';

/** What the beginning of a document says; `undefined` while it does not say. */
export function formatOfText(start: string): Format | undefined {
  const text = start.trimStart();
  if (/^[{[]/.test(text)) return 'json';
  if (text.length < xmlDeclaration.length && xmlDeclaration.startsWith(text)) return undefined;
  return text.startsWith(xmlDeclaration) ? 'xml' : 'html';
}

const documents = /^(text\/|application\/(xhtml\+xml|xml|json|[\w.-]+\+(xml|json)))/i;

/** As many bytes as may say what charset a document is in. */
const beginning = 1_024;

/**
 * Refuses what is no document: by its type, or, where the type claims otherwise or nothing, by its first bytes, however
 * the network has cut them.
 * @returns takes the body chunk by chunk, and throws CrawlcastError `body.not_html`
 */
export function createContentCheck(contentType: string | undefined, url: string): (chunk: Uint8Array) => void {
  const type = contentType?.split(';')[0]?.trim() ?? '';
  const isDocument = type === '' || documents.test(type);
  // Where UTF-16 is declared there need be no mark.
  const mayHaveNul = charsetOfContentType(contentType)?.startsWith('utf-16') === true;
  let first: Uint8Array = new Uint8Array(0);
  return (chunk) => {
    if (!isDocument) {
      throw new CrawlcastError('body.not_html', `${new URL(url).pathname} is "${type.slice(0, 100)}", not a document`);
    }
    if (mayHaveNul || first.length === beginning) return;
    first = Buffer.concat([first, chunk.subarray(0, beginning - first.length)]);
    if (isBinary(first))
      throw new CrawlcastError('body.not_html', `${new URL(url).pathname} is binary data, not a document`);
  };
}

/** A NUL is in no text but UTF-16, which begins with a byte order mark. */
function isBinary(first: Uint8Array): boolean {
  const marked = (first[0] === 0xff && first[1] === 0xfe) || (first[0] === 0xfe && first[1] === 0xff);
  return !marked && first.includes(0);
}
