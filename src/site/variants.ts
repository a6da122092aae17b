/** The harder ways to publish the same quotes: as JSON, in a script, loaded while scrolling, in a table. */
import { authorsByName } from './authors.js';
import { escapeHtml, framed, pager } from './html.js';
import type { Listing, TagCount } from './listing.js';
import type { SiteQuote } from './quotes.js';

interface ApiQuote {
  readonly tags: readonly string[];
  readonly author: { readonly name: string; readonly goodreads_link: string; readonly slug: string };
  readonly text: string;
}

function apiQuote({ quote, author, tags }: SiteQuote): ApiQuote {
  const known = authorsByName.get(author);
  return {
    tags,
    author: { name: author, goodreads_link: known?.goodreadsLink ?? '', slug: known?.slug ?? '' },
    text: `“${quote}”`,
  };
}

/** JSON in ASCII, as the real site writes it; harmless inside a script element, too. */
function asciiJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    /[<\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The answer of `/api/quotes`. */
export function apiAnswer({ page, quotes, hasNext, tag }: Listing, topTags: readonly TagCount[]): string {
  const answer = { has_next: hasNext, page, quotes: quotes.map(apiQuote), tag: tag ?? null, top_ten_tags: topTags };
  return `${asciiJson(answer)}\n`;
}

const quoteInScript = `"<div class='quote'><span class='text'>" + d['text'].replace(/</g, '&lt;') + "</span><span>by <small class='author'>" + d['author']['name'] + "</small></span><div class='tags'>Tags: " + tags + "</div></div>"`;

const tagsInScript = `d['tags'].map(function(t) {
            return "<a class='tag'>" + t + "</a>";
        }).join(" ")`;

/** A page whose quotes are data in a script, which writes them into the document. */
export function scriptPage({ page, quotes, hasNext }: Listing, loggedIn: boolean): string {
  const data = asciiJson(quotes.map(apiQuote), 4).replace(/\n(?!\]$)/g, '\n    ');
  return framed(
    `<script>
    var data = ${data};
    for (var i in data) {
        var d = data[i];
        var tags = ${tagsInScript};
        document.write(${quoteInScript});
        }
</script>
${pager('/js/page/', page, hasNext)}`,
    loggedIn,
  );
}

/** A page that is empty until its script has asked the API, and asks again when it is scrolled to its end. */
export function scrollPage(loggedIn: boolean): string {
  return framed(
    `<div class="row">
    <div class="col-md-8">
        <div class="quotes"></div>
    </div>
</div>
<div id="loading" style="background-color: #eeeecc"><h5>Loading...</h5></div>
<script>
    var page = 1, hasNextPage = true, loading = document.getElementById('loading');
    function quoteMarkup(d) {
        var tags = ${tagsInScript};
        return ${quoteInScript};
    }
    function appendPage() {
        loading.hidden = false;
        fetch('/api/quotes?page=' + page).then(function(r) { return r.json(); }).then(function(data) {
            document.querySelector('.quotes').insertAdjacentHTML('beforeend', data.quotes.map(quoteMarkup).join(''));
            hasNextPage = data.has_next;
            loading.hidden = true;
        });
    }
    appendPage();
    window.addEventListener('scroll', function() {
        var left = document.documentElement.scrollHeight - window.innerHeight - window.scrollY;
        if (loading.hidden && hasNextPage && left <= 1) {
            page += 1;
            appendPage();
        }
    });
</script>
`,
    loggedIn,
  );
}

function tableRows({ quote, author, tags }: SiteQuote): string {
  const links = tags.map(
    (tag) => `                <a href="/tableful/tag/${tag}/page/1/">${tag}</a>
                
`,
  );
  return `
        <tr style="border-bottom: 0px; ">
            <td style="padding-top: 2em;">“${escapeHtml(quote)}” Author: ${escapeHtml(author)}</td>
        </tr>
        <tr>
            <td style="padding-bottom: 2em;">Tags:
                
${links.join('')}        </td>
        </tr>
    `;
}

function tablePager(base: string, page: number, hasNext: boolean): string {
  const previous = `            <td>
                <a href="${base}${page - 1}/">
                    <span aria-hidden="true">&larr;</span> Previous
                </a>
            </td>
`;
  const next = `            <td>
                <a href="${base}${page + 1}/">Next 
                    <span aria-hidden="true">&rarr;</span>
                </a>
            </td>
`;
  return `
    <tr>
            
${page > 1 ? previous : '            <td></td>\n'}            
${hasNext ? `            \n${next}` : ''}            
    </tr>
`;
}

/** A page laid out with tables and without a single class. */
export function tablePage(listing: Listing, topTags: readonly TagCount[], loggedIn: boolean): string {
  const { page, quotes, hasNext, tag } = listing;
  const top = topTags.map(
    ([name, count]) => `            <a href="/tableful/tag/${name}/page/1/">${name}</a> (${count}) <br />
            
`,
  );
  return framed(
    `
<table>
    <tr>
        <td>
        ${tag === undefined ? '' : `<h3>Viewing tag: ${tag}</h3>`}
        </td>
        <td rowspan="5" style="padding-left: 50px;">
            <div style="width: 200px; border:none;" >
            </div>
            <h3>Top Ten tags</h3>
            
${top.join('')}        </td>
    </tr>
    ${quotes.map(tableRows).join('')}${tablePager(tag === undefined ? '/tableful/page/' : `/tableful/tag/${tag}/page/`, page, hasNext)}</table>
`,
    loggedIn,
  );
}
