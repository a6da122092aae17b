/** HTML as elements that open and close. */
import { decodeHTML, decodeHTMLAttribute } from 'entities';
import {
  attributeName,
  type Content,
  contentOf,
  type ElementRule,
  foreignRuleOf,
  headings,
  ruleOf,
  svgName,
} from './elements.js';
import type { TreeBuilder } from './markup.js';
import { XmlParser } from './xml.js';

/** Names in any case, elements without content, end tags that may be left out, and islands of SVG and MathML. */
export class HtmlParser extends XmlParser {
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

  protected override addText(source: string, goesOn: boolean): void {
    this.builder.text(source, goesOn, this.#isPlain ? undefined : decodeHTML);
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
    // The end tag of any heading ends the one that is open (HTML §13.2.6.4.7).
    const ended = headings.has(name) ? this.open.findLast((one) => headings.has(one)) : name;
    if (!isVoid && ended !== undefined && this.closeTo(ended)) return;
    if (name !== 'p' && name !== 'br') return;
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
