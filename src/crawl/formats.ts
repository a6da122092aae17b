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

const xmlDeclaration = '<?xml';

/** What the beginning of a document says; `undefined` while it does not say. */
export function formatOfText(start: string): Format | undefined {
  const text = start.trimStart();
  if (/^[{[]/.test(text)) return 'json';
  if (text.length < xmlDeclaration.length && xmlDeclaration.startsWith(text)) return undefined;
  return text.startsWith(xmlDeclaration) ? 'xml' : 'html';
}
