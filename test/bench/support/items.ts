/** Items for streams that no crawl fills. */
import { quotesOfPage } from '#src/site/quotes.js';

const quotes = quotesOfPage({ pages: 1, perPage: 1_000 }, 1);

/** An item as JSON, its text as long as those of the practice site. */
export function itemJson(number: number, mark = ''): string {
  const { quote = '', author, tags } = quotes[number % quotes.length] ?? {};
  return JSON.stringify({ quote: mark + quote, author, tags });
}
