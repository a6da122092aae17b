/** What a spider wants of a page, compiled. */
import { CrawlcastError } from '../errors.js';
import { isItemType } from '../events.js';
import { compileField, type Field, type FieldRule } from './fields.js';
import type { Target } from './lanes.js';
import { compileLinks, type FollowRule, type LinkTarget } from './links.js';
import { compileSelector } from './selectors.js';
import { later } from './settling.js';

/** Where data stands in a page. */
export interface EmbeddingRule {
  /** Elements in whose text it may stand. */
  readonly css: string;
  /** What stands before it: of the elements, the first with this in its text is it. */
  readonly after?: string | undefined;
}

/** One type of items. */
export interface ItemRule {
  /** The items are in JSON in the text of an element, not in the page itself. */
  readonly from?: EmbeddingRule | undefined;
  /** Each element that it matches is one item; without it the whole page is one. */
  readonly each?: string | undefined;
  readonly fields: Readonly<Record<string, FieldRule>>;
}

/** What is extracted from a page, as a spider says it. */
export interface ExtractionRules {
  readonly items?: Readonly<Record<string, ItemRule>> | undefined;
  readonly follow?: readonly FollowRule[] | undefined;
}

/** A type of items, ready. */
export interface ItemTarget extends Target, PageItem {}

/** An item that is the whole page, ready. */
export interface PageItem {
  readonly type: string;
  readonly fields: readonly Field[];
  /** An item without values: to fill a copy of it takes a fraction of what it takes to add one property after the other. */
  readonly blank: Readonly<Record<string, unknown>>;
}

/** Elements that may have data in their text, ready. */
export interface Embedding extends Target {
  readonly after: string | undefined;
  /** What is looked for in the data. */
  readonly targets: Targets;
}

/** What is looked for in documents of one kind. */
export interface Targets {
  readonly items: readonly ItemTarget[];
  readonly pageItems: readonly PageItem[];
  readonly links: readonly LinkTarget[];
  readonly embeddings: readonly Embedding[];
}

/** What is extracted from a page, ready for any number of pages. */
export interface Extraction {
  /** In HTML. */
  readonly uncased: Targets;
  /** Where case counts in names: in XML and JSON. */
  cased(): Targets;
}

/**
 * Compiles what a spider extracts.
 * @throws CrawlcastError `spider.invalid` with the type, the field or the selector that cannot be used
 */
export function compileExtraction(rules: ExtractionRules): Extraction {
  let cased: Targets | undefined;
  return {
    uncased: compileTargets(rules, false),
    cased() {
      // Most crawls never meet such a document.
      cased ??= compileTargets(rules, true);
      return cased;
    },
  };
}

function compileTargets({ items = {}, follow = [] }: ExtractionRules, cased: boolean): Targets {
  const entries = Object.entries(items);
  const rules = entries.filter(([, { from }]) => from === undefined);
  return {
    items: rules.flatMap(([type, { each, fields }]) =>
      each === undefined ? [] : [compileItem(type, each, fields, cased)],
    ),
    pageItems: rules.flatMap(([type, { each, fields }]) =>
      each === undefined ? [itemOf(type, compileFields(fields, true, cased))] : [],
    ),
    links: compileLinks(follow, cased),
    embeddings: entries.flatMap(([type, { from, ...rule }]) =>
      from === undefined ? [] : [compileEmbedding(from, { [type]: { each: anyEntry, ...rule } }, cased)],
    ),
  };
}

/** Each entry of a list, or else the whole. */
const anyEntry = ':root[list] > item, :root:not([list])';

// Targets are asked for every element. They are written out: of a copy with more members the engine makes a dictionary.
function compileEmbedding({ css, after }: EmbeddingRule, items: ExtractionRules['items'], cased: boolean): Embedding {
  const { mayMatch, test, settles: certain } = compileSelector(css, cased);
  const targets = compileTargets({ items }, true);
  return { mayMatch, test, certain, settles: later(certain, 'close'), after, targets };
}

function checkType(type: string): string {
  if (isItemType(type)) return type;
  throw new CrawlcastError('spider.invalid', `Items cannot be called ${JSON.stringify(type)}`);
}

function compileFields(fields: ItemRule['fields'], whole: boolean, cased: boolean): Field[] {
  return Object.entries(fields).map(([name, rule]) => compileField(name, rule, whole, cased));
}

function compileItem(type: string, each: string, rules: ItemRule['fields'], cased: boolean): ItemTarget {
  const { fields, blank } = itemOf(type, compileFields(rules, false, cased));
  const { mayMatch, test, settles: certain } = compileSelector(each, cased);
  const settles = fields.map((field) => field.settles).reduce(later, later(certain, 'close'));
  return { mayMatch, test, certain, settles, type, fields, blank };
}

function itemOf(type: string, fields: readonly Field[]): PageItem {
  return { type: checkType(type), fields, blank: Object.fromEntries(fields.map(({ name }) => [name, null])) };
}
