/** A page as a spider's own code sees it: whole, and read with the selectors and fields of the spiders that are data. */
import { chargeTo, type WorkBudget } from './adapter.js';
import type { PageDocument } from './extractor.js';
import { allMatches, compileField, type Field, type FieldRule } from './fields.js';
import { isNofollow, readLink } from './links.js';
import type { ResponseHead } from './messages.js';
import { compileScoped, type ScopedSelector } from './selectors.js';
import type { ParentNode } from './tree.js';

/** Where a page leads. */
export interface Link {
  readonly url: string;
  /** Its `rel` says nofollow, ugc or sponsored. */
  readonly nofollow: boolean;
}

/** The values of fields, by the rules that they are read with. */
export type Values<Rules extends Readonly<Record<string, FieldRule>>> = {
  [Name in keyof Rules]: Rules[Name] extends string
    ? string | null
    : Rules[Name] extends readonly string[]
      ? string[]
      : unknown;
};

/** An element of a page, or the whole. Without `css` a method reads the element itself. */
export interface Part {
  /** All elements inside that a selector matches, in document order. */
  select(css: string): Part[];
  /** The trimmed text of the first match; `null` where there is none. */
  text(css?: string): string | null;
  /** The trimmed texts of all matches. */
  texts(css: string): string[];
  /** An attribute of the first match; `null` where there is none. */
  attr(name: string, css?: string): string | null;
  /** The markup inside the first match; `null` where there is none. */
  html(css?: string): string | null;
  /** The first number in the text of the first match; `null` where there is none. */
  number(css?: string): number | null;
  /** Where all matches lead, resolved: by their `href`, else `src`, else the first link inside. */
  links(css: string): Link[];
  /** Reads fields by the rules of a spider that is data. */
  read<const Rules extends Readonly<Record<string, FieldRule>>>(fields: Rules): Values<Rules>;
}

/** A page that has come whole. */
export interface Page extends Part {
  readonly url: string;
  readonly status: number;
  /** By lower-case name; of several the first. */
  readonly headers: Readonly<Record<string, string>>;
  /** The document as text. */
  readonly body: string;
  /** The document as JSON. Throws where it is none. */
  json(): unknown;
}

/** What a page is made of. */
export interface PageSource {
  readonly url: string;
  readonly head: ResponseHead;
  readonly body: string;
  readonly document: PageDocument | undefined;
  /** What its selectors may cost. */
  readonly budget: WorkBudget;
}

/** Makes a page. */
export function createPage({ url, head, body, document, budget }: PageSource): Page {
  const headers = Object.fromEntries(Object.entries(head.headers).map(([name, [first = '']]) => [name, first]));
  const facts = { url, status: head.status, headers, body, json: (): unknown => JSON.parse(body) };
  return { ...facts, ...partOf(document?.root, { ...(document ?? nowhere), budget }) };
}

type Surroundings = Pick<PageDocument, 'cased' | 'resolve'> & { readonly budget: WorkBudget };

const nowhere: Pick<PageDocument, 'cased' | 'resolve'> = { cased: false, resolve: () => null };

function partOf(node: ParentNode | undefined, around: Surroundings): Part {
  const { cased, resolve, budget } = around;
  const whole = node?.parent === null;
  const value = (rule: FieldRule): unknown => {
    if (node === undefined) return Array.isArray(rule) ? [] : null;
    chargeTo(budget);
    return field(rule, whole, cased).read(node, resolve);
  };
  const matches = (css: string) => {
    const compiled = selector(css, whole, cased);
    chargeTo(budget);
    return node === undefined ? [] : allMatches(node, compiled);
  };
  return {
    select: (css) => matches(css).map((element) => partOf(element, around)),
    // What these rules read is what the types say.
    text: (css) => value({ css }) as string | null,
    texts: (css) => value([css]) as string[],
    attr: (name, css) => value({ css, attr: name }) as string | null,
    html: (css) => value({ css, as: 'html' }) as string | null,
    number: (css) => value({ css, as: 'number' }) as number | null,
    read: <Rules extends Readonly<Record<string, FieldRule>>>(rules: Rules) =>
      Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, value(rule)])) as Values<Rules>,
    links: (css) =>
      matches(css).flatMap((found) => {
        const link = readLink(found);
        if (link === undefined) return [];
        return [{ url: resolve(link.href) ?? link.href, nofollow: isNofollow(link.element) }];
      }),
  };
}

const field = remember((rule: FieldRule, whole, cased) => compileField('read', rule, whole, cased));
const selector = remember((css: string, whole, cased): ScopedSelector => compileScoped(css, whole, cased));

/** Spiders use the same few selectors on every page; those that are made up on the way are forgotten again. */
function remember<Rule, Compiled extends Field | ScopedSelector>(
  compile: (rule: Rule, whole: boolean, cased: boolean) => Compiled,
) {
  const known = new Map<string, Compiled>();
  return (rule: Rule, whole: boolean, cased: boolean): Compiled => {
    const key = JSON.stringify([rule, whole, cased]);
    const compiled = known.get(key) ?? compile(rule, whole, cased);
    if (known.size > 1_000) known.clear();
    known.set(key, compiled);
    return compiled;
  };
}
