/** The practice site's map: which path is answered by what. */
import { type Answer, plain, redirect, type Visit } from './answer.js';
import { authorsBySlug } from './authors.js';
import { escapeHtml, framed } from './html.js';
import { type Catalogue, catalogue, type Listing } from './listing.js';
import { login, logout } from './login.js';
import { authorPage, type QuotePage, quotePages } from './markup.js';
import type { QuoteSource } from './quotes.js';
import type { Sessions } from './session.js';
import { stylesheets } from './styles.js';
import { apiAnswer, scriptPage, scrollPage, tablePage } from './variants.js';

/** One line of the map. */
export interface Route {
  readonly pattern: RegExp;
  /** Whether it takes a form, too. */
  readonly posts?: boolean;
  /** `undefined` where there turns out to be nothing. */
  readonly answer: (visit: Visit) => Answer | undefined;
}

type Find = (visit: Visit) => Listing | undefined;
type LayOut = (listing: Listing, loggedIn: boolean) => Answer;

function isLoggedIn({ session }: Visit): boolean {
  return session.username !== undefined;
}

/** A route to pages of quotes: which ones, and how they are laid out. */
function list(pattern: RegExp, find: Find, layOut: LayOut): Route {
  return {
    pattern,
    answer(visit) {
      const listing = find(visit);
      return listing && layOut(listing, isLoggedIn(visit));
    },
  };
}

const keptQuotes = 10_000;

/** The plain pages. The first ones are kept as every visitor sees them: benchmarks ask for them again and again. */
function plainRoute({ page }: Catalogue, layOut: (listing: Listing, loggedIn: boolean) => QuotePage): Route {
  const kept = new Map<number, Answer>();
  return {
    pattern: /^\/(?:page\/(\d+)\/)?$/,
    answer(visit) {
      const number = Number(visit.captured[0] ?? 1);
      const loggedIn = isLoggedIn(visit);
      const known = loggedIn ? undefined : kept.get(number);
      if (known) return known;
      const listing = page(number);
      const answer = listing && { body: layOut(listing, loggedIn), page: number };
      // Pages beyond the last one are empty, and there is no end of them.
      const count = answer?.body.quotes.length ?? 0;
      if (answer && !loggedIn && count > 0 && number * count <= keptQuotes) kept.set(number, answer);
      return answer;
    },
  };
}

function quoteRoutes(source: QuoteSource): Route[] {
  const quotes = catalogue(source);
  const { page, tagged, topTags } = quotes;
  const layOut = quotePages(topTags);
  const all: Find = ({ captured: [number = 1] }) => page(Number(number));
  const ofTag: Find = ({ captured: [tag = '', number = 1] }) => tagged(tag, Number(number));
  const queried: Find = ({ query }) => {
    const number = Number(query.get('page') ?? 1);
    const tag = query.get('tag');
    return tag === null ? page(number) : tagged(tag, number);
  };
  const asTable: LayOut = (listing, loggedIn) => ({ body: tablePage(listing, topTags, loggedIn) });
  const asJson: LayOut = (listing) => ({ type: 'application/json', body: apiAnswer(listing, topTags) });
  return [
    plainRoute(quotes, layOut),
    list(/^\/tag\/([^/]+)\/(?:page\/(\d+)\/)?$/, ofTag, (listing, loggedIn) => ({ body: layOut(listing, loggedIn) })),
    list(/^\/tableful\/(?:page\/(\d+)\/)?$/, all, asTable),
    list(/^\/tableful\/tag\/([^/]+)\/(?:page\/(\d+)\/)?$/, ofTag, asTable),
    list(/^\/js\/(?:page\/(\d+)\/)?$/, all, (listing, loggedIn) => ({ body: scriptPage(listing, loggedIn) })),
    list(/^\/api\/quotes$/, queried, asJson),
  ];
}

function visitorRoutes(sessions: Sessions): Route[] {
  return [
    {
      pattern: /^\/author\/([^/]+)\/$/,
      answer(visit) {
        const author = authorsBySlug.get(visit.captured[0] ?? '');
        return author && { body: authorPage(author, isLoggedIn(visit)) };
      },
    },
    { pattern: /^\/login$/, posts: true, answer: (visit) => login(sessions, visit) },
    { pattern: /^\/logout$/, answer: logout },
    { pattern: /^\/scroll$/, answer: (visit) => ({ body: scrollPage(isLoggedIn(visit)) }) },
    {
      pattern: /^\/private\/$/,
      answer: (visit) => ({ body: framed('<p>robots.txt said no.</p>\n', isLoggedIn(visit)) }),
    },
  ];
}

const sitemapLimit = 50_000; // what sitemaps.org allows in one file

function sitemap(origin: string, pages: number): string {
  const place = (path: string) => `<url><loc>${escapeHtml(origin + path)}</loc></url>\n`;
  const numbers = Array.from({ length: Math.min(pages, sitemapLimit - 1) }, (_, index) => index + 1);
  const places = ['/', ...numbers.map((number) => `/page/${number}/`)].map(place);
  return `<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
${places.join('')}</urlset>
`;
}

function crawlerRoutes(pages: number): Route[] {
  return [
    {
      pattern: /^\/robots\.txt$/,
      answer: ({ origin }) => plain(200, `User-agent: *\nDisallow: /private/\nSitemap: ${origin}/sitemap.xml`),
    },
    {
      pattern: /^\/sitemap\.xml$/,
      answer: ({ origin }) => ({ type: 'application/xml', body: sitemap(origin, pages) }),
    },
    {
      pattern: /^\/random$/,
      answer: () => redirect(`/page/${1 + Math.floor(Math.random() * pages)}/`, 302, { 'cache-control': 'no-store' }),
    },
    {
      pattern: /^\/static\/([\w.]+)$/,
      answer({ captured: [name = ''] }) {
        const body = stylesheets.get(name);
        return body === undefined ? undefined : { type: 'text/css; charset=utf-8', body };
      },
    },
  ];
}

/** Addresses that fail on purpose, for whoever practises failing. */
const troubleRoutes: Route[] = [
  {
    pattern: /^\/status\/([2-5]\d\d)$/,
    answer({ captured: [status = ''], query }) {
      const seconds = query.get('retry-after');
      return plain(Number(status), `This is status ${status}.`, seconds === null ? {} : { 'retry-after': seconds });
    },
  },
  {
    pattern: /^\/slow$/,
    answer: ({ query }) => ({ ...plain(200, 'At last.'), delayMs: Number(query.get('ms') ?? 1000) || 0 }),
  },
  { pattern: /^\/reset$/, answer: () => ({ body: '', reset: true }) },
];

/** The whole map of a site. */
export function siteRoutes(source: QuoteSource, sessions: Sessions): Route[] {
  // first what is asked for most
  return [...quoteRoutes(source), ...visitorRoutes(sessions), ...crawlerRoutes(source.pages), ...troubleRoutes];
}
