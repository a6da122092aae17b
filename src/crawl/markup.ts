/** From the text of HTML or XML to elements that open and close. */
import { HtmlParser } from './html.js';
import type { ReadEntities } from './tree.js';
import { XmlParser } from './xml.js';

/** What a document is built with. */
export interface TreeBuilder {
  /** @param attributes names and values in turn */
  open(name: string, attributes: readonly string[]): void;
  /**
   * Text comes in any number of pieces, cut anywhere.
   * @param goesOn whether it goes on with the piece before: nothing lay between them
   * @param readEntities absent: there are none
   */
  text(source: string, goesOn: boolean, readEntities?: ReadEntities): void;
  /** A comment or an instruction: what stands between its angle brackets. */
  aside(markup: string): void;
  /** Closes what was opened last. */
  close(): void;
  /** Everything has been closed, and nothing more comes. */
  end(): void;
}

/** Reads text in pieces of any size. */
export interface TreeParser {
  write(text: string): void;
  end(): void;
}

/**
 * Starts to read a document.
 *
 * What it builds from HTML is what htmlparser2's own parser does. But it makes nothing that nobody asks for, no positions and
 * no objects of attributes, and so it takes half the time.
 */
export function createMarkupParser(builder: TreeBuilder, isHtml: boolean): TreeParser {
  return isHtml ? new HtmlParser(builder) : new XmlParser(builder);
}
