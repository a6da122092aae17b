/** When the answer of a selector for an element is final while its document still grows. */
import { isTraversal, type PseudoSelector, parse, type Selector, SelectorType } from 'css-what';

/**
 * When it is final: with the start tag, when the element closes, when its parent closes, or at the document's end.
 * Ancestors' attributes and whatever stands before an element never change; all else is still to come.
 */
export type Settling = 'open' | 'close' | 'parent' | 'end';

const order: readonly Settling[] = ['open', 'close', 'parent', 'end'];

/** The later of two. */
export function later(a: Settling, b: Settling): Settling {
  return order.indexOf(a) < order.indexOf(b) ? b : a;
}

const looksBack =
  /^(-?scope|root|lang|(first|nth)-(child|of-type)|any-link|link|visited|hover|active|disabled|enabled|required|optional|read-only|read-write|checkbox|file|password|radio|reset|image|submit|header|button|input|text)$/;
const looksInside = /^(empty|parent|contains|icontains)$/;
const looksBehind = /^(last|only|nth-last)-(child|of-type)$/;
const alternatives = /^(is|not|where|matches)$/;

/** When a list of selectors is final for an element that any of them may match. */
export function settlingOf(selectors: readonly Selector[][]): Settling {
  return selectors.map(settlingOfOne).reduce(later, 'open');
}

/**
 * When a selector that begins at a scope is final for everything inside that scope, counted from the scope:
 * inside, all is final when it closes, unless a nested selector may look outside.
 */
export function settlingInScope(tokens: readonly Selector[]): Settling {
  const compounds = compoundsOf(tokens);
  const outer = compounds[0] ?? [];
  const inside = compounds.slice(1).map(settlingOfCompound).includes('end') ? 'end' : 'close';
  return later(settlingOfCompound(outer), inside);
}

/** The selector with all that looks ahead left out: it matches whatever the whole may match in the end. */
export function withoutLookAhead(tokens: readonly Selector[]): Selector[] {
  if (tokens.some(({ type }) => type === SelectorType.Parent)) return [anything];
  return tokens.map((token) => (isTraversal(token) || settlingOfSimple(token) === 'open' ? token : anything));
}

const anything: Selector = { type: SelectorType.Universal, namespace: null };

/** Where a compound stands, seen from the element in question. */
type Place = 'self' | 'before' | 'parent' | 'above' | 'before above';

function settlingOfOne(tokens: readonly Selector[]): Settling {
  let place: Place = 'self';
  let settles: Settling = 'open';
  let compound: Selector[] = [];
  for (const token of [...tokens].reverse()) {
    if (!isTraversal(token)) {
      compound.push(token);
      continue;
    }
    settles = later(settles, seenFromSubject(settlingOfCompound(compound), place));
    compound = [];
    if (token.type === SelectorType.Parent || token.type === SelectorType.ColumnCombinator) return 'end';
    place = step(place, token.type);
  }
  return later(settles, seenFromSubject(settlingOfCompound(compound), place));
}

function step(from: Place, combinator: Selector['type']): Place {
  const near = from === 'self' || from === 'before';
  if (combinator === SelectorType.Adjacent || combinator === SelectorType.Sibling) {
    return near ? 'before' : 'before above';
  }
  return near && combinator === SelectorType.Child ? 'parent' : 'above';
}

/** When what a compound says of its own element is final, in terms of the element in question. */
function seenFromSubject(own: Settling, place: Place): Settling {
  if (own === 'open' || own === 'end' || place === 'self') return own;
  if (own === 'close') return place === 'parent' ? 'parent' : place === 'above' ? 'end' : 'open';
  return place === 'before' ? 'parent' : 'end';
}

function compoundsOf(tokens: readonly Selector[]): Selector[][] {
  const compounds: Selector[][] = [[]];
  for (const token of tokens) {
    if (isTraversal(token)) compounds.push([]);
    else compounds.at(-1)?.push(token);
  }
  return compounds;
}

function settlingOfCompound(compound: readonly Selector[]): Settling {
  return compound.map(settlingOfSimple).reduce(later, 'open');
}

function settlingOfSimple(token: Selector): Settling {
  return token.type === SelectorType.Pseudo ? settlingOfPseudo(token) : 'open';
}

function settlingOfPseudo({ name, data }: PseudoSelector): Settling {
  if (Array.isArray(data)) {
    if (alternatives.test(name)) return settlingOf(data);
    return name === 'has' ? data.map(settlingOfHas).reduce(later, 'close') : 'end';
  }
  const [, counted] = data?.match(/\sof\s(.*)$/is) ?? [];
  if (counted !== undefined && settlingOf(parse(counted)) !== 'open') return 'end';
  if (looksBack.test(name)) return 'open';
  if (looksInside.test(name)) return 'close';
  return looksBehind.test(name) ? 'parent' : 'end';
}

function settlingOfHas(tokens: readonly Selector[]): Settling {
  if (tokens.some(({ type }) => type === SelectorType.Parent)) return 'end';
  const [outer, ...inner] = compoundsOf(tokens).map(settlingOfCompound);
  if (outer === 'end' || inner.includes('end')) return 'end';
  const first = tokens[0]?.type;
  // In css-select the element itself may match any compound but the last.
  if (inner.length > 0 && outer === 'parent') return 'parent';
  return first === SelectorType.Adjacent || first === SelectorType.Sibling ? 'parent' : 'close';
}
