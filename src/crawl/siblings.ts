/** `a ~ b` in linear time: css-select looks through all siblings again for each of them. */
import { type Selector, SelectorType } from 'css-what';
import { positionOf } from './positions.js';
import { type ChildNode, Element, type ParentNode } from './tree.js';

type Test = (element: Element) => boolean;

/** A selector cut at its last `~`. */
export interface SiblingCut {
  readonly before: Selector[];
  readonly rest: Selector[];
}

/** Cuts a selector at its last `~`, where there is one with something before it. */
export function cutAtSibling(tokens: Selector[]): SiblingCut | undefined {
  const at = tokens.findLastIndex(({ type }) => type === SelectorType.Sibling);
  return at <= 0 ? undefined : { before: tokens.slice(0, at), rest: tokens.slice(at + 1) };
}

/** How far the children of one parent have been looked through, and the first of them that matched. */
interface Search {
  readonly scope: Element | undefined;
  /** The last that was looked at. */
  upTo: ChildNode | null;
  first: Element | undefined;
}

/**
 * Whether some sibling before an element matches. Each is tested once: what stands before an element is complete, so that
 * the answer never changes, unless the scope does.
 */
export function followsMatch(test: Test, scope: () => Element | undefined): Test {
  const searches = new WeakMap<ParentNode, Search>();
  return (element) => {
    const { parent } = element;
    let search = searches.get(parent);
    if (search === undefined || search.scope !== scope()) {
      search = { scope: scope(), upTo: null, first: undefined };
      searches.set(parent, search);
    }
    while (search.first === undefined) {
      const child = search.upTo === null ? parent.first : search.upTo.next;
      if (child === null || child === element) break;
      if (child instanceof Element && test(child)) search.first = child;
      search.upTo = child;
    }
    return search.first !== undefined && positionOf(search.first).child < positionOf(element).child;
  };
}
