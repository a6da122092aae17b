/** From the tokens of HTML or XML to elements that open and close: the text is cut by htmlparser2's tokenizer. */
import { decodeHTML, decodeHTMLAttribute, decodeXML } from 'entities';
import { Tokenizer, type TokenizerCallbacks } from 'htmlparser2';
import {
  attributeName,
  type Content,
  contentOf,
  type ElementRule,
  foreignRuleOf,
  ruleOf,
  svgName,
} from './elements.js';
import type { ReadEntities } from './tree.js';

/** What a document is built with. */
export interface TreeBuilder {
  /** @param attributes names and values in turn */
  open(name: string, attributes: readonly string[]): void;
  /**
   * Text comes in any number of pieces, cut anywhere.
   * @param readEntities absent: there are none
   */
  text(source: string, readEntities?: ReadEntities): void;
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

const nothing: readonly string[] = [];

/** Of one tag; what comes behind them is passed over. */
const maxAttributes = 10_000;

/** XML: every element is ended by its end tag, and case counts. */
class XmlParser implements TreeParser, TokenizerCallbacks {
  /** The names of what is open. */
  protected readonly open: string[] = [];
  /** Of the tag that is being read; empty where it is passed over. */
  protected tag = '';
  readonly #tokenizer: Tokenizer;
  #name = '';
  #value = '';
  /** Names and values of the tag that is being read, in turn; the list is used again for the next. */
  readonly #pairs: string[] = [];
  #paired = 0;
  #chunk = '';
  /** Where the chunk begins in the document. */
  #start = 0;
  /** Earlier chunks of which something may still be wanted, and where they begin. */
  #held = '';
  #heldStart = 0;

  constructor(
    protected readonly builder: TreeBuilder,
    xmlMode = true,
  ) {
    this.#tokenizer = new Tokenizer({ xmlMode, decodeEntities: false }, this);
  }

