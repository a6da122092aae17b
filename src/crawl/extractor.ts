/** From the text of a page, while it comes, to its items and links. */
import { type Document, DomHandler, type Element, isTag, type ParentNode } from 'domhandler';
import { Parser } from 'htmlparser2';
import { CrawlcastError } from '../errors.js';
import { fingerprint, resolveLink } from '../url.js';
import { chargeTo, type WorkBudget } from './adapter.js';
import { type Refresh, type RobotsDirectives, readRefresh, readRobotsDirectives } from './directives.js';
import type { Extraction, ItemTarget, PageItem } from './extraction.js';
import { attributeOf } from './fields.js';
import { createLanes, type Lane, type Lanes } from './lanes.js';
import type { ExtractedLink } from './messages.js';

/** One item as extracted. */
export interface FoundItem {
  readonly type: string;
  /** Its fields in the spider's order. */
  readonly data: Readonly<Record<string, unknown>>;
  /** `data` as JSON. */
  readonly json: string;
  /** Content, and which of several equal ones of the page: the same when the page is extracted again. */
  readonly identity: string;
}

/** How one page is extracted. */
export interface ExtractorOptions {
  /** The page's own URL: where links start from, unless a `<base>` says otherwise. */
  readonly url: string;
  /** The charset of the document as far as known, in which the queries of its links are written. Default UTF-8. */
  readonly charset?: () => string;
  /** Our name, for `<meta name=NAME>` beside `<meta name=robots>`. */
  readonly agent?: string;
  /** Levels of elements. Default 512. */
  readonly maxDepth?: number;
  /** Default 500,000. */
  readonly maxElements?: number;
  /** Called for each item as soon as it is certain, those of a type in document order. */
  onItem(item: FoundItem): void;
  /** Called for each link as soon as it is certain. A URL that is none is given as it is written. */
  onLink(link: ExtractedLink): void;
}

/** What a whole page came to. */
export interface PageSummary {
  readonly items: number;
  readonly links: number;
  /** What the page says of itself. */
  readonly robots: RobotsDirectives;
  /** Where a `<meta http-equiv=refresh>` outside of `<noscript>` leads, and after how many seconds. */
  readonly refresh?: { readonly delaySeconds: number; readonly url: string };
}

/** Extracts one page. */
export interface Extractor {
  /**
   * Takes text in pieces of any size.
   * @throws CrawlcastError `document.too_deep`, `document.too_many_elements`: at once; the extractor is then over
   */
  write(text: string): void;
  /**
   * Closes what is open, and hands over what waited for the end.
   * @throws CrawlcastError as `write`
   */
  end(): PageSummary;
  /** The page broke off: what is not certain is dropped. */
  abort(): void;
}

/** About a second's work; what costs more walks the same elements over and over. */
const selectorSteps = 20_000_000;

/**
 * Starts to extract one page.
 *
 * Comments, and what is inside `<template>`, are not part of the page; what is inside `<noscript>` is. Links are what
 * the spider's `follow` matches, `<link rel=next>` too where it says so. A `<base>` counts from where it stands.
 */
export function createExtractor(extraction: Extraction, options: ExtractorOptions): Extractor {
  const budget: WorkBudget = { left: selectorSteps };
  const page = new Page(extraction, options);
  const parser = new Parser(page);
  let over = false;

  const run = (work: () => void): void => {
    if (over) return;
    chargeTo(budget);
    try {
      work();
    } catch (error) {
      over = true;
      throw error;
    }
  };

  return {
    write: (text) => run(() => parser.write(text)),
    end() {
      run(() => parser.end());
      over = true;
      return page.summary();
    },
    abort() {
      over = true;
    },
  };
}

/** The document while it grows, and what has been found in it. */
class Page extends DomHandler {
  private readonly maxDepth: number;
  private readonly maxElements: number;
  private readonly lanes: Lanes;
  private readonly equals = new Map<string, number>();
  private elements = 0;
  private inert = 0;
  private items = 0;
  private links = 0;
  private base: string;
  private hasBase = false;
  private robots: RobotsDirectives = { nofollow: false, noindex: false };
  private refresh: Refresh | undefined;

  constructor(
    private readonly extraction: Extraction,
    private readonly page: ExtractorOptions,
  ) {
    super();
    this.maxDepth = page.maxDepth ?? 512;
    this.maxElements = page.maxElements ?? 500_000;
    this.base = page.url;
    const items = extraction.items.map((target) => this.itemLane(target));
    const links = extraction.links.map(
      (target): Lane => ({ target, read: this.readLink, readEarly: this.readOwnLink }),
    );
    this.lanes = createLanes([...items, ...links], this.root);
  }

