/** XML as elements that open and close: the text is cut by htmlparser2's tokenizer. */
import { decodeXML } from 'entities';
import { Tokenizer, type TokenizerCallbacks } from 'htmlparser2';
import type { TreeBuilder, TreeParser } from './markup.js';

const nothing: readonly string[] = [];

/** Of one tag; what comes behind them is passed over. */
const maxAttributes = 10_000;

/** Every element is ended by its end tag, and case counts. */
export class XmlParser implements TreeParser, TokenizerCallbacks {
  /** The names of what is open. */
  protected readonly open: string[] = [];
  /** Of the tag that is being read; empty where it is passed over. */
  protected tag = '';
  readonly #tokenizer: Tokenizer;
  #name = '';
  #value = '';
  /** Where the last piece of text ended. */
  #textEnd = -1;
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
    if (start < 0) return;
    const goesOn = start === this.#textEnd;
    this.#textEnd = end;
    this.addText(this.slice(start, end), goesOn);
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
    this.builder.text(this.slice(start, end - offset), false);
  }

  ondeclaration(start: number, end: number): void {
    this.builder.aside(`!${this.slice(start, end)}`);
  }

  onprocessinginstruction(start: number, end: number): void {
    this.builder.aside(`?${this.slice(start, end)}`);
  }

  onend(): void {
    // A tag that broke off is none, but it has left its name here.
    if (this.tag !== '' && this.open.at(-1) === this.tag) this.open.pop();
    while (this.open.length > 0) this.pop();
    this.builder.end();
  }

  // The tokenizer is told to leave them alone.
  ontextentity(): void {}
  onattribentity(): void {}

  protected addText(source: string, goesOn: boolean): void {
    this.builder.text(source, goesOn, decodeXML);
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
