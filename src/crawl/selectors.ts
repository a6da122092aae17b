/** CSS selectors against a document that is still growing: what they match, and when that is certain. */
import { compile as compileQuery } from 'css-select';
import { isTraversal, parse, type Selector, SelectorType } from 'css-what';
import { CrawlcastError, messageOf } from '../errors.js';
import { adapter } from './adapter.js';
import { positionPseudos, renamePositions } from './positions.js';
import { later, type Settling, settlingInScope, settlingOf, withoutLookAhead } from './settling.js';
import { cutAtSibling, followsMatch } from './siblings.js';
import type { ChildNode, Element, ParentNode } from './tree.js';

/** A selector, ready to be matched. */
export interface CompiledSelector {
  /** Whether it matches; true to the finished document only once it has settled. */
  test(element: Element): boolean;
  /** When the answer for an element is final. */
  readonly settles: Settling;
  /** Whether an element whose start tag has just come may match in the end: what looks ahead is left out. */
  mayMatch(element: Element): boolean;
}

/** A selector of a field: matched among what is inside an element, which is its `:scope`. */
export interface ScopedSelector {
  /** Whether it matches an element inside `scope`; no scope: the whole document. */
  test(element: Element, scope: Element | undefined): boolean;
  /** When the answers are final, counted from the scope: `close` is its own closing tag. */
  readonly settles: Settling;
  /** Whether it looks among the siblings behind the scope, as `+ dd` does. */
  readonly beside: boolean;
}

/**
 * Compiles a selector for elements anywhere in the document.
 * @param cased whether upper and lower case count in the names of elements, as in XML and JSON
 * @throws CrawlcastError `spider.invalid`
 */
export function compileSelector(css: string, cased = false): CompiledSelector {
  return guard(css, () => {
    const settles = settlingOf(read(css));
    const test = compile(read(css), cased);
    const mayMatch = settles === 'open' ? test : compile(read(css).map(withoutLookAhead), cased);
    return { test, settles, mayMatch };
  });
}

/**
 * Compiles a selector for what is inside an element (or inside the document, where `whole`). As in jQuery's `find`, all
 * of it is looked for inside: `div a` is a link in a `div` in the element. Only what is nested in `:is()` or `:not()` may
 * stand outside.
 * @throws CrawlcastError `spider.invalid`
 */
export function compileScoped(css: string, whole = false, cased = false): ScopedSelector {
  return guard(css, () => {
    if (whole) return { test: compile(read(css), cased), settles: 'end', beside: false };
    let current: Element | undefined;
    const selectors = read(css).map((tokens) => anchor(tokens.map(renameScope)));
    const beside = selectors.some(([, second]) => second !== undefined && sideways.has(second.type));
    const settles = selectors.map(settlingOfAnchored).reduce(later, beside ? 'parent' : 'close');
    const test = compile(selectors, cased, () => current);
    return {
      test(element, scope) {
        current = scope;
        return test(element);
      },
      settles,
      beside,
    };
  });
}

const sideways: ReadonlySet<SelectorType> = new Set([SelectorType.Adjacent, SelectorType.Sibling]);

function read(css: string): Selector[][] {
  const selectors = parse(css);
  if (selectors.length === 0) throw new Error('it is empty');
  selectors.forEach(checkEnd);
  selectors.flat().forEach(checkArgument);
  return selectors;
}

/** css-select takes such a selector, and never matches. */
function checkEnd(tokens: readonly Selector[]): void {
  const last = tokens.at(-1);
  if (last === undefined || isTraversal(last)) throw new Error('something is missing at its end');
}

/** css-select itself would take these without, and never match. */
function checkArgument(token: Selector): void {
  if (token.type !== SelectorType.Pseudo) return;
  if (Array.isArray(token.data)) {
    token.data.forEach(checkEnd);
    token.data.flat().forEach(checkArgument);
  }
  if (/^(contains|icontains|lang|nth-.*)$/.test(token.name) && !token.data)
    throw new Error(`:${token.name} needs an argument`);
}

/** Our own name for `:scope`, since css-select needs its own within `:has()`. */
const scopeName = '-scope';
const scopeToken: Selector = { type: SelectorType.Pseudo, name: scopeName, data: null };

function renameScope(token: Selector): Selector {
  if (token.type !== SelectorType.Pseudo || token.name === 'has') return token;
  if (token.name === 'scope') return scopeToken;
  return Array.isArray(token.data) ? { ...token, data: token.data.map((tokens) => tokens.map(renameScope)) } : token;
}

function anchor(tokens: Selector[]): Selector[] {
  const [first] = tokens;
  if (first !== undefined && isTraversal(first)) return [scopeToken, ...tokens];
  return tokens.some(namesScope) ? tokens : [scopeToken, { type: SelectorType.Descendant }, ...tokens];
}

function namesScope(token: Selector): boolean {
  if (token.type !== SelectorType.Pseudo) return false;
  return token.name === scopeName || (Array.isArray(token.data) && token.data.flat().some(namesScope));
}

function settlingOfAnchored(tokens: Selector[]): Settling {
  const compoundEnd = tokens.findIndex(isTraversal);
  if (tokens.slice(0, compoundEnd < 0 ? undefined : compoundEnd).includes(scopeToken)) return settlingInScope(tokens);
  // `:scope` stands somewhere else: the selector may look anywhere.
  return settlingOf([tokens]) === 'open' ? 'close' : 'end';
}

type Test = (element: Element) => boolean;

/** @param scope says which element is `:scope` at the moment; absent: none is */
function compile(selectors: Selector[][], cased: boolean, scope?: () => Element | undefined): Test {
  const pseudos: Record<string, (element: Element, value?: string | null) => boolean> = { ...positionPseudos };
  if (scope !== undefined) pseudos[scopeName] = (element) => element === scope();
  const rewritten = selectors.map((tokens, index) => {
    const cut = cutAtSibling(tokens);
    if (cut === undefined) return tokens.map(renamePositions);
    const name = `-follows-${index}`;
    pseudos[name] = followsMatch(compile([cut.before], cased, scope), scope ?? (() => undefined));
    return [{ type: SelectorType.Pseudo, name, data: null } satisfies Selector, ...cut.rest.map(renamePositions)];
  });
  // What css-select keeps of ancestors within one element's `:has()` it would also take for another's.
  return compileQuery<ParentNode | ChildNode, Element>(rewritten, {
    adapter,
    xmlMode: cased,
    cacheResults: false,
    pseudos,
  });
}

function guard<T>(css: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    const why = messageOf(error);
    const message = `The selector ${JSON.stringify(css)} cannot be used: ${adviceOn(css, why) ?? why}`;
    throw new CrawlcastError('spider.invalid', message);
  }
}

/** What to write in place of what other tools call a selector. */
function adviceOn(css: string, why: string): string | undefined {
  if (/^\s*(\.?\/|id\()/.test(css)) return 'this is XPath: write CSS';
  if (/::(text|attr)\b/.test(css))
    return 'leave out ::text and ::attr(…): the text is taken anyway; name an attribute with attr';
  if (why.endsWith('found ')) return `${why}its end`;
  const [, name] = /^Unknown pseudo-class :(.+)/.exec(why) ?? [];
  const [prefix] = name === undefined ? [] : (/[\w-]+$/.exec(css.slice(0, css.indexOf(`:${name}`))) ?? []);
  return prefix && `there is no :${name}; where ${prefix}:${name} is a name, write ${prefix}\\:${name}`;
}
