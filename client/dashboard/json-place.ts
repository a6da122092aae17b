/** Where in a JSON text a member stands, so that an error can be shown at its field. */

/** The line, from 1, of the member that a dotted path leads to, or of the deepest one on the way that is there. */
export function lineOfPath(text: string, path: string): number {
  return lineAt(text, new Walk(text).find(path.split('.')));
}

/** The line, from 1, of a place in a text. */
export function lineAt(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
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
