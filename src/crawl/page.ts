/** A document while it grows, and what has been found in it. */
import { CrawlcastError } from '../errors.js';
import { printableUrl, resolveLink } from '../url.js';
import { attributeOf, charge, textInside } from './adapter.js';
import { type Refresh, readRefresh, saysNofollow } from './directives.js';
import { findJson } from './embedded-json.js';
import type { Embedding, ItemTarget, PageItem, Targets } from './extraction.js';
import type { ExtractorOptions } from './extractor.js';
import { textOf } from './fields.js';
import { buildTree } from './json-tree.js';
import { createLanes, type Lane, type Lanes } from './lanes.js';
import { isNofollow, type LinkTarget, type WrittenLink } from './links.js';
import type { TreeBuilder } from './markup.js';
import { isPlace, isSitemap } from './sitemaps.js';
import { Aside, append, appendText, Document, Element, type ParentNode, type ReadEntities } from './tree.js';

/** What has been counted of a page so far. */
interface Tally {
  elements: number;
}

/** Levels of elements. */
const maxDepth = 512;
const maxElements = 500_000;

/** What takes as long as so many steps. */
const stepsOf = { element: 10, item: 50, link: 20 } as const;

/** A page that sends its reader on after this time, or sooner, leads there. */
const maxRefreshSeconds = 5;

/** Built by a parser; tells what it finds as soon as that is certain. */
export class Page implements TreeBuilder {
  readonly root = new Document();
  /** Whether a `<meta name=robots>` says so. */
  nofollow = false;
  private current: ParentNode = this.root;
  private depth = 0;
  private readonly lanes: Lanes;
  /** What an element is charged with: each lane looks at it. */
  private readonly elementSteps: number;
  private inert = 0;
  private isSitemap = false;
  private base: string;
  private hasBase = false;
  private refresh: Refresh | undefined;

  constructor(
    private readonly targets: Targets,
    private readonly page: ExtractorOptions,
    /** Whether names mean what they mean in HTML. */
    private readonly isHtml: boolean,
    /** Shared with the data inside. */
    private readonly tally: Tally = { elements: 0 },
  ) {
    this.base = page.url;
    const items = targets.items.map((target) => this.itemLane(target));
    const links = targets.links.map((target) => this.linkLane(target));
    const embeddings = targets.embeddings.map((target) => this.embeddingLane(target));
    const lanes = [...items, ...links, ...embeddings];
    this.elementSteps = stepsOf.element + lanes.length;
    this.lanes = createLanes(lanes, this.root);
  }

  open(name: string, attributes: readonly string[]): void {
    charge(this.elementSteps);
    if (++this.tally.elements > maxElements) {
      throw new CrawlcastError('document.too_many_elements', `The document has more than ${maxElements} elements`);
    }
    if (++this.depth > maxDepth) {
      throw new CrawlcastError('document.too_deep', `Elements are nested more than ${maxDepth} levels deep`);
    }
    const { current } = this;
    const element = new Element(name, attributes, current, !this.isHtml);
    append(current, element);
    this.current = element;
    if (current === this.root && this.page.sitemap === true) this.isSitemap = isSitemap(element);
    if (this.inert === 0) this.begin(element);
    if (element.isHtml('template')) this.inert++;
  }

  text(source: string, goesOn: boolean, readEntities?: ReadEntities): void {
    appendText(this.current, source, goesOn, readEntities);
  }

  aside(markup: string): void {
    append(this.current, new Aside(markup));
  }

  close(): void {
    const closing = this.current;
    if (!(closing instanceof Element)) return;
    this.current = closing.parent;
    this.depth--;
    if (closing.isHtml('template')) this.inert--;
    this.lanes.close(closing);
    if (this.isSitemap && isPlace(closing)) this.handOverPlace(closing);
  }

  end(): void {
    this.lanes.close(this.root);
    for (const item of this.targets.pageItems) this.readItem(item, this.root)();
    this.handOverRefresh();
  }

