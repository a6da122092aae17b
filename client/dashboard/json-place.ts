/** Where in a JSON text a member stands, so that an error can be shown at its field. */

/** The line, from 1, of the member that a dotted path leads to, or of the deepest one on the way that is there. */
export function lineOfPath(text: string, path: string): number {
  return lineAt(text, new Walk(text).find(path.split('.')));
}

/** The line, from 1, of a place in a text. */
export function lineAt(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}

/** Where a text stops being JSON; its end where it only has not ended. Browsers tell that each in words of their own, or not at all. */
export function placeOfMistake(text: string): number {
  const open: string[] = [];
  let wanted = value;
  for (let at = 0; ; ) {
    token.lastIndex = at;
    const found = token.exec(text)?.[1] ?? '';
    const place = at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0);
    const kind = kindOf(found);
    if (!wanted.includes(kind)) return place;
    at = place + found.length;
    if (kind === '{' || kind === '[') open.push(kind);
    if (kind === '}' || kind === ']') open.pop();
    wanted = wantedAfter(kind, wanted, open.at(-1));
  }
}

/** Kinds of tokens: `s` text, `v` number, true, false or null, `?` none of JSON's, and each mark itself. */
const value = 'sv{[';

function kindOf(found: string): string {
  if (/^[{}[\],:]$/.test(found)) return found;
  if (found.startsWith('"')) return isText.test(found) ? 's' : '?';
  return isPlain.test(found) ? 'v' : '?';
}

const isText = /^"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-f]{4}))*"$/iu;
const isPlain = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)$/;

function wantedAfter(kind: string, wanted: string, inside: string | undefined): string {
  if (kind === '{') return 's}';
  if (kind === '[') return `${value}]`;
  if (kind === ':') return value;
  if (kind === ',') return inside === '{' ? 's' : value;
  // A text that is wanted and nothing else but the end of an object is a name.
  if (wanted === 's' || (wanted === 's}' && kind === 's')) return ':';
  if (inside === undefined) return '';
  return inside === '{' ? ',}' : ',]';
}

const token = /\s*("(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+)/y;

/** Goes through a JSON text that is known to be well-formed. */
class Walk {
  #next = 0;

  constructor(readonly text: string) {}

  /** Follows a path from here; gives the place that it leads to. */
  find(path: readonly string[]): number {
    const start = this.#peekPlace();
    const open = this.#take();
    if (path.length === 0 || (open !== '{' && open !== '[')) return start;
    for (let index = 0; this.#peek() !== '}' && this.#peek() !== ']' && this.#peek() !== ''; index++) {
      const at = this.#peekPlace();
      let name = `${index}`;
      if (open === '{') {
        name = String(JSON.parse(this.#take()));
        this.#take();
      }
      const used = depthOf(name, path);
      if (used > 0) return used === path.length ? at : this.find(path.slice(used));
      this.#skip();
      if (this.#peek() === ',') this.#take();
    }
    return start;
  }

  #skip(): void {
    let depth = 0;
    do {
      const taken = this.#take();
      if (taken === '{' || taken === '[') depth++;
      if (taken === '}' || taken === ']') depth--;
      if (taken === '') return;
    } while (depth > 0);
  }

  #take(): string {
    token.lastIndex = this.#next;
    const found = token.exec(this.text);
    this.#next = found === null ? this.text.length : token.lastIndex;
    return found?.[1] ?? '';
  }

  #peek(): string {
    const here = this.#next;
    const taken = this.#take();
    this.#next = here;
    return taken;
  }

  #peekPlace(): number {
    return this.#next + (/^\s*/.exec(this.text.slice(this.#next))?.[0].length ?? 0);
  }
}

/** How many parts of a path a name is: names may have dots of their own. */
function depthOf(name: string, path: readonly string[]): number {
  const parts = name.split('.').length;
  return path.slice(0, parts).join('.') === name ? parts : 0;
}
