/**
 * Every author of the quotes, with birthday and birthplace: two kinds of pages, read by one spider.
 *
 *     npx crawlcast site
 *     npx crawlcast crawl examples/authors.ts -o authors.csv
 */
import { defineSpider, type Page, type Yielded } from 'crawlcast';

export default defineSpider({
  start: [process.env.SITE ?? 'http://127.0.0.1:8001/'],
  *parse(page) {
    if (new URL(page.url).pathname.startsWith('/author/')) yield* readAuthor(page);
    else yield { follow: [...page.links('.quote a[href^="/author/"]'), ...page.links('li.next a')] };
  },
});

function* readAuthor(page: Page): Generator<Yielded> {
  const name = page.text('.author-title');
  if (name === null) return;
  const born = new Date(`${page.text('.author-born-date')} UTC`);
  yield {
    item: 'author',
    data: {
      name,
      born: born.toISOString().slice(0, 10),
      place: page.text('.author-born-location')?.replace(/^in /, ''),
      about: page.url,
    },
  };
}
