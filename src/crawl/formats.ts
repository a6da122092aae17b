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

/**
 * Refuses what is no document: by its type, or, where the type claims otherwise or nothing, by its first bytes.
 * @throws CrawlcastError `body.not_html`
 */
export function checkContent(contentType: string | undefined, first: Uint8Array, url: string): void {
  const type = contentType?.split(';')[0]?.trim() ?? '';
  if (type !== '' && !documents.test(type)) {
    throw new CrawlcastError('body.not_html', `${new URL(url).pathname} is "${type.slice(0, 100)}", not a document`);
  }
  // Where UTF-16 is declared there need be no mark.
  if (isBinary(first) && charsetOfContentType(contentType)?.startsWith('utf-16') !== true)
    throw new CrawlcastError('body.not_html', `${new URL(url).pathname} is binary data, not a document`);
}

/** A NUL is in no text but UTF-16, which begins with a byte order mark. */
function isBinary(bytes: Uint8Array): boolean {
  const marked = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  return !marked && bytes.subarray(0, 1_024).includes(0);
}
