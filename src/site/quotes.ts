/** The practice site's sentences: each is computed from its number, so that a site of any size takes no memory. */
import { actors, authorNames, counsels, deeds, manners, objects, openings, tagNames } from './words.js';

/** What the quotes of a site follow from. */
export interface QuoteSource {
  /** How many pages of quotes there are. Default 10. */
  readonly pages: number;
  /** Quotes on a page. Default 10. */
  readonly perPage: number;
  /** Another seed, other quotes. Default 1. */
  readonly seed: number;
}

/** One quote, as a crawler should find it. */
export interface SiteQuote {
  /** Without the curly quotes around it. */
  readonly quote: string;
  readonly author: string;
  /** In alphabetical order, none twice, at most 5. */
  readonly tags: readonly string[];
}

/** The source of a site that was started without options. */
export const defaultSource: QuoteSource = { pages: 10, perPage: 10, seed: 1 };

type Words = readonly string[];
type Sentence = readonly (string | Words)[];

/** Each sentence has a shape of its own, so that no two of them ever read the same. */
const sentences: readonly Sentence[] = [
  [openings, ', ', actors, ' ', deeds, ' ', objects, ' ', manners, '.'],
  [actors, ' ', deeds, ' ', objects, ' ', manners, '; ', counsels, '.'],
  [counsels, ', for ', actors, ' ', deeds, ' ', objects, ' ', manners, '.'],
  ["I've seen how ", actors, ' ', deeds, ' ', objects, ' ', manners, ': ', counsels, '!'],
  [openings, ', ', actors, ' ', deeds, ' what ', actors, ' ', deeds, '.'],
];

/** A prime longer than any list of words, hence prime to every product of their lengths: it visits each sentence once. */
const stride = 15_485_863;

/** A well-mixed 32-bit number from two. */
function mix(seed: number, value: number): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(value + 0x165667b1, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return (hash ^ (hash >>> 15)) >>> 0;
}

function pick(words: Words, index: number): string {
  return words[index % words.length] ?? '';
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function countOf(sentence: Sentence): number {
  return sentence.reduce((count, part) => (typeof part === 'string' ? count : count * part.length), 1);
}

const counts = sentences.map(countOf);

/** The `number`th sentence of one shape, in an order that looks like chance. */
function sentenceOf(shape: number, number: number): string {
  const count = counts[shape] ?? 1;
  let rest = ((number % count) * stride) % count;
  let text = '';
  for (const part of sentences[shape] ?? []) {
    if (typeof part === 'string') {
      text += part;
    } else {
      text += pick(part, rest);
      rest = Math.floor(rest / part.length);
    }
  }
  return capitalise(text);
}

/** Some quotes go on for a while, as quotes do. */
function afterthought(chance: number): string {
  let text = '';
  for (let left = chance % 16 === 0 ? 1 + ((chance >>> 8) % 6) : 0; left > 0; left -= 1) {
    text += ` ${sentenceOf(left % sentences.length, chance >>> left)}`;
  }
  return text;
}

function tagsOf(chance: number): string[] {
  const tags = new Set<string>();
  for (let left = (chance >>> 4) % 6; left > 0; left -= 1) {
    const share = mix(chance, left) / 2 ** 32;
    // squared, so that some tags are much more frequent than others
    tags.add(pick(tagNames, Math.floor(share * share * tagNames.length)));
  }
  return [...tags].sort();
}

/** The quote at a place of the whole site, counted from 0. The first ten million or so are all different. */
export function quoteAt(seed: number, place: number): SiteQuote {
  const chance = mix(seed, place);
  const first = mix(seed, -1) % 1_000_000;
  return {
    quote: sentenceOf(place % sentences.length, first + place) + afterthought(chance),
    author: pick(authorNames, chance >>> 7),
    tags: tagsOf(chance),
  };
}

/** What stands on a page: the truth that a crawl's results are compared with. Pages count from 1; none has quotes beyond the last. */
export function quotesOfPage(options: Partial<QuoteSource>, page: number): SiteQuote[] {
  const { pages, perPage, seed } = { ...defaultSource, ...options };
  if (page < 1 || page > pages) return [];
  return Array.from({ length: perPage }, (_, index) => quoteAt(seed, (page - 1) * perPage + index));
}
