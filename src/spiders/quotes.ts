/** The built-in spider: the quotes of quotes.toscrape.com, page by page. */
import type { SpiderInput } from '../crawl/spider.js';

export const quotes = {
  name: 'quotes',
  start: ['http://quotes.toscrape.com/'],
  items: {
    quote: {
      each: 'div.quote',
      fields: {
        quote: { css: 'span.text', strip: '[“”]' },
        author: 'span small.author',
        tags: ['div.tags a.tag'],
      },
    },
  },
  follow: ['nav ul li.next a'],
  settings: { concurrency: 16 },
} as const satisfies SpiderInput | Readonly<Record<string, unknown>>;
