/** The markup inside an element, for fields that want it. */
import * as Dom from 'domhandler';
import { getInnerHTML } from 'domutils';
import { charge } from './adapter.js';
import { type ChildNode, Element, Text } from './tree.js';

/** Writes it. */
export function innerMarkup(element: Element): string {
  return getInnerHTML(copyOf(element), { encodeEntities: 'utf8', xmlMode: element.isData });
}

/** The same as nodes that the library can write. */
function copyOf({ name, attributes, first }: Element): Dom.Element {
  charge(10 + attributes.length);
  const attribs: Record<string, string> = {};
  for (let at = 0; at < attributes.length; at += 2) {
    const attribute = attributes[at] ?? '';
    if (!Object.hasOwn(attribs, attribute)) attribs[attribute] = attributes[at + 1] ?? '';
  }
  const children: Dom.ChildNode[] = [];
  for (let node = first; node !== null; node = node.next) children.push(copyOfChild(node));
  const copy = new Dom.Element(name, attribs, children);
  for (const child of children) child.parent = copy;
  return copy;
}

function copyOfChild(node: ChildNode): Dom.ChildNode {
  if (node instanceof Element) return copyOf(node);
  charge(2 + ((node instanceof Text ? node.data : node.markup).length >> 2));
  return node instanceof Text ? new Dom.Text(node.data) : new Dom.ProcessingInstruction('', node.markup);
}
