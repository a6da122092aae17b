/** Server-sent events as they are defined (WHATWG HTML §9.2), from chunks cut anywhere. */

/** What stood between two empty lines, as far as it concerns a cursor over a log. */
export interface Block {
  /** Absent where the block names none. */
  readonly id?: string;
  /** Absent where the block is no event but only moves the cursor. */
  readonly data?: string;
}

/** Takes the text of a stream as it comes, a byte order mark already dropped, and gives the blocks that are complete. */
export class SseParser {
  /** The line that has not ended yet, in pieces: so that no piece is searched twice. */
  #line: string[] = [];
  #afterCarriageReturn = false;
  #id: string | undefined;
  #data: string[] = [];

  *push(chunk: string): Generator<Block> {
    if (chunk === '') return;
    // The second half of a line end that was cut in two.
    const text = this.#afterCarriageReturn && chunk.startsWith('\n') ? chunk.slice(1) : chunk;
    this.#afterCarriageReturn = chunk.endsWith('\r');
    const [first = '', ...more] = text.split(/\r\n|\r|\n/);
    this.#line.push(first);
    for (const next of more) {
      const block = this.#read(this.#line.join(''));
      if (block !== undefined) yield block;
      this.#line = [next];
    }
  }

  #read(line: string): Block | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'data') this.#data.push(value);
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    return undefined;
  }

  #dispatch(): Block | undefined {
    const id = this.#id;
    const data = this.#data;
    this.#id = undefined;
    this.#data = [];
    if (id === undefined && data.length === 0) return undefined;
    return { ...(id !== undefined && { id }), ...(data.length > 0 && { data: data.join('\n') }) };
  }
}
