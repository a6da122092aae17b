/** A document while it grows: what selectors and fields ask of it, and no more. */

/** Whatever stands in a document. */
export type ChildNode = Element | Text | Aside;

/** Whatever something stands in: `first` and each one's `next` lead through it in document order. */
export type ParentNode = Document | Element;

abstract class Parent {
  first: ChildNode | null = null;
  last: ChildNode | null = null;
  lastElement: Element | null = null;

  /** What has come so far. */
  childNodes(): ChildNode[] {
    const nodes: ChildNode[] = [];
    for (let node = this.first; node !== null; node = node.next) nodes.push(node);
    return nodes;
  }

  append(node: ChildNode): void {
    if (this.last === null) this.first = node;
    else this.last.next = node;
    this.last = node;
    if (node instanceof Element) this.lastElement = node;
  }

  /** Appends text: see `TreeBuilder.text`. */
  appendText(source: string, goesOn: boolean, readEntities?: ReadEntities): void {
    if (goesOn && this.last instanceof Text) this.last.append(source);
    else this.append(new Text(source, readEntities));
  }
}

/** The document itself. */
export class Document extends Parent {
  readonly parent = null;
}

/** An element; it is made when its start tag is complete. */
export class Element extends Parent {
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
    super();
    this.previous = parent.lastElement;
  }

  /** Whether it is of HTML, and has this name. */
  isHtml(name: string): boolean {
    return this.name === name && !this.isData;
  }
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
