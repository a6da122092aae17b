/** `:nth-child()` and its kin in linear time: css-select counts all siblings again for each element. */
import { type PseudoSelector, type Selector, SelectorType } from 'css-what';
import getNthCheck from 'nth-check';
import { type ChildNode, Element, type ParentNode } from './tree.js';

/** How far the children of one parent have been counted. */
interface Count {
  /** The last of them that was looked at. */
  upTo: ChildNode | null;
  elements: number;
  readonly byName: Map<string, number>;
}

/** A place among siblings, and among those of the same name. */
export interface Position {
  readonly child: number;
  readonly ofType: number;
}

const counts = new WeakMap<ParentNode, Count>();
const positions = new WeakMap<Element, Position>();

/** Where an element stands among its siblings, from 0: final as soon as it is there. */
export function positionOf(element: Element): Position {
  const known = positions.get(element);
  if (known !== undefined) return known;
  countSiblings(element);
  return positions.get(element) ?? { child: 0, ofType: 0 };
}

/** From 0, among the siblings behind it that have come so far. */
function positionFromEnd(element: Element): Position {
  const { elements, byName } = countSiblings(element);
  const { child, ofType } = positionOf(element);
  return { child: elements - 1 - child, ofType: (byName.get(element.name) ?? 1) - 1 - ofType };
}

function countSiblings({ parent }: Element): Count {
  const count = counts.get(parent) ?? { upTo: null, elements: 0, byName: new Map<string, number>() };
  counts.set(parent, count);
  for (let child = count.upTo === null ? parent.first : count.upTo.next; child !== null; child = child.next) {
    count.upTo = child;
    if (!(child instanceof Element)) continue;
    const ofType = count.byName.get(child.name) ?? 0;
    positions.set(child, { child: count.elements++, ofType });
    count.byName.set(child.name, ofType + 1);
  }
  return count;
}

const formulas = new Map<string, (position: number) => boolean>();

function holds(formula: string | null | undefined, position: number): boolean {
  const text = formula ?? '';
  let check = formulas.get(text);
  if (check === undefined) {
    check = getNthCheck(text);
    formulas.set(text, check);
  }
  return check(position);
}

type Pseudo = (element: Element, formula?: string | null) => boolean;

const byPosition: Record<string, Pseudo> = {
  'first-of-type': (element) => positionOf(element).ofType === 0,
  'last-child': (element) => positionFromEnd(element).child === 0,
  'last-of-type': (element) => positionFromEnd(element).ofType === 0,
  'only-child': (element) => positionOf(element).child === 0 && positionFromEnd(element).child === 0,
  'only-of-type': (element) => positionOf(element).ofType === 0 && positionFromEnd(element).ofType === 0,
  'nth-child': (element, formula) => holds(formula, positionOf(element).child),
  'nth-of-type': (element, formula) => holds(formula, positionOf(element).ofType),
  'nth-last-child': (element, formula) => holds(formula, positionFromEnd(element).child),
  'nth-last-of-type': (element, formula) => holds(formula, positionFromEnd(element).ofType),
};

/** Our pseudo-classes, for css-select: under names of our own, since `:nth-child(2 of S)` stays with css-select. */
export const positionPseudos: Record<string, Pseudo> = Object.fromEntries(
  Object.entries(byPosition).map(([name, pseudo]) => [`-${name}`, pseudo]),
);

/** The selector with our names for what we count ourselves, nested ones included. */
export function renamePositions(token: Selector): Selector {
  if (token.type !== SelectorType.Pseudo) return token;
  if (Array.isArray(token.data)) return { ...token, data: token.data.map((tokens) => tokens.map(renamePositions)) };
  return counted(token) ? { ...token, name: `-${token.name}` } : token;
}

function counted({ name, data }: PseudoSelector): boolean {
  if (!Object.hasOwn(byPosition, name)) return false;
  if (!name.startsWith('nth-')) return data === null;
  if (typeof data !== 'string' || /\sof\s/i.test(data)) return false;
  // Throws here, when the spider is compiled, rather than on its first page.
  getNthCheck(data);
  return true;
}
