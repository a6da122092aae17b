/** JSON as a document: a tree of elements, so that the selectors and fields of a spider work in it. */
import { CrawlcastError } from '../errors.js';
import { parseJson } from './json.js';
import type { TreeBuilder, TreeParser } from './markup.js';

/** The name of the root: nobody's key, `:root` in selectors. */
const rootName = ':root';

/** A parser that builds the whole tree at the end of the text, as JSON cannot be read in pieces. */
export function createJsonParser(builder: TreeBuilder): TreeParser {
  let text = '';
  return {
    write(piece) {
      text += piece;
    },
    end: () => buildTree(read(text), builder),
  };
}

/**
 * Builds the tree of a JSON value. The members of an object are elements with the names of their keys, a list being that
 * many elements of its name; the entries of a list that has no name, at the top or in another list, are called `item`.
 * Text, numbers and truth values are text; `null` is an empty element. The root of a list has the attribute `list`.
 */
export function buildTree(value: unknown, builder: TreeBuilder): void {
  builder.open(rootName, Array.isArray(value) ? ['list', ''] : []);
  buildInside(value, builder);
  builder.close();
  builder.end();
}

// The builder bounds the depth.
function buildInside(value: unknown, builder: TreeBuilder): void {
  if (Array.isArray(value)) buildAll('item', value, builder);
  else if (typeof value !== 'object') builder.text(String(value), false);
  else for (const [name, member] of Object.entries(value ?? {})) buildAll(name, listOf(member), builder);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function buildAll(name: string, values: readonly unknown[], builder: TreeBuilder): void {
  for (const value of values) {
    builder.open(name, []);
    buildInside(value, builder);
    builder.close();
  }
}

function read(text: string): unknown {
  // An answer of no bytes is a document without anything in it, as in HTML.
  if (text.trim() === '') return {};
  try {
    return parseJson(text);
  } catch (cause) {
    throw new CrawlcastError('body.not_html', 'The document says that it is JSON, but cannot be read as such', {
      cause,
    });
  }
}
