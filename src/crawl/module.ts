/** A spider as a module of TypeScript or JavaScript: what its author writes. */
import type { Link, Page } from './module-page.js';
import type { SpiderInput } from './spider.js';

/** One item, found by a spider's own code. */
export interface YieldedItem {
  /** Its type, such as `quote`. */
  readonly item: string;
  /** Whatever JSON can say. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Links to go on to, found by a spider's own code. */
export interface YieldedLinks {
  /** URLs, resolved against the document. Nothing where there is none, so that what is not found need not be asked for. */
  readonly follow: Followed | readonly Followed[];
  /** Higher goes first. Default 0. */
  readonly priority?: number;
}

/** A link, or its URL as text. */
export type Followed = string | Link | null | undefined;

/** What a spider's code gives of a page. */
export type Yielded = YieldedItem | YieldedLinks;

/** The default export of a spider's module. */
export interface SpiderModule {
  /** Default: the name of the file without its ending. */
  readonly name?: string;
  /** Whole http or https URLs. */
  readonly start: readonly string[];
  /** Hosts that the crawl may enter. Default: those of `start`. */
  readonly allow?: readonly string[];
  /** A form to log in with before the first page. */
  readonly login?: NonNullable<SpiderInput['login']>;
  readonly settings?: NonNullable<SpiderInput['settings']>;
  /** Reads a page that has come whole: a generator of items and links, `function*` or `async function*`. */
  parse(page: Page): Iterable<Yielded> | AsyncIterable<Yielded>;
}

/** Gives an editor the types of a spider's module while it is written; returns it as it is. */
export function defineSpider(module: SpiderModule): SpiderModule {
  return module;
}
