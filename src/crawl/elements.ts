/** What names of elements mean in HTML: which have no content, which end others, and where HTML's rules do not hold. */

/** Whether what is inside an element is SVG or MathML, or HTML again (HTML §13.2.6.5). */
export type Content = 'svg' | 'mathml' | 'html';

/** What is known of a name. */
export interface ElementRule {
  /** In lower case. */
  readonly name: string;
  /** It has no content, and no end tag. */
  readonly isVoid: boolean;
  /** The text in it is what it is: `&` and `<` mean nothing. */
  readonly isPlain: boolean;
  /** Elements that are ended where one with this name begins right inside them (HTML §13.1.2.4). */
  readonly ends: ReadonlySet<string> | undefined;
  /** Absent: what is inside is read as the element itself is. */
  readonly content: Content | undefined;
}

/** Of each kind, so many names are kept, if they are as short: longer texts would hold on to their page. */
const maxNames = 4_096;
const maxLength = 12;

/** Names are few, and pages full of them: each way to write one is looked up once. */
function remember<Known>(find: (written: string) => Known): (written: string) => Known {
  const names = new Map<string, Known>();
  return (written) => {
    const known = names.get(written);
    if (known !== undefined) return known;
    const found = find(written);
    if (written.length <= maxLength && names.size < maxNames) names.set(written, found);
    return found;
  };
}

/** What is known of a name, as it is written. */
export const ruleOf = remember((written) => {
  const name = written.toLowerCase();
  return makeRule(name === 'image' ? 'img' : name);
});

/** What is known of a name inside SVG or MathML. */
export function foreignRuleOf(written: string, content: Content | undefined): ElementRule {
  const name = written.toLowerCase();
  return { ...makeRule(content === 'svg' ? (svgNames.get(name) ?? name) : name), isPlain: false };
}

/** How SVG writes a name, where it has upper case in it. */
export function svgName(written: string): string | undefined {
  return svgNames.get(written.toLowerCase());
}

function makeRule(name: string): ElementRule {
  return {
    name,
    isVoid: voidNames.has(name),
    isPlain: plainNames.has(name),
    ends: ends.get(name),
    content: contentOf(name),
  };
}

/** What is inside an element of this name; absent: the same as around it. */
export function contentOf(name: string): Content | undefined {
  if (name === 'svg') return 'svg';
  if (name === 'math') return 'mathml';
  return integrationPoints.has(name) ? 'html' : undefined;
}

const set = (names: string) => new Set(names.split(' '));
const each = <Ended>(names: string, ended: Ended) => names.split(' ').map((name) => [name, ended] as const);

/** Old ones included (HTML §13.1.2). */
const voidNames = set(
  'area base basefont br col command embed frame hr img input isindex keygen link meta param source track wbr',
);

const plainNames = set('script style xmp iframe noembed noframes plaintext');

const integrationPoints = set('mi mo mn ms mtext annotation-xml foreignObject desc title');

export const headings: ReadonlySet<string> = set('h1 h2 h3 h4 h5 h6');

const ends: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ...each('a', set('a')),
  ...each('body', set('head link script')),
  ...each('li', set('li')),
  ...each('tr', set('tr th td')),
  ...each('th', set('th')),
  ...each('td', set('thead th td')),
  ...each('tbody tfoot', set('thead tbody')),
  ...each('dd dt', set('dd dt')),
  ...each('rt rp', set('rt rp')),
  ...each('option', set('option')),
  ...each('optgroup', set('optgroup option')),
  ...each('select input output button datalist textarea', set('input option optgroup select button datalist textarea')),
  ...each('h1 h2 h3 h4 h5 h6', set('h1 h2 h3 h4 h5 h6 p')),
  ...each('p address article aside blockquote details div dl fieldset figcaption figure footer form', set('p')),
  ...each('header hr main nav ol pre section table ul', set('p')),
]);

/** By their lower case (HTML §13.2.6.5). */
const svgNames: ReadonlyMap<string, string> = new Map(
  `altGlyph altGlyphDef altGlyphItem animateColor animateMotion animateTransform clipPath feBlend feColorMatrix
  feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap feDistantLight feDropShadow
  feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feImage feMerge feMergeNode feMorphology feOffset
  fePointLight feSpecularLighting feSpotLight feTile feTurbulence foreignObject glyphRef linearGradient
  radialGradient textPath`
    .split(/\s+/)
    .map((name) => [name.toLowerCase(), name]),
);

/** The name of an attribute in lower case. */
export const attributeName = remember((written) => written.toLowerCase());
