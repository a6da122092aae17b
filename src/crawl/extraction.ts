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

/** What is looked for in documents of one kind. */
export interface Targets {
  readonly items: readonly ItemTarget[];
  readonly pageItems: readonly PageItem[];
  /** One for all selectors that settle at the same time. */
  readonly links: readonly Target[];
}

/** What is extracted from a page, ready for any number of pages. */
export interface Extraction extends Targets {
  /** The same where case counts in names: in XML and JSON. */
  readonly cased: Targets;
}

/**
 * Compiles what a spider extracts.
 * @throws CrawlcastError `spider.invalid` with the type, the field or the selector that cannot be used
 */
export function compileExtraction(rules: ExtractionRules): Extraction {
  let cased: Targets | undefined;
  return {
    ...compileTargets(rules, false),
    get cased() {
      // Most crawls never meet such a document.
      cased ??= compileTargets(rules, true);
      return cased;
    },
  };
}

function compileTargets({ items = {}, follow = [] }: ExtractionRules, cased: boolean): Targets {
  const rules = Object.entries(items);
  return {
    items: rules.flatMap(([type, { each, fields }]) =>
      each === undefined ? [] : [compileItem(type, each, fields, cased)],
    ),
    pageItems: rules.flatMap(([type, { each, fields }]) =>
      each === undefined ? [{ type: checkType(type), fields: compileFields(fields, true, cased) }] : [],
    ),
    links: compileLinks(follow, cased),
  };
}

function checkType(type: string): string {
  if (isItemType(type)) return type;
  throw new CrawlcastError('spider.invalid', `Items cannot be called ${JSON.stringify(type)}`);
}

function compileFields(fields: ItemRule['fields'], whole: boolean, cased: boolean): Field[] {
  return Object.entries(fields).map(([name, rule]) => compileField(name, rule, whole, cased));
}

function compileItem(type: string, each: string, rules: ItemRule['fields'], cased: boolean): ItemTarget {
  const fields = compileFields(rules, false, cased);
  const selector = compileSelector(each, cased);
  const settles = fields.map((field) => field.settles).reduce(later, later(selector.settles, 'close'));
  return { type: checkType(type), fields, ...targetOf(selector), settles };
}

function targetOf({ mayMatch, test, settles }: CompiledSelector): Target {
  return { mayMatch, test, certain: settles, settles };
}

/** Selectors that settle together are one: an element that two of them match is one link, and links keep their order. */
function compileLinks(follow: readonly string[], cased: boolean): Target[] {
  const groups = new Map<Settling, string[]>();
  for (const css of follow) {
    const { settles } = compileSelector(css);
    groups.set(settles, [...(groups.get(settles) ?? []), css]);
  }
  return [...groups.values()].map((group) => targetOf(compileSelector(group.join(', '), cased)));
}