  write(text: string): void {
    if (this.#held === '') this.#heldStart = this.#start;
    this.#held += this.#chunk;
    this.#start += this.#chunk.length;
    this.#chunk = text;
    this.#tokenizer.write(text);
  }

  end(): void {
    this.#tokenizer.end();
  }

  ontext(start: number, end: number): void {
    // What is left of an end tag that broke off begins nowhere.
    if (start >= 0) this.addText(this.slice(start, end));
  }

  onopentagname(start: number, end: number): void {
    const name = this.slice(start, end);
    this.beginTag(name);
    this.open.push(name);
  }

  onattribname(start: number, end: number): void {
    this.beginAttribute(this.slice(start, end));
  }

  onattribdata(start: number, end: number): void {
    this.#value += this.slice(start, end);
  }

  onattribend(): void {
    if (this.#paired >= 2 * maxAttributes) return;
    this.#pairs[this.#paired++] = this.#name;
    this.#pairs[this.#paired++] = this.#value.includes('&') ? this.readAttribute(this.#value) : this.#value;
  }

  onopentagend(): void {
    this.finish();
  }

  onselfclosingtag(): void {
    const { tag } = this;
    this.finish();
    if (tag !== '' && this.open.at(-1) === tag) this.pop();
  }

  onclosetag(start: number, end: number): void {
    this.closeTo(this.slice(start, end));
  }

  oncomment(start: number, end: number, offset: number): void {
    this.builder.aside(`!--${this.slice(start, end - offset)}--`);
  }

  oncdata(start: number, end: number, offset: number): void {
    this.builder.text(this.slice(start, end - offset));
  }

  ondeclaration(start: number, end: number): void {
    this.builder.aside(`!${this.slice(start, end)}`);
  }

  onprocessinginstruction(start: number, end: number): void {
    this.builder.aside(`?${this.slice(start, end)}`);
  }

  onend(): void {
    // A tag that has not come whole is none, but for the name that it has left here.
    if (this.tag !== '' && this.open.at(-1) === this.tag) this.open.pop();
    while (this.open.length > 0) this.pop();
    this.builder.end();
  }

  // The tokenizer is told to leave them alone.
  ontextentity(): void {}
  onattribentity(): void {}

  protected addText(source: string): void {
    this.builder.text(source, decodeXML);
  }

  protected readAttribute(value: string): string {
    return decodeXML(value);
  }

  protected beginTag(name: string): void {
    this.tag = name;
    this.#paired = 0;
  }

  protected beginAttribute(name: string): void {
    this.#name = name;
    this.#value = '';
  }

  /** A start tag is complete. */
  protected finish(): void {
    if (this.tag !== '') this.builder.open(this.tag, this.#paired === 0 ? nothing : this.#pairs.slice(0, this.#paired));
    this.tag = '';
  }

  protected pop(): void {
    this.open.pop();
    this.builder.close();
  }

  /** Closes the innermost element of a name, with all in it. Whether there was one. */
  protected closeTo(name: string): boolean {
    const at = this.open.lastIndexOf(name);
    if (at < 0) return false;
    while (this.open.length > at) this.pop();
    return true;
  }

  /** A piece of the document: tokens may begin in chunks before the one in which they end. */
  protected slice(start: number, end: number): string {
    if (start >= this.#start) {
      this.#held = '';
      return this.#chunk.slice(start - this.#start, end - this.#start);
    }
    const begin = this.#held.slice(start - this.#heldStart, end - this.#heldStart);
    // Tokens come in order: what lies before this one's end is not asked for again.
    this.#held = this.#held.slice(end - this.#heldStart);
    this.#heldStart = Math.min(end, this.#start);
    return end <= this.#start ? begin : begin + this.#chunk.slice(0, end - this.#start);
  }
}

/** HTML: names in any case, elements without content, end tags that may be left out, and islands of SVG and MathML. */
class HtmlParser extends XmlParser {
  #isVoid = false;
  /** Whether the text of what is open is plain; nothing can open inside it. */
  #isPlain = false;
  /** What the rules are inside each open element that changes them. */
  readonly #contents: Content[] = [];

  constructor(builder: TreeBuilder) {
    super(builder, false);
  }

  isInForeignContext(): boolean {
    return (this.#contents.at(-1) ?? 'html') !== 'html';
  }

  override onopentagname(start: number, end: number): void {
    this.#begin(this.#ruleOf(this.slice(start, end)));
  }

  override onattribname(start: number, end: number): void {
    this.beginAttribute(attributeName(this.slice(start, end)));
  }

  override onselfclosingtag(): void {
    if (this.isInForeignContext()) super.onselfclosingtag();
    else this.onopentagend();
  }

  override onclosetag(start: number, end: number): void {
    const written = this.slice(start, end);
    // Most end tags are those of the element that is open.
    if (written === this.open.at(-1)) this.pop();
    else this.#close(this.#ruleOf(written));
  }

  override oncdata(start: number, end: number, offset: number): void {
    if (this.isInForeignContext()) super.oncdata(start, end, offset);
    else this.builder.aside(`!--[CDATA[${this.slice(start, end - offset)}]]--`);
  }

  protected override addText(source: string): void {
    this.builder.text(source, this.#isPlain ? undefined : decodeHTML);
  }

  protected override readAttribute(value: string): string {
    return decodeHTMLAttribute(value);
  }

  protected override finish(): void {
    super.finish();
    if (this.#isVoid) this.builder.close();
    this.#isVoid = false;
  }

  protected override pop(): void {
    this.#isPlain = false;
    if (this.#contents.length > 0 && contentOf(this.open.at(-1) ?? '') !== undefined) this.#contents.pop();
    super.pop();
  }

  #begin({ name, isVoid, isPlain, ends, content }: ElementRule): void {
    // A form inside a form is passed over (HTML §13.2.6.4.7).
    const isPassedOver = name === 'form' && this.open.includes(name);
    this.beginTag(isPassedOver ? '' : name);
    if (isPassedOver) return;
    if (ends !== undefined) while (ends.has(this.open.at(-1) ?? '')) this.pop();
    this.#isVoid = isVoid;
    this.#isPlain = isPlain;
    if (!isVoid) this.open.push(name);
    if (content !== undefined) this.#contents.push(content);
  }

  #close(rule: ElementRule): void {
    const { name, isVoid } = rule;
    const isOpenedToo = isVoid ? name === 'br' : !this.closeTo(name) && name === 'p';
    if (!isOpenedToo) return;
    this.#begin(rule);
    this.finish();
    if (!isVoid) this.pop();
  }

  #ruleOf(written: string): ElementRule {
    if (this.#contents.length === 0) return ruleOf(written);
    const name = svgName(written);
    // HTML within SVG is ended by the end tag of an element of SVG.
    if (name !== undefined && this.open.includes(name)) return foreignRuleOf(name, 'svg');
    return this.isInForeignContext() ? foreignRuleOf(written, this.#contents.at(-1)) : ruleOf(written);
  }
}
