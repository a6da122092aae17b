/** JSON as data of a page: its numbers are text in the end, and so whole ones are read with all of their digits. */

/** From so many digits on a number may have more of them than the engine keeps. */
const long = /\d{16}/;

const number = /-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/y;

/**
 * Parses JSON; a whole number of which the engine would change digits, such as an id of 64 bits, is text.
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return long.test(text) ? JSON.parse(quoteLongNumbers(text)) : value;
}

/** Of what is known to be JSON. Character by character: expressions run out of stack in long strings. */
function quoteLongNumbers(text: string): string {
  let quoted = '';
  let kept = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? '';
    if (character === '"') i = endOfString(text, i);
    else if (character === '-' || (character >= '0' && character <= '9')) {
      number.lastIndex = i;
      const [digits = character] = number.exec(text) ?? [];
      if (long.test(digits) && /^-?\d+$/.test(digits) && String(Number(digits)) !== digits) {
        quoted += `${text.slice(kept, i)}"${digits}"`;
        kept = i + digits.length;
      }
      i += digits.length - 1;
    }
  }
  return quoted + text.slice(kept);
}

/** Where a string in JSON ends; the end of the text where it does not. */
export function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i;
  }
  return text.length;
}
