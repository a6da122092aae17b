/** Trees for tests: what a parser says, and nothing else. */
import { createMarkupParser, type TreeBuilder } from '#src/crawl/markup.js';
import { Aside, append, appendText, childrenOf, Document, Element, type ParentNode } from '#src/crawl/tree.js';

/** A builder that keeps what it is told. */
export function growTree(): TreeBuilder & { readonly root: Document; readonly isOver: boolean } {
  const root = new Document();
  let current: ParentNode = root;
  let isOver = false;
  return {
    root,
    get isOver() {
      return isOver && current === root;
    },
    open(name, attributes) {
      const element = new Element(name, attributes, current, false);
      append(current, element);
      current = element;
    },
    text: (source, goesOn, readEntities) => appendText(current, source, goesOn, readEntities),
    aside: (markup) => append(current, new Aside(markup)),
    close() {
      current = current.parent ?? root;
    },
    end() {
      isOver = true;
    },
  };
}

/** The elements of an HTML document, in document order. */
export function elementsOf(html: string): Element[] {
  const tree = growTree();
  const parser = createMarkupParser(tree, true);
  parser.write(html);
  parser.end();
  const inside = (parent: ParentNode): Element[] =>
    childrenOf(parent).flatMap((node) => (node instanceof Element ? [node, ...inside(node)] : []));
  return inside(tree.root);
}