  private begin(element: Element): void {
    if (element.isHtml('base')) this.readBase(element);
    if (element.isHtml('meta')) this.readMeta(element);
    this.lanes.open(element);
  }

  private itemLane(target: ItemTarget): Lane {
    return { target, read: (element) => this.readItem(target, element) };
  }

  private linkLane(target: LinkTarget): Lane {
    const { priority } = target;
    return {
      target,
      read: (element) => this.handOverLink(target.read(element), priority) ?? (() => {}),
      readEarly: (element) => this.handOverLink(target.readTag(element), priority),
    };
  }

  private embeddingLane(target: Embedding): Lane {
    let found = false;
    const handOver = (element: Element) => {
      const json = found ? undefined : findJson(textInside(element), target.after);
      if (json === undefined) return;
      found = true;
      buildTree(json.value, new Page(target.targets, { ...this.page, url: this.base }, false, this.tally));
    };
    return { target, read: (element) => () => handOver(element) };
  }

  private readItem({ type, fields, blank }: PageItem, node: ParentNode): () => void {
    charge(stepsOf.item + fields.length);
    const data = { ...blank };
    for (const { name, read } of fields) data[name] = read(node, this.resolve);
    const json = JSON.stringify(data);
    // There is more in it than its page holds where fields have defaults, or take the same text.
    charge(json.length >> 4);
    return () => this.page.onItem({ type, data, json });
  }

  private handOverLink(link: WrittenLink | undefined, priority: number | undefined): (() => void) | undefined {
    if (link === undefined) return undefined;
    const url = this.resolve(link.href) ?? link.href;
    const nofollow = this.nofollow || isNofollow(link.element);
    return () => this.page.onLink({ url, nofollow, ...(priority !== undefined && { priority }) });
  }

  /** A page that sends its reader on at once is a redirect by other means; one that waits is there to be read. */
  private handOverRefresh(): void {
    if (this.refresh?.url === undefined || this.refresh.delaySeconds > maxRefreshSeconds) return;
    const url = this.resolve(this.refresh.url);
    if (url === null || url === this.page.url) return;
    this.page.onLink({ url, nofollow: this.nofollow, refresh: true });
  }

  /** A page that a sitemap names. */
  private handOverPlace(element: Element): void {
    const written = textOf(element).trim();
    this.page.onLink({ url: this.resolve(written) ?? written, nofollow: false, listed: true });
  }

  /** Resolves a link of the document, by the base that counts at the moment; without user and password, as it may be told. */
  readonly resolve = (href: string): string | null => {
    // A long base is in every link.
    charge(stepsOf.link + ((href.length + this.base.length) >> 2));
    const url = resolveLink(href, this.base, this.page.charset?.());
    return url === undefined ? null : printableUrl(url.href);
  };

  private readBase(element: Element): void {
    const href = attributeOf(element, 'href');
    if (this.hasBase || href === undefined) return;
    this.hasBase = true;
    const base = resolveLink(href, this.page.url);
    if (base !== undefined && !/^(?:data|javascript):$/.test(base.protocol)) this.base = base.href;
  }

  private readMeta(element: Element): void {
    const content = attributeOf(element, 'content');
    if (content === undefined) return;
    const name = attributeOf(element, 'name')?.trim().toLowerCase();
    const { agent = '' } = this.page;
    if (name === 'robots' || (name === agent && agent !== '')) this.nofollow ||= saysNofollow([content], agent);
    if (attributeOf(element, 'http-equiv')?.trim().toLowerCase() !== 'refresh') return;
    // We run no scripts, but are no reader without them either: sites send those to pages of their own.
    if (!isInside(element, 'noscript')) this.refresh ??= readRefresh(content);
  }
}

function isInside(element: Element, name: string): boolean {
  let { parent } = element;
  while (parent instanceof Element && parent.name !== name) parent = parent.parent;
  return parent instanceof Element;
}
