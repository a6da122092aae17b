/** The links of a spider: which elements are links, and where each leads. */
import { maxUrlLength } from '../url.js';
import { attributeOf, charge } from './adapter.js';
import { linkOf, textOf } from './fields.js';
import type { Target } from './lanes.js';
import { compileSelector } from './selectors.js';
import type { Settling } from './settling.js';
import { Element } from './tree.js';

/** What a link is made of. */
export interface LinkRule {
  readonly css: string;
  /** Take this attribute. Default: `href`, else `src`; with `url` the text. */
  readonly attr?: string | undefined;
  /** Where it leads: `{value}` is what was taken, percent-encoded, `{value+1}` the number that follows it. */
  readonly url?: string | undefined;
  /** Higher goes first. Default 0. */
  readonly priority?: number | undefined;
}

/** A link of a spider: a selector of an element with `href` or `src`, or around a link; or options. */
export type FollowRule = string | LinkRule;

/** A link as written. */
export interface WrittenLink {
  readonly href: string;
  /** Whose `rel` counts. */
  readonly element: Element;
}

/** Links to be looked for. */
export interface LinkTarget extends Target {
  readonly priority: number | undefined;
  /** Reads what the start tag says; `undefined` where it may be said inside. */
  readTag(element: Element): WrittenLink | undefined;
  /** Reads an element that is complete. */
  read(element: Element): WrittenLink | undefined;
}

/**
 * Compiles links. Selectors that settle together and are read alike are one: an element that two of them match is one
 * link, and links keep their order.
 * @param cased whether case counts in names
 * @throws CrawlcastError `spider.invalid`
 */
export function compileLinks(follow: readonly FollowRule[], cased: boolean): LinkTarget[] {
  const groups = new Map<string, { rule: Omit<LinkRule, 'css'>; settles: Settling; selectors: string[] }>();
  for (const entry of follow) {
    const { css, ...rule } = typeof entry === 'string' ? { css: entry } : entry;
    const { settles } = compileSelector(css);
    const key = JSON.stringify([settles, rule.attr, rule.url, rule.priority]);
    const group = groups.get(key) ?? { rule, settles, selectors: [] };
    group.selectors.push(css);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ rule, selectors }) => {
    const { mayMatch, test, settles } = compileSelector(selectors.join(', '), cased);
    const { read, readTag } = compileReading(rule, cased);
    return { mayMatch, test, certain: settles, settles, priority: rule.priority, read, readTag };
  });
}

function compileReading({ attr, url }: Omit<LinkRule, 'css'>, cased: boolean): Pick<LinkTarget, 'readTag' | 'read'> {
  if (attr === undefined && url === undefined) {
    return { read: readLink, readTag: (element) => (cased ? undefined : linkAt(element, linkOf(element))) };
  }
  const name = cased ? attr : attr?.toLowerCase();
  const take = (element: Element) => (name === undefined ? textOf(element) : attributeOf(element, name));
  const read = (element: Element) => {
    const value = take(element);
    // Its template may have a hundred places for it.
    charge(((value?.length ?? 0) * (url?.length ?? 0)) / 64);
    return linkAt(element, url === undefined || value === undefined ? value : fillTemplate(url, value));
  };
  return { read, readTag: name === undefined ? () => undefined : read };
}

/** Whether the site does not vouch for where a link leads. */
export function isNofollow(element: Element): boolean {
  return /(?:^|\s)(?:nofollow|ugc|sponsored)(?:\s|$)/i.test(attributeOf(element, 'rel') ?? '');
}

function linkAt(element: Element, href: string | undefined): WrittenLink | undefined {
  return href === undefined ? undefined : { href, element };
}

/** Where an element leads: by its `href`, else `src`, else by the first link inside. */
export function readLink(element: Element): WrittenLink | undefined {
  return linkAt(element, linkOf(element)) ?? firstLinkIn(element);
}

function firstLinkIn(element: Element): WrittenLink | undefined {
  for (let child = element.first; child !== null; child = child.next) {
    if (!(child instanceof Element) || child.isHtml('template')) continue;
    const isLink = (child.name === 'a' || child.name === 'area') && attributeOf(child, 'href') !== undefined;
    const found = isLink ? linkAt(child, linkOf(child)) : firstLinkIn(child);
    if (found !== undefined) return found;
  }
  return undefined;
}

const placeholder = /\{value(?:([+-])(\d{1,9}))?\}/g;

/** Whether a link's `url` has a place for the value. */
export function hasPlaceholder(template: string): boolean {
  return template.search(placeholder) >= 0;
}

/** The template with the value in its places; `undefined` where the value is empty, or no whole number but has to be one. */
export function fillTemplate(template: string, written: string): string | undefined {
  // What is longer makes a URL too long, however much of it there is. Half a surrogate pair is no character, and cannot be encoded.
  const value = written
    .trim()
    .slice(0, maxUrlLength + 1)
    .replace(/\p{Surrogate}/gu, '\ufffd');
  const encoded = encodeURIComponent(value);
  const isNumber = /^[-+]?\d{1,15}$/.test(value);
  let fits = value !== '';
  const filled = template.replace(placeholder, (_, sign?: string, step?: string) => {
    if (sign === undefined) return encoded;
    fits &&= isNumber;
    return String(Number(value) + Number(`${sign}${step}`));
  });
  return fits ? filled : undefined;
}
