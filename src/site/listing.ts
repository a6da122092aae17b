/** Which quotes stand on which page, and how often a tag is used. */
import { type QuoteSource, quoteAt, quotesOfPage, type SiteQuote } from './quotes.js';

/** One page of quotes. */
export interface Listing {
  readonly page: number;
  readonly quotes: readonly SiteQuote[];
  readonly hasNext: boolean;
  /** Where only the quotes with this tag are listed. */
  readonly tag?: string;
}

/** A tag and how many quotes have it. */
export type TagCount = readonly [tag: string, count: number];

/** All quotes of a site, by page and by tag. */
export interface Catalogue {
  /** Beyond the last page it is an empty one; `undefined` where the number is none that pages have. */
  page(page: number): Listing | undefined;
  /** The tags of the first 1,000 quotes are known. `undefined` where none of them has the tag, too. */
  tagged(tag: string, page: number): Listing | undefined;
  /** The ten most frequent tags, the most frequent first. */
  readonly topTags: readonly TagCount[];
}

/** Only so many quotes are looked through for tags: a site of a million must not have to be held in memory. */
const indexedQuotes = 1000;

function isPage(page: number): boolean {
  return Number.isSafeInteger(page) && page >= 1;
}

function indexTags(source: QuoteSource): Map<string, SiteQuote[]> {
  const index = new Map<string, SiteQuote[]>();
  const total = Math.min(source.pages * source.perPage, indexedQuotes);
  for (let place = 0; place < total; place += 1) {
    const quote = quoteAt(source.seed, place);
    for (const tag of quote.tags) {
      const tagged = index.get(tag);
      if (tagged === undefined) index.set(tag, [quote]);
      else tagged.push(quote);
    }
  }
  return index;
}

/** Makes the catalogue of a site. */
export function catalogue(source: QuoteSource): Catalogue {
  const index = indexTags(source);
  const { pages, perPage } = source;
  return {
    page(page) {
      return isPage(page) ? { page, quotes: quotesOfPage(source, page), hasNext: page < pages } : undefined;
    },
    tagged(tag, page) {
      const all = index.get(tag);
      if (all === undefined || !isPage(page)) return undefined;
      const quotes = all.slice((page - 1) * perPage, page * perPage);
      return { page, quotes, hasNext: page * perPage < all.length, tag };
    },
    topTags: [...index]
      .map(([tag, quotes]): TagCount => [tag, quotes.length])
      .sort(([a, most], [b, more]) => more - most || (a < b ? -1 : 1))
      .slice(0, 10),
  };
}
