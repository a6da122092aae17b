/** The plain pages of quotes, and the pages about their authors. */
import { type Author, authorsByName } from './authors.js';
import { escapeHtml, framed, pageEnd, pager, pageStart } from './html.js';
import type { Listing, TagCount } from './listing.js';
import type { SiteQuote } from './quotes.js';
import { tagNames } from './words.js';

/** A page of quotes in the pieces that a slow site sends one by one. */
export interface QuotePage {
  readonly head: string;
  /** Each ends with the closing tag of its quote. */
  readonly quotes: readonly string[];
  readonly tail: string;
}

const tagLinks: ReadonlyMap<string, string> = new Map(
  tagNames.map((tag) => [
    tag,
    `            <a class="tag" href="/tag/${tag}/page/1/">${tag}</a>
            
`,
  ]),
);

function byline(author: Author, loggedIn: boolean): string {
  const goodreads = ` - <a href="http://goodreads.example${author.goodreadsLink}">(Goodreads page)</a>`;
  return `        <span>by <small class="author" itemprop="author">${escapeHtml(author.name)}</small>
        <a href="/author/${author.slug}">(about)</a>${loggedIn ? goodreads : ''}
        </span>
`;
}

function bylines(loggedIn: boolean): ReadonlyMap<string, string> {
  return new Map([...authorsByName].map(([name, author]) => [name, byline(author, loggedIn)]));
}

// made once: they are the same on every page
const bylinesOfVisitors = bylines(false);
const bylinesOfMembers = bylines(true);

function quoteMarkup({ quote, author, tags }: SiteQuote, loggedIn: boolean): string {
  let links = '';
  for (const tag of tags) links += tagLinks.get(tag) ?? '';
  return `
    <div class="quote" itemscope itemtype="http://schema.org/CreativeWork">
        <span class="text" itemprop="text">“${escapeHtml(quote)}”</span>
${(loggedIn ? bylinesOfMembers : bylinesOfVisitors).get(author) ?? ''}        <div class="tags">
            Tags:
            <meta class="keywords" itemprop="keywords" content="${tags.join(',')}" /    > 
            
${links}        </div>
    </div>
`;
}

const tagSizes = [28, 26, 26, 24, 22, 14, 10, 8, 8, 6];

function tagBox(topTags: readonly TagCount[]): string {
  const items = topTags.map(
    ([tag], rank) => `            <span class="tag-item">
            <a class="tag" style="font-size: ${tagSizes[rank]}px" href="/tag/${tag}/">${tag}</a>
            </span>
            
`,
  );
  return `    <div class="col-md-4 tags-box">
        
            <h2>Top Ten tags</h2>
            
${items.join('')}        
    </div>
</div>
`;
}

/** Makes the function that lays out a page of quotes, of all or of one tag. */
export function quotePages(topTags: readonly TagCount[]): (listing: Listing, loggedIn: boolean) => QuotePage {
  const end = `    </div>\n${tagBox(topTags)}${pageEnd}`;
  return ({ page, quotes, hasNext, tag }, loggedIn) => {
    const title = tag === undefined ? '' : `\n<h3>Viewing tag: <a href="/tag/${tag}/page/1/">${tag}</a></h3>\n`;
    const head = `${pageStart(loggedIn)}${title}\n<div class="row">\n    <div class="col-md-8">\n`;
    const pages = pager(tag === undefined ? '/page/' : `/tag/${tag}/page/`, page, hasNext);
    return {
      head: quotes.length === 0 ? `${head}\nNo quotes found!\n` : head,
      quotes: quotes.map((quote) => quoteMarkup(quote, loggedIn)),
      tail: `\n${pages}${end}`,
    };
  };
}

/** The page about an author. */
export function authorPage(author: Author, loggedIn: boolean): string {
  // the h2 that ends an h3 is the real site's; a crawler has to cope with it
  return framed(
    `
<div class="author-details">
    <h3 class="author-title">${escapeHtml(author.name)}</h2>
    <p><strong>Born:</strong> <span class="author-born-date">${author.bornDate}</span> <span class="author-born-location">${escapeHtml(author.bornLocation)}</span></p>
    <p><strong>Description:</strong></p>
    <div class="author-description">
        ${escapeHtml(author.description)}    
    </div>
</div>
`,
    loggedIn,
  );
}
