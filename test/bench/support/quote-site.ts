/** The pages that are crawled: those of the practice site, about 10 KB each, but linked so that a crawler can go wide. */
import { crc32 } from 'node:zlib';
import { catalogue } from '#src/site/listing.js';
import { quotePages } from '#src/site/markup.js';
import type { SiteQuote } from '#src/site/quotes.js';

/** Quotes on a page. */
export const quotesPerPage = 10;
/** So many contents take turns; links differ on every page. */
const contents = 1_000;
const children = 8;

/** The path of a page of a site of some size. Pages count from 1, where a crawl starts. */
export function pathOf(pages: number, page: number): string {
  return `/${pages}/page/${page}/`;
}

/** The number of the page at a path or URL. */
export function pageAt(url: string): number {
  return Number(/(\d+)\/$/.exec(url)?.[1]);
}

const { page: listingOf, topTags } = catalogue({ pages: contents, perPage: quotesPerPage, seed: 1 });
const layOut = quotePages(topTags);

function contentOf(page: number): readonly SiteQuote[] {
  return listingOf(1 + (page % contents))?.quotes ?? [];
}

/** Makes the function that gives the bytes of a page; what does not differ from page to page is made here, once. */
export function preparePages(): (pages: number, page: number) => Buffer {
  const kept = Array.from({ length: contents }, (_, number) => {
    const { head, quotes, tail } = layOut({ page: 1, quotes: contentOf(number), hasNext: false }, false);
    // The pager has no link yet; those of the page go where it begins.
    const [before = '', after = ''] = tail.split('<ul class="pager">', 2);
    return [Buffer.from(`${head}${quotes.join('')}${before}<ul class="pager">`), Buffer.from(after)] as const;
  });
  return (pages, page) => {
    const [before, after] = kept[page % contents] ?? [];
    return before === undefined || after === undefined
      ? Buffer.alloc(0)
      : Buffer.concat([before, Buffer.from(linksOf(pages, page)), after]);
  };
}

/** A tree in which each page is found once, and to the next page a link that mostly leads to what is known already. */
function linksOf(pages: number, page: number): string {
  const first = (page - 1) * children + 2;
  const numbers = [page + 1, ...Array.from({ length: children }, (_, i) => first + i)];
  const within = numbers.filter((number) => number <= pages);
  return within.map((number) => `<li class="next"><a href="${pathOf(pages, number)}">${number}</a></li>`).join('');
}

/** What a contender says that it has extracted. */
export interface Extracted {
  readonly pages: number;
  readonly items: number;
  readonly checksum: number;
}

/** The sum over pages in any order, from each page's number and its items in their order. */
export function addPage({ pages, items, checksum }: Extracted, page: number, found: readonly SiteQuote[]): Extracted {
  const plain = found.map(({ quote, author, tags }) => [quote, author, tags]);
  const sum = (checksum + crc32(JSON.stringify([page, plain]))) >>> 0;
  return { pages: pages + 1, items: items + found.length, checksum: sum };
}

/** Nothing yet. */
export const nothing: Extracted = { pages: 0, items: 0, checksum: 0 };

/** What a crawl of a site of some size has to extract. */
export function expected(pages: number): Extracted {
  let sum = nothing;
  for (let page = 1; page <= pages; page++) sum = addPage(sum, page, contentOf(page));
  return sum;
}

/** What two parts of a crawl have extracted together. */
export function together(a: Extracted, b: Extracted): Extracted {
  return { pages: a.pages + b.pages, items: a.items + b.items, checksum: (a.checksum + b.checksum) >>> 0 };
}
