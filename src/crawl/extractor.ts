/** From the text of a page, while it comes, to its items and links. */
import { charge, chargeTo, type WorkBudget } from './adapter.js';
import type { Extraction } from './extraction.js';
import type { Resolve } from './fields.js';
import { type Format, formatOfText } from './formats.js';
import { createJsonParser } from './json-tree.js';
import { createMarkupParser, type TreeParser } from './markup.js';
import type { ExtractedLink } from './messages.js';
import { Page } from './page.js';
import type { ParentNode } from './tree.js';

/** One item as extracted. */
export interface FoundItem {
  readonly type: string;
  /** Its fields in the spider's order. */
  readonly data: Readonly<Record<string, unknown>>;
  /** `data` as JSON. */
  readonly json: string;
}

/** How one page is extracted. */
export interface ExtractorOptions {
  /** The page's own URL: where links start from, unless a `<base>` says otherwise. */
  readonly url: string;
  /** The charset of the document as far as known, in which the queries of its links are written. Default UTF-8. */
  readonly charset?: () => string;
  /** What the document is; absent: what its first character says. */
  readonly format?: Format | undefined;
  /** Whether the pages that a sitemap names are links. Default false. */
  readonly sitemap?: boolean;
  /** Our name in lower case, for `<meta name=NAME>` beside `<meta name=robots>`. */
  readonly agent?: string;
  /** Called for each item as soon as it is certain, those of a type in document order. */
  onItem(item: FoundItem): void;
  /** Called for each link as soon as it is certain. A URL that is none is given as it is written. */
  onLink(link: ExtractedLink): void;
}

/** The tree of a document, as far as it has come. */
export interface PageDocument {
  readonly root: ParentNode;
  /** Whether upper and lower case count in names. */
  readonly cased: boolean;
  /** Whether a `<meta name=robots>` says `nofollow`. */
  readonly nofollow: boolean;
  readonly resolve: Resolve;
}

/** Extracts one page. */
export interface Extractor {
  /**
   * Takes text in pieces of any size.
   * @throws CrawlcastError `document.too_deep`, `document.too_many_elements`, `document.too_costly`: at once
   * @throws CrawlcastError `body.not_html` where what should be JSON is none
   */
  write(text: string): void;
  /**
   * Closes what is open, and hands over what waited for the end.
   * @throws CrawlcastError as `write`
   */
  end(): void;
  /** The tree; `undefined` where nothing has come. */
  document(): PageDocument | undefined;
}

/** What one page may ask for. */
export interface PageLimits {
  /** However short it is. */
  readonly steps: number;
  /** Besides. */
  readonly stepsPerCharacter: number;
  /** Of its text. */
  readonly characters: number;
}

/** About two seconds' work, and half a second for each million characters. What costs more walks the same elements, or takes the same text, over and over. */
export const usualLimits: PageLimits = {
  steps: 20_000_000,
  stepsPerCharacter: 4,
  characters: Number.POSITIVE_INFINITY,
};

/**
 * Starts to extract one page.
 *
 * Comments, and what is inside `<template>`, are not part of the page; what is inside `<noscript>` is. Links are what
 * the spider's `follow` matches, `<link rel=next>` too where it says so. A `<base>` counts from where it stands.
 *
 * JSON is read as a tree of elements at its end, XML as it comes: in both upper and lower case count, and the names of
 * elements have no meaning of their own.
 */
export function createExtractor(
  extraction: Extraction,
  options: ExtractorOptions,
  { steps, stepsPerCharacter, characters }: PageLimits = usualLimits,
): Extractor {
  const budget: WorkBudget = { left: steps };
  let left = characters;
  let reading = options.format && startReading(options.format, extraction, options);
  let start = '';
  /** What is not blank of it: little, and all that is looked at again with each piece. */
  let beginning = '';

  const read = (text: string, whole: boolean): Reading | undefined => {
    if (reading === undefined) {
      start += text;
      beginning = (beginning + text).trimStart();
      const format = formatOfText(beginning) ?? (whole ? 'html' : undefined);
      if (format === undefined) return undefined;
      reading = startReading(format, extraction, options);
      reading.parser.write(start);
    } else if (text !== '') reading.parser.write(text);
    return reading;
  };

  return {
    write(text) {
      chargeTo(budget);
      budget.left += text.length * stepsPerCharacter;
      left -= text.length;
      // Too long is too costly, too.
      if (left < 0) charge(Number.POSITIVE_INFINITY);
      read(text, false);
    },
    end() {
      chargeTo(budget);
      read('', true)?.parser.end();
    },
    document() {
      if (reading === undefined) return undefined;
      const { page, cased } = reading;
      return { root: page.root, cased, nofollow: page.nofollow, resolve: page.resolve };
    },
  };
}

/** A document being read. */
interface Reading {
  readonly cased: boolean;
  readonly page: Page;
  readonly parser: TreeParser;
}

function startReading(format: Format, extraction: Extraction, options: ExtractorOptions): Reading {
  const isHtml = format === 'html';
  const page = new Page(isHtml ? extraction.uncased : extraction.cased(), options, isHtml);
  const parser = format === 'json' ? createJsonParser(page) : createMarkupParser(page, isHtml);
  return { cased: !isHtml, page, parser };
}
