/** What every contender extracts, and how wide it may go. */

/** Requests in flight at once. */
export const concurrency = 64;

/** The selectors of a page. */
export const selectors = {
  each: 'div.quote',
  quote: 'span.text',
  author: 'span small.author',
  tags: 'div.tags a.tag',
  follow: 'nav ul li.next a',
} as const;

/** The curly quotes around a quote, which are no part of it. */
export const curlyQuotes = /[“”]/gu;

/** The same as a spider of ours: nothing but the site and the machine is to be the limit. */
export function spiderOf(start: string): unknown {
  const { each, quote, author, tags, follow } = selectors;
  return {
    name: 'bench',
    start: [start],
    items: { quote: { each, fields: { quote: { css: quote, strip: curlyQuotes.source }, author, tags: [tags] } } },
    follow: [follow],
    // A page takes its place until it is on disk; requests are bounded for the host.
    settings: {
      concurrency: 4 * concurrency,
      concurrencyPerHost: concurrency,
      delay: 0,
      autothrottle: false,
      robots: true,
    },
  };
}
