/** Trees for tests: what a parser says, and nothing else. */
import { createMarkupParser, type TreeBuilder } from '#src/crawl/markup.js';
import { Aside, Document, Element, type ParentNode } from '#src/crawl/tree.js';

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
      current.append(element);
      current = element;
    },
    text: (source, goesOn, readEntities) => current.appendText(source, goesOn, readEntities),
    aside: (markup) => current.append(new Aside(markup)),
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
    parent.childNodes().flatMap((node) => (node instanceof Element ? [node, ...inside(node)] : []));
  return inside(tree.root);
}
