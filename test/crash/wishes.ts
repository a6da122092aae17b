/** What the subscribers of an ordeal ask for. */
import type { SeenEvent } from '../support/readers.js';
import type { Wish } from './subscriber.js';

const everything = () => true;
/** The last event of a crawl that went well. */
export const finished = ({ type }: SeenEvent) => type === 'crawl.finished';
const tagged = ({ type, data }: SeenEvent) => type === 'quote' && quoteOfTag(data, 'life');

function quoteOfTag(data: unknown, tag: string): boolean {
  return typeof data === 'object' && data !== null && 'tags' in data && [data.tags].flat().includes(tag);
}

const filters: readonly Omit<Wish, 'protocol'>[] = [
  { query: {}, matches: everything },
  { query: { type: 'quote' }, matches: ({ type }) => type === 'quote' },
  { query: { crawl: 'latest' }, matches: everything },
  {
    query: { crawl: 'latest', type: 'page,crawl.finished' },
    matches: (event) => event.type === 'page' || finished(event),
  },
  { query: { 'data.tags': 'life' }, matches: tagged },
];

/** The same filters over both protocols. */
export const wishes: readonly Wish[] = (['sse', 'ws'] as const).flatMap((protocol) =>
  filters.map((filter) => ({ ...filter, protocol })),
);
