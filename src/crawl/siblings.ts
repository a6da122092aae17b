/** `a ~ b` in linear time: css-select looks through all siblings again for each of them. */
import { type Selector, SelectorType } from 'css-what';
import { type Element, isTag, type ParentNode } from 'domhandler';
import { positionOf } from './positions.js';

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
  upTo: number;
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
    if (parent === null) return false;
    let search = searches.get(parent);
    if (search === undefined || search.scope !== scope()) {
      search = { scope: scope(), upTo: 0, first: undefined };
      searches.set(parent, search);
    }
    for (; search.first === undefined && search.upTo < parent.children.length; search.upTo++) {
      const child = parent.children[search.upTo];
      if (child === element) break;
      if (child !== undefined && isTag(child) && test(child)) search.first = child;
    }
    return search.first !== undefined && positionOf(search.first).child < positionOf(element).child;
  };
}
