/** What the bare loops extract, with nothing but the libraries. */
import { compile as compileQuery, selectAll, selectOne } from 'css-select';
import type { AnyNode, Element } from 'domhandler';
import { textContent } from 'domutils';
import { curlyQuotes, selectors } from '../crawl/spider.js';

const compile = (css: string) => compileQuery<AnyNode, Element>(css);
const each = compile(selectors.each);
const quote = compile(selectors.quote);
const author = compile(selectors.author);
const tags = compile(selectors.tags);
const follow = compile(selectors.follow);

/** Whether an element is an item. */
export function isItem(element: Element): boolean {
  return each(element);
}

/** The item that an element is. */
export function itemOf(element: Element) {
  return {
    quote: textOf(selectOne<AnyNode, Element>(quote, element)).replace(curlyQuotes, ''),
    author: textOf(selectOne<AnyNode, Element>(author, element)),
    tags: selectAll<AnyNode, Element>(tags, element).map(textOf),
  };
}

/** All items of a page that has come whole. */
export function itemsIn(page: AnyNode) {
  return selectAll<AnyNode, Element>(each, page).map(itemOf);
}

/** Where its links lead, as written. */
export function linksIn(page: AnyNode): string[] {
  return selectAll<AnyNode, Element>(follow, page).map(({ attribs }) => attribs.href ?? '');
}

function textOf(element: Element | null): string {
  return element === null ? '' : textContent(element).trim();
}
