/** A document while it grows: what selectors and fields ask of it, and no more. */

/** Whatever stands in a document. */
export type ChildNode = Element | Text | Aside;

/** Whatever something stands in: `first` and each one's `next` lead through it in document order. */
export type ParentNode = Document | Element;

/** What something stands in. */
interface Parent {
  first: ChildNode | null;
  last: ChildNode | null;
  lastElement: Element | null;
}

/** The document itself. */
export class Document implements Parent {
  first: ChildNode | null = null;
  last: ChildNode | null = null;
  lastElement: Element | null = null;
  readonly parent = null;
}

/** An element; it is made when its start tag is complete. It shares no base class with the document: the engine would call that constructor for each of the many elements instead of inlining it. */
export class Element implements Parent {
  first: ChildNode | null = null;
  last: ChildNode | null = null;
  lastElement: Element | null = null;
  next: ChildNode | null = null;
  /** The element before it, whatever stands between them. */
  readonly previous: Element | null;

  constructor(
    readonly name: string,
    /** Names and values in turn, as written; of several with one name the first counts. */
    readonly attributes: readonly string[],
    readonly parent: ParentNode,
    /** Of JSON or XML: to it names such as `br` and `template` mean nothing. */
    readonly isData: boolean,
  ) {
    this.previous = parent.lastElement;
  }

  /** Whether it is of HTML, and has this name. */
  isHtml(name: string): boolean {
    return this.name === name && !this.isData;
  }
}

/** What has come so far. */
export function childrenOf(parent: ParentNode): ChildNode[] {
  const nodes: ChildNode[] = [];
  for (let node = parent.first; node !== null; node = node.next) nodes.push(node);
  return nodes;
}

/** Makes a node the last one in another. */
export function append(parent: ParentNode, node: ChildNode): void {
  if (parent.last === null) parent.first = node;
  else parent.last.next = node;
  parent.last = node;
  if (node instanceof Element) parent.lastElement = node;
}

/** Appends text: see `TreeBuilder.text`. */
export function appendText(parent: ParentNode, source: string, goesOn: boolean, readEntities?: ReadEntities): void {
  if (goesOn && parent.last instanceof Text) parent.last.append(source);
  else append(parent, new Text(source, readEntities));
}

/** Reads the entities of a text. */
export type ReadEntities = (text: string) => string;

/** A piece of text. Its entities are read when somebody reads it: most of a page is read by nobody. */
export class Text {
  next: ChildNode | null = null;
  #data: string | undefined;

  constructor(
    private source: string,
    /** Absent: it is plain. */
    private readonly readEntities?: ReadEntities,
  ) {}

  get data(): string {
    const { source, readEntities } = this;
    this.#data ??= readEntities === undefined || !source.includes('&') ? source : readEntities(source);
    return this.#data;
  }

  /** Text goes on, of the same kind. */
  append(source: string): void {
    this.source += source;
    this.#data = undefined;
  }
}

/** A comment or an instruction: no part of the page, but of its markup. */
export class Aside {
  next: ChildNode | null = null;
  /** @param markup what stands between its angle brackets */
  constructor(readonly markup: string) {}
}
