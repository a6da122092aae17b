/** What makes an item the same when its page is read again. */
import { fingerprint } from '../url.js';

/** Tells the identity of one item after the other: its content, and which of several equal ones of the page it is. */
export type Identify = (type: string, json: string) => string;

/** Begins to count the items of one page. */
export function createIdentify(): Identify {
  const equals = new Map<string, number>();
  return (type, json) => {
    const identity = fingerprint(`${type} ${json}`);
    const before = equals.get(identity) ?? 0;
    equals.set(identity, before + 1);
    return before === 0 ? identity : `${identity}.${before}`;
  };
}
