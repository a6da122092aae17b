/** What a sitemap is (sitemaps.org): a list of pages, or of further sitemaps. */
import { Element } from './tree.js';

/** Whether the root of a document makes it one. */
export function isSitemap(root: Element): boolean {
  return /^(?:urlset|sitemapindex)$/.test(localName(root));
}

/** Whether an element of a sitemap says where a page or a further sitemap is; pictures and videos are none. */
export function isPlace(element: Element): boolean {
  const { parent } = element;
  return localName(element) === 'loc' && parent instanceof Element && /^(?:url|sitemap)$/.test(localName(parent));
}

function localName({ name }: Element): string {
  return name.slice(name.indexOf(':') + 1);
}
