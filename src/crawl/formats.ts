/** What kind of document a page is. */

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
