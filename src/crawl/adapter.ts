/** How css-select walks our documents, with an eye on how much it walks. */
import { type AnyNode, type Element, isTag } from 'domhandler';
import * as DomUtils from 'domutils';
import { CrawlcastError } from '../errors.js';

/** How many more nodes the selectors of one document may look at in lists of children and siblings. */
export interface WorkBudget {
  left: number;
}

let budget: WorkBudget = { left: Number.POSITIVE_INFINITY };

/** From now on the walking is charged to this budget: one thread works on many documents, but on one at a time. */
export function chargeTo(next: WorkBudget): void {
  budget = next;
}

/** css-select looks through whole lists of siblings again for each of them (`a ~ b`): bounded here. */
function charge<T>(nodes: T[]): T[] {
  budget.left -= nodes.length;
  if (budget.left >= 0) return nodes;
  throw new CrawlcastError('document.too_many_elements', 'The selectors cost too much on a document of this size');
}

/** The adapter for css-select. */
export const adapter = {
  ...DomUtils,
  isTag,
  getChildren: (node: AnyNode) => charge(DomUtils.getChildren(node)),
  getSiblings: (node: AnyNode) => charge(DomUtils.getSiblings(node)),
  prevElementSibling: (node: AnyNode): Element | null => DomUtils.prevElementSibling(node),
};
