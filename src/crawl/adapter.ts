/** How css-select walks our documents, with an eye on how much it walks. */
import { type AnyNode, type Element, hasChildren, isTag, isText, type ParentNode } from 'domhandler';
import * as DomUtils from 'domutils';
import { CrawlcastError } from '../errors.js';

/** What the selectors and fields of one document may still cost: one for each node they look at, and for 64 characters. */
export interface WorkBudget {
  left: number;
}

let budget: WorkBudget = { left: Number.POSITIVE_INFINITY };

/** From now on the walking is charged to this budget: one thread works on many documents, but on one at a time. */
export function chargeTo(next: WorkBudget): void {
  budget = next;
}

/**
 * Charges for nodes that are looked at. A document is walked over and over where items are nested or selectors look
 * through long lists of siblings: bounded here.
 * @throws CrawlcastError `document.too_many_elements`
 */
export function charge<T>(nodes: T[]): T[] {
  spend(nodes.length);
  return nodes;
}

function spend(steps: number): void {
  budget.left -= steps;
  if (budget.left >= 0) return;
  throw new CrawlcastError('document.too_many_elements', 'The selectors cost too much on a document of this size');
}

/** Marks the elements of documents that are data (JSON, XML): to them names such as `br` and `template` mean nothing. */
export const dataNamespace = 'data';

/** Whether an element is of HTML, and has this name. */
export function isHtml(element: Element, name: string): boolean {
  return element.name === name && element.namespace !== dataNamespace;
}

/**
 * The text in a node: line breaks kept.
 * @param silent names of elements whose text is left out
 * @throws CrawlcastError `document.too_many_elements`, as `charge`
 */
export function textIn(node: AnyNode, silent?: ReadonlySet<string>): string {
  if (isText(node)) {
    spend(node.data.length >> 6);
    return node.data;
  }
  if (isTag(node) && isHtml(node, 'br')) return '\n';
  if (!hasChildren(node) || (isTag(node) && silent?.has(node.name) && node.namespace !== dataNamespace)) return '';
  return textInside(node, silent);
}

/** The text of all that is inside a node, as {@link textIn} reads it. */
export function textInside(node: ParentNode, silent?: ReadonlySet<string>): string {
  let text = '';
  for (const child of charge(node.children)) text += textIn(child, silent);
  return text;
}

/** The adapter for css-select. */
export const adapter = {
  ...DomUtils,
  isTag,
  getText: (node: AnyNode) => textIn(node),
  getChildren: (node: AnyNode) => charge(DomUtils.getChildren(node)),
  getSiblings: (node: AnyNode) => charge(DomUtils.getSiblings(node)),
};
