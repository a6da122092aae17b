/** The fields of an item: how a rule becomes a reader, and what the reader makes of an element. */
import { CrawlcastError, messageOf } from '../errors.js';
import { attributeOf, charge, textInside } from './adapter.js';
import { innerMarkup } from './inner-markup.js';
import { compileScoped, type ScopedSelector } from './selectors.js';
import type { Settling } from './settling.js';
import { type ChildNode, Element, type ParentNode } from './tree.js';

/** What a field is made of; without `css` it is the item's own element. */
export interface FieldOptions {
  readonly css?: string | undefined;
  /** An attribute instead of the text. Default with `as: url`: `href`, else `src`. */
  readonly attr?: string | undefined;
  /** All matches as a list instead of the first. */
  readonly all?: boolean | undefined;
  /** A regular expression; every match of it is removed, from the trimmed text: what is left stands as it is. */
  readonly strip?: string | undefined;
  /** Where nothing is found, instead of `null` (of the empty list, with `all`). */
  readonly default?: unknown;
  /**
   * `text`: as read, `<br>` a line end, scripts and styles left out; `html`: the markup inside; `number`: the first
   * number in it, with decimal point; `url`: resolved against the document's base.
   */
  readonly as?: 'text' | 'html' | 'number' | 'url' | undefined;
}

/** A field of a spider: a selector, a selector in brackets for all matches, or options. */
export type FieldRule = string | readonly string[] | FieldOptions;

/** Resolves a link of the document. */
export type Resolve = (href: string) => string | null;

/** A field, ready to be read. */
export interface Field {
  readonly name: string;
  /** When it is final, counted from the item's element. */
  readonly settles: Settling;
  /** Its value in an item: an element, or the whole document. */
  read(item: ParentNode, resolve: Resolve): unknown;
}

type Convert = (element: Element, resolve: Resolve) => unknown;

/**
 * Compiles a field.
 * @param whole whether the item is the whole page
 * @param cased whether case counts in names
 * @throws CrawlcastError `spider.invalid`
 */
export function compileField(name: string, rule: FieldRule, whole: boolean, cased: boolean): Field {
  const options = optionsOf(name, rule);
  const convert = compileValue(name, options, cased);
  const { css, all = false, default: fallback = null } = options;
  const selector = css === undefined ? undefined : compileScoped(css, whole, cased);
  const settles = selector?.settles ?? (whole ? 'end' : 'close');
  const read = (item: ParentNode, resolve: Resolve): unknown => {
    if (!all) {
      const element = selector === undefined ? ownElement(item) : firstMatch(item, selector);
      return (element && convert(element, resolve)) ?? fallback;
    }
    const elements = selector === undefined ? [ownElement(item)] : allMatches(item, selector);
    const values = elements.map((element) => element && convert(element, resolve)).filter((value) => value != null);
    return values.length === 0 && options.default !== undefined ? fallback : values;
  };
  return { name, settles, read };
}

function optionsOf(name: string, rule: FieldRule): FieldOptions {
  if (typeof rule === 'string') return { css: rule };
  if (!isList(rule)) return rule;
  const [css, ...more] = rule;
  if (css !== undefined && more.length === 0) return { css, all: true };
  throw new CrawlcastError('spider.invalid', `The field ${name} is a list of ${rule.length} selectors: it takes one`);
}

/** `Array.isArray` does not know read-only lists. */
function isList(rule: FieldRule): rule is readonly string[] {
  return Array.isArray(rule);
}

function ownElement(item: ParentNode): Element | undefined {
  if (item instanceof Element) return item;
  let node = item.first;
  while (node !== null && !(node instanceof Element)) node = node.next;
  return node ?? undefined;
}

function compileValue(name: string, { as = 'text', attr, strip }: FieldOptions, cased: boolean): Convert {
  const pattern = strip === undefined ? undefined : compilePattern(name, strip);
  const clean = (text: string) => (pattern === undefined ? text.trim() : text.trim().replace(pattern, ''));
  const raw = rawOf(as, cased ? attr : attr?.toLowerCase());
  return (element, resolve) => {
    const text = raw(element);
    if (text === undefined) return null;
    charge(text.length / 16 + (text.length * (strip?.length ?? 0)) / 256);
    const value = clean(text);
    return as === 'number' ? numberIn(value) : as === 'url' ? resolve(value) : value;
  };
}

function rawOf(as: FieldOptions['as'], attr: string | undefined): (element: Element) => string | undefined {
  if (attr !== undefined) return (element) => attributeOf(element, attr);
  if (as === 'url') return linkOf;
  if (as === 'html') return innerMarkup;
  return textOf;
}

/** Where an element leads, as written: `href`, else `src`; in JSON and XML it may be its text as well. */
export function linkOf(element: Element): string | undefined {
  const link = attributeOf(element, 'href') ?? attributeOf(element, 'src');
  return link ?? (element.isData ? textOf(element) : undefined);
}

function compilePattern(name: string, source: string): RegExp {
  try {
    return new RegExp(source, 'gu');
  } catch {
    // A pattern may be fine but for escapes that only the older syntax takes.
    try {
      return new RegExp(source, 'g');
    } catch (error) {
      const why = messageOf(error);
      throw new CrawlcastError('spider.invalid', `The field ${name} has a bad "strip": ${why}`);
    }
  }
}

/** A hyphen behind a letter or a digit joins, and is no minus; an exponent stands behind a number alone. */
const number =
  /(?:(?<![\p{L}\p{N}])[-−])?(?:(?:\d{1,3}(?:[,'’\u00a0\u202f]\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?/giu;

/** The first number in a text: decimal point, thousands set apart by comma, apostrophe or a space that does not break. */
function numberIn(text: string): number | null {
  for (const [found] of text.matchAll(number)) {
    const value = Number(found.replace('−', '-').replace(/[,'’\u00a0\u202f]/gu, ''));
    if (Number.isFinite(value)) return value;
  }
  return null;
}

const silent: ReadonlySet<string> = new Set(['script', 'style', 'template']);

/** The text of an element as one reads it: line breaks kept, scripts, styles and templates inside it left out. */
export function textOf(element: Element): string {
  return textInside(element, silent);
}

function firstMatch(item: ParentNode, selector: ScopedSelector): Element | undefined {
  return matchesIn(item, selector, 1)[0];
}

/** All elements that a selector matches in an item, in document order. */
export function allMatches(item: ParentNode, selector: ScopedSelector): Element[] {
  return matchesIn(item, selector, Number.POSITIVE_INFINITY);
}

function matchesIn(item: ParentNode, selector: ScopedSelector, limit: number): Element[] {
  const scope = item instanceof Element ? item : undefined;
  const found: Element[] = [];
  collect(item.first, selector, scope, limit, found);
  // Behind the item as well, where the selector says so.
  if (selector.beside && scope !== undefined) collect(scope.next, selector, scope, limit, found);
  return found;
}

/** Goes through a node, those behind it and what is inside them, in document order, until enough has been found. */
function collect(
  first: ChildNode | null,
  selector: ScopedSelector,
  scope: Element | undefined,
  limit: number,
  found: Element[],
): void {
  for (let node = first; node !== null && found.length < limit; node = node.next) {
    charge(1);
    if (!(node instanceof Element)) continue;
    if (selector.test(node, scope)) found.push(node);
    if (!node.isHtml('template')) collect(node.first, selector, scope, limit, found);
  }
}
