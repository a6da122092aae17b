/** Pages for the tests of the extractor. */
import { compileExtraction, type ExtractionRules } from '#src/crawl/extraction.js';
import { createExtractor, type ExtractorOptions, type FoundItem } from '#src/crawl/extractor.js';
import type { ExtractedLink } from '#src/crawl/messages.js';

/** Where the pages of these tests are. */
export const url = 'http://site.test/dir/page.html';

/** An extractor that keeps what it finds. */
export function start(rules: ExtractionRules, options: Partial<ExtractorOptions> = {}) {
  const items: FoundItem[] = [];
  const links: ExtractedLink[] = [];
  const extractor = createExtractor(compileExtraction(rules), {
    url,
    onItem: (item) => items.push(item),
    onLink: (link) => links.push(link),
    ...options,
  });
  return { ...extractor, items, links, data: () => items.map(({ data }) => data) };
}

/** Extracts a page that comes whole. */
export function extract(html: string, rules: ExtractionRules, options: Partial<ExtractorOptions> = {}) {
  const page = start(rules, options);
  page.write(html);
  page.end();
  return { items: page.items, links: page.links, data: page.data() };
}
