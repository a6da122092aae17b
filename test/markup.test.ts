import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as Dom from 'domhandler';
import { parseDocument } from 'htmlparser2';
import { createMarkupParser } from '#src/crawl/markup.js';
import { childrenOf, Element, type ParentNode, Text } from '#src/crawl/tree.js';
import { createRandom, type Random } from './support/random.js';
import { elementsOf, growTree } from './support/tree.js';

/** A tree as plain values: names, attributes and children of elements, texts, and the markup of all else. */
type Plain = string | { readonly aside: string } | readonly [string, Record<string, string>, readonly Plain[]];

function plainOf(parent: ParentNode): Plain[] {
  const plain: Plain[] = [];
  for (const node of childrenOf(parent)) {
    if (node instanceof Text) addText(plain, node.data);
    else if (node instanceof Element) plain.push(plainElement(node));
    else plain.push({ aside: node.markup });
  }
  return plain;
}

function plainElement(node: Element): Plain {
  const attributes: Record<string, string> = {};
  for (let at = node.attributes.length - 2; at >= 0; at -= 2) {
    attributes[node.attributes[at] ?? ''] = node.attributes[at + 1] ?? '';
  }
  return [node.name, attributes, plainOf(node)];
}

function plainOfDom(nodes: readonly Dom.ChildNode[]): Plain[] {
  const plain: Plain[] = [];
  for (const node of nodes) {
    if (Dom.isTag(node)) plain.push([node.name, { ...node.attribs }, plainOfDom(node.children)]);
    else if (Dom.isComment(node)) plain.push({ aside: `!--${node.data}--` });
    else if (Dom.isDirective(node)) plain.push({ aside: node.data });
    // What is quoted as character data is text, and one with the text beside it.
    else for (const text of Dom.isCDATA(node) ? node.children : [node]) if (Dom.isText(text)) addText(plain, text.data);
  }
  return plain;
}

function addText(plain: Plain[], text: string): void {
  if (text === '') return;
  const last = plain.at(-1);
  if (typeof last === 'string') plain[plain.length - 1] = last + text;
  else plain.push(text);
}

function read(text: string, isHtml: boolean, pieces: readonly string[]): Plain[] {
  const tree = growTree();
  const parser = createMarkupParser(tree, isHtml);
  for (const piece of pieces) parser.write(piece);
  parser.end();
  assert.equal(tree.isOver, true, text);
  return plainOf(tree.root);
}

function assertSame(text: string, isHtml: boolean, pieces: readonly string[]): void {
  assert.deepEqual(read(text, isHtml, pieces), plainOfDom(parseDocument(text, { xmlMode: !isHtml }).children), text);
}

const [firstName = '', ...otherNames] =
  `a b p div ul li table tr td th tbody thead form select option input button h1 h2
  dl dd dt br hr img image svg math title desc foreignObject lineargradient mi template script style textarea title body
  head link ruby rt rp circle P LI annotation-xml x:y xmp iframe noembed noframes plaintext noscript`.split(/\s+/);
const names = [firstName, ...otherNames] as const;
/** The library takes an end tag of another heading for none, and the standard does not (§13.2.6.4.7). */
const [firstEnd = '', ...otherEnds] = names.filter((name) => !/^h\d$/.test(name));
const endNames = [firstEnd, ...otherEnds] as const;
const attributes = [
  '',
  '',
  ' a',
  ' a=1',
  ' A="x&amp;y"',
  " b='z'",
  ' a=2 a=3',
  ' c="',
  ' / ',
  ' é=ü',
  ' constructor=1',
] as const;
const texts = [
  'text',
  ' ',
  '&amp;',
  '&lt',
  '&#233;',
  '&copy',
  '&notit;',
  '&',
  '<',
  '>',
  'é',
  '😀',
  ']]>',
  'amp;',
  ';',
  'copy',
  '-->',
  '"',
] as const;
const others = [
  '<!-- c -->',
  '<!--',
  '<![CDATA[d]]>',
  '<![CDATA[',
  '<!doctype html>',
  '<?php x ?>',
  '<!x>',
  '</>',
  '</',
] as const;

/** Markup as nobody should write it. */
function tangle(random: Random): string {
  const piece = (): string => {
    const kind = random.below(100);
    if (kind < 40) return `<${random.pick(names)}${random.pick(attributes)}${random.chance(0.15) ? '/' : ''}>`;
    if (kind < 65) return `</${random.pick(endNames)}>`;
    return random.pick(kind < 90 ? texts : others);
  };
  return Array.from({ length: 1 + random.below(30) }, piece).join('');
}

/**
 * In titles and text areas the library reads some entities in another way than the standard does (§13.2.5.2): none after a
 * `<`, and those without a semicolon as in attributes. So there are none where there are such elements.
 */
function sober(text: string): string {
  return /<(?:title|textarea)/i.test(text) ? text.replaceAll('&', '+') : text;
}

function cut(text: string, random: Random): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const size = 1 + random.below(12);
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}

for (const isHtml of [true, false]) {
  test(`markup › builds from any ${isHtml ? 'HTML' : 'XML'} the tree of htmlparser2, however it is cut`, () => {
    const random = createRandom(7);
    for (let round = 0; round < Number(process.env.ROUNDS ?? 2_000); round++) {
      // The library makes text of the second half of an end tag that broke off.
      const text = `${sober(tangle(random))}>`;
      assertSame(text, isHtml, [text]);
      assertSame(text, isHtml, cut(text, random));
    }
  });
}

test('markup › reads entities in a title as in all text', () => {
  const [title] = elementsOf('<title>&copy2026 <&notit; &amp</title>');
  assert.equal(title?.first instanceof Text && title.first.data, '©2026 <¬it; &');
});

for (const [text, expected] of [
  ['<h3>a</h2>b', [['h3', {}, ['a']], 'b']],
  ['<h1><div><h2>a</h1>b</div>c', [['h1', {}, [['div', {}, [['h2', {}, ['a']], 'b']], 'c']]]],
  ['<div>a</h1>b</div>', [['div', {}, ['ab']]]],
] as const) {
  test(`markup › ends the open heading with the end tag of any: ${text}`, () => {
    assert.deepEqual(read(text, true, [text]), expected);
  });
}

test('markup › passes over the ten thousand and first attribute of a tag', () => {
  const [p] = elementsOf(`<p ${Array.from({ length: 10_001 }, (_, i) => `a${i}=${i}`).join(' ')}>`);
  assert.deepEqual(p?.attributes.slice(-2), ['a9999', '9999']);
});

test('markup › keeps a token that is longer than many pieces', () => {
  const comment = `<!--${'c'.repeat(1_000)}--><p title="${'t'.repeat(1_000)}">${'x'.repeat(1_000)}</p>`;
  assertSame(comment, true, [...comment]);
});
