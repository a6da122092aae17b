/** How css-select walks our documents, with an eye on how much it walks. */
import { CrawlcastError } from '../errors.js';
import { type ChildNode, childrenOf, Document, Element, type ParentNode, Text } from './tree.js';

/** What one document may still cost, in steps: one for each node that is looked at, and as many for the rest as it takes time. */
export interface WorkBudget {
  left: number;
}

let budget: WorkBudget = { left: Number.POSITIVE_INFINITY };

/** From now on work is charged to this budget: one thread works on many documents, but on one at a time. */
export function chargeTo(next: WorkBudget): void {
  budget = next;
}

/**
 * Charges for work. A document is walked over and over where items are nested or selectors look through long lists of
 * siblings or of ancestors, and more is made of it than it holds where fields take the same text: bounded here.
 * @throws CrawlcastError `document.too_costly`
 */
export function charge(steps: number): void {
  budget.left -= steps;
  if (budget.left >= 0) return;
  throw new CrawlcastError(
    'document.too_costly',
    'The spider asks too much of this document: narrow its selectors, use fewer that look inside, along siblings or up through ancestors, or fewer fields that take the same text',
  );
}

/**
 * The text of all that is inside a node: line breaks kept.
 * @param silent names of elements whose text is left out
 * @throws CrawlcastError `document.too_costly`, as `charge`
 */
export function textInside(node: ParentNode, silent?: ReadonlySet<string>): string {
  let text = '';
  for (let child = node.first; child !== null; child = child.next) text += textIn(child, silent);
  return text;
}

function textIn(node: ChildNode, silent?: ReadonlySet<string>): string {
  if (node instanceof Text) {
    charge(1 + (node.data.length >> 6));
    return node.data;
  }
  charge(1);
  if (!(node instanceof Element)) return '';
  if (node.isHtml('br')) return '\n';
  return silent?.has(node.name) && !node.isData ? '' : textInside(node, silent);
}

/** An attribute as written in the document, by its name (in HTML: in lower case). */
export function attributeOf({ attributes }: Element, name: string): string | undefined {
  // A tag may have any number of them, and be looked at for every element inside.
  if (attributes.length > 64) charge(attributes.length >> 6);
  for (let at = 0; at < attributes.length; at += 2) {
    if (attributes[at] !== name) continue;
    const value = attributes[at + 1] ?? '';
    // A selector looks through all of it, for every element inside.
    charge(value.length >> 6);
    return value;
  }
  return undefined;
}

type AnyNode = ParentNode | ChildNode;

function isTag(node: AnyNode): node is Element {
  return node instanceof Element;
}

function isParent(node: AnyNode): node is ParentNode {
  return node instanceof Element || node instanceof Document;
}

function chargedChildrenOf(node: ParentNode): ChildNode[] {
  const nodes = childrenOf(node);
  charge(nodes.length);
  return nodes;
}

function chargedParentOf({ parent }: Element): ParentNode {
  // `a b c` goes through the ancestors of each ancestor.
  charge(1);
  return parent;
}

/** The adapter for css-select. */
export const adapter = {
  isTag,
  getName: ({ name }: Element) => name,
  getAttributeValue: attributeOf,
  hasAttrib: (element: Element, name: string) => attributeOf(element, name) !== undefined,
  getChildren: (node: AnyNode): AnyNode[] => (isParent(node) ? chargedChildrenOf(node) : []),
  getParent: chargedParentOf,
  getSiblings: (node: AnyNode): AnyNode[] => (isTag(node) ? chargedChildrenOf(node.parent) : [node]),
  prevElementSibling: (node: AnyNode) => (isTag(node) ? node.previous : null),
  getText: (node: AnyNode) => (node instanceof Document ? textInside(node) : textIn(node)),
  removeSubsets: (nodes: AnyNode[]) => nodes,
};