  override onopentag(name: string, attribs: Record<string, string>): void {
    super.onopentag(name, attribs);
    if (++this.elements > this.maxElements) {
      throw new CrawlcastError('document.too_many_elements', `The document has more than ${this.maxElements} elements`);
    }
    // The document itself is at the bottom of the stack.
    if (this.tagStack.length - 1 > this.maxDepth) {
      throw new CrawlcastError('document.too_deep', `Elements are nested more than ${this.maxDepth} levels deep`);
    }
    const element = this.tagStack.at(-1);
    if (this.inert === 0 && element !== undefined && isTag(element)) this.open(element);
    if (name === 'template') this.inert++;
  }

  override onclosetag(): void {
    const closing = this.tagStack.at(-1);
    super.onclosetag();
    if (closing === undefined) return;
    if (isTag(closing) && closing.name === 'template') this.inert--;
    this.lanes.close(closing);
  }

  override onend(): void {
    super.onend();
    this.lanes.close(this.root);
    for (const item of this.extraction.pageItems) this.readItem(item, this.root)();
  }

  summary(): PageSummary {
    const { items, links, robots, refresh } = this;
    if (refresh === undefined) return { items, links, robots };
    const url = refresh.url === undefined ? this.page.url : this.resolve(refresh.url);
    return { items, links, robots, ...(url !== null && { refresh: { delaySeconds: refresh.delaySeconds, url } }) };
  }

  private open(element: Element): void {
    if (element.name === 'base') this.readBase(element);
    if (element.name === 'meta') this.readMeta(element);
    this.lanes.open(element);
  }

  private itemLane(target: ItemTarget): Lane {
    return { target, read: (element) => this.readItem(target, element) };
  }

  private readItem({ type, fields }: PageItem, node: ParentNode): () => void {
    const data = Object.fromEntries(fields.map((field) => [field.name, field.read(node, this.resolve)]));
    const json = JSON.stringify(data);
    return () => {
      this.items++;
      this.page.onItem({ type, data, json, identity: this.identify(`${type} ${json}`) });
    };
  }

  private identify(content: string): string {
    const identity = fingerprint(content);
    const before = this.equals.get(identity) ?? 0;
    this.equals.set(identity, before + 1);
    return before === 0 ? identity : `${identity}.${before}`;
  }

  private readonly readLink = (element: Element): (() => void) => {
    const link = linkOf(element) === undefined ? firstLinkIn(element) : element;
    return (link && this.readOwnLink(link)) ?? (() => {});
  };

  private readonly readOwnLink = (element: Element): (() => void) | undefined => {
    const href = linkOf(element);
    if (href === undefined) return undefined;
    const url = this.resolve(href) ?? href;
    const nofollow = this.robots.nofollow || /(?:^|\s)(?:nofollow|ugc|sponsored)(?:\s|$)/i.test(relOf(element));
    return () => {
      this.links++;
      this.page.onLink({ url, nofollow });
    };
  };

  private readonly resolve = (href: string): string | null => {
    return resolveLink(href, this.base, this.page.charset?.())?.href ?? null;
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
    if (name !== undefined && (name === 'robots' || name === this.page.agent?.toLowerCase())) {
      const { nofollow, noindex } = readRobotsDirectives(content);
      this.robots = { nofollow: this.robots.nofollow || nofollow, noindex: this.robots.noindex || noindex };
    }
    if (attributeOf(element, 'http-equiv')?.trim().toLowerCase() !== 'refresh') return;
    // We run no scripts, but are no reader without them either: sites send those to pages of their own.
    if (!isInside(element, 'noscript')) this.refresh ??= readRefresh(content);
  }
}

function linkOf(element: Element): string | undefined {
  return attributeOf(element, 'href') ?? attributeOf(element, 'src');
}

function relOf(element: Element): string {
  return attributeOf(element, 'rel') ?? '';
}

function firstLinkIn(element: Element): Element | undefined {
  for (const child of element.children) {
    if (!isTag(child) || child.name === 'template') continue;
    const isLink = (child.name === 'a' || child.name === 'area') && attributeOf(child, 'href') !== undefined;
    const found = isLink ? child : firstLinkIn(child);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isInside(element: Element, name: string): boolean {
  let parent: Element | Document | ParentNode | null = element.parent;
  while (parent !== null && isTag(parent)) {
    if (parent.name === name) return true;
    parent = parent.parent;
  }
  return false;
}
