/** Elements to be looked for in a growing document. */
import type { Settling } from './settling.js';
import type { Element } from './tree.js';

/** Elements to be looked for, and when it is certain that one is found and complete. */
export interface Target {
  /** Whether an element whose start tag has come may be one. */
  mayMatch(element: Element): boolean;
  test(element: Element): boolean;
  /** When it is certain that an element is one. */
  readonly certain: Settling;
  /** When it is certain, and everything that is read from it is there too. */
  readonly settles: Settling;
}
