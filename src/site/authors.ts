/** The practice site's invented authors. */
import { authorNames, birthplaces } from './words.js';

/** Somebody who is quoted. */
export interface Author {
  readonly name: string;
  /** The name as it stands in the author page's URL. */
  readonly slug: string;
  /** The path of the page elsewhere that only a visitor who is logged in gets a link to. */
  readonly goodreadsLink: string;
  readonly bornDate: string;
  readonly bornLocation: string;
  readonly description: string;
}

const months = ['January', 'March', 'April', 'June', 'August', 'September', 'November'];
const callings = ['ferryman', 'piano tuner', 'beekeeper', 'proofreader', 'lamplighter'];

function slugOf(name: string): string {
  const ascii = name.normalize('NFKD').replace(/[\u0300-\u036f']/g, '');
  return ascii.replace(/[^A-Za-z0-9]+/g, '-').replace(/-$/, '');
}

function cycle(words: readonly string[], index: number): string {
  return words[index % words.length] ?? '';
}

function introduce(name: string, index: number): Author {
  const slug = slugOf(name);
  const calling = cycle(callings, index);
  const bornLocation = cycle(birthplaces, index);
  return {
    name,
    slug,
    goodreadsLink: `/author/show/${1001 + index * 37}.${slug.replaceAll('-', '_')}`,
    bornDate: `${cycle(months, index)} ${String(1 + ((index * 11) % 28)).padStart(2, '0')}, ${1790 + ((index * 53) % 190)}`,
    bornLocation,
    description:
      `${name} was born ${bornLocation}, and never lived, which is no obstacle to being quoted. Trained as a ${calling}, ` +
      `${name} wrote "nothing much" for forty years & everything else on the back of delivery notes. ` +
      `The collected works fill ${2 + (index % 7)} drawers; it's said that the last of them still won't open.`,
  };
}

/** Everybody, by name. */
export const authorsByName: ReadonlyMap<string, Author> = new Map(
  authorNames.map((name, index) => [name, introduce(name, index)]),
);

/** Everybody, by the slug of the author page's URL. */
export const authorsBySlug: ReadonlyMap<string, Author> = new Map(
  [...authorsByName.values()].map((author) => [author.slug, author]),
);
