/** What a spider wants of a page, compiled. */
import type { Element } from 'domhandler';
import { CrawlcastError } from '../errors.js';
import { isItemType } from '../events.js';
import { compileField, type Field, type FieldRule } from './fields.js';
import { type CompiledSelector, compileSelector } from './selectors.js';
import { later, type Settling } from './settling.js';

/** One type of items. */
export interface ItemRule {
  /** Each element that it matches is one item; without it the whole page is one. */
  readonly each?: string | undefined;
  readonly fields: Readonly<Record<string, FieldRule>>;
}

/** What is extracted from a page, as a spider says it. */
export interface ExtractionRules {
  readonly items?: Readonly<Record<string, ItemRule>> | undefined;
  /** Selectors of links: an element with `href` or `src`, or the first link inside it. */
  readonly follow?: readonly string[] | undefined;
}

/** Elements to be looked for, and when it is certain that one is found and complete. */
export interface Target {
  /** Whether an element whose start tag has come may be one. */
  mayMatch(element: Element): boolean;
  test(element: Element): boolean;
  /** When it is certain that an element is one. */
  readonly certain: Settling;
  /** When it is certain, and everything that is read from it is there too. */
  readonly settles: Settling;
}

/** A type of items, ready. */
export interface ItemTarget extends Target {
  readonly type: string;
  readonly fields: readonly Field[];
}

/** An item that is the whole page, ready. */
export interface PageItem {
  readonly type: string;
  readonly fields: readonly Field[];
}

/** What is extracted from a page, ready for any number of pages. */
export interface Extraction {
  readonly items: readonly ItemTarget[];
  readonly pageItems: readonly PageItem[];
  /** One for all selectors that settle at the same time. */
  readonly links: readonly Target[];
}

/**
 * Compiles what a spider extracts.
 * @throws CrawlcastError `spider.invalid` with the type, the field or the selector that cannot be used
 */
export function compileExtraction({ items = {}, follow = [] }: ExtractionRules): Extraction {
  const rules = Object.entries(items);
  return {
    items: rules.flatMap(([type, { each, fields }]) => (each === undefined ? [] : [compileItem(type, each, fields)])),
    pageItems: rules.flatMap(([type, { each, fields }]) =>
      each === undefined ? [{ type: checkType(type), fields: compileFields(fields, true) }] : [],
    ),
    links: compileLinks(follow),
  };
}

function checkType(type: string): string {
  if (isItemType(type)) return type;
  throw new CrawlcastError('spider.invalid', `Items cannot be called ${JSON.stringify(type)}`);
}

function compileFields(fields: ItemRule['fields'], whole: boolean): Field[] {
  return Object.entries(fields).map(([name, rule]) => compileField(name, rule, whole));
}

function compileItem(type: string, each: string, rules: ItemRule['fields']): ItemTarget {
  const fields = compileFields(rules, false);
  const selector = compileSelector(each);
  const settles = fields.map((field) => field.settles).reduce(later, later(selector.settles, 'close'));
  return { type: checkType(type), fields, ...targetOf(selector), settles };
}

function targetOf({ mayMatch, test, settles }: CompiledSelector): Target {
  return { mayMatch, test, certain: settles, settles };
}

/** Selectors that settle together are one: an element that two of them match is one link, and links keep their order. */
function compileLinks(follow: readonly string[]): Target[] {
  const groups = new Map<Settling, string[]>();
  for (const css of follow) {
    const { settles } = compileSelector(css);
    groups.set(settles, [...(groups.get(settles) ?? []), css]);
  }
  return [...groups.values()].map((group) => targetOf(compileSelector(group.join(', '))));
}
