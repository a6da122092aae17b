/** JSON in the middle of other text: data that a script of the page works with. */
import { charge } from './adapter.js';
import { endOfString, parseJson } from './json.js';

/**
 * The first object or list behind a marker.
 * @param marker absent: the text begins with it, or soon after
 * @returns `undefined` where the text does not contain the marker, or what follows it is no JSON
 */
export function findJson(text: string, marker = ''): { readonly value: unknown } | undefined {
  charge(text.length / 8 + (text.length * marker.length) / 256);
  const at = text.indexOf(marker);
  if (at < 0) return undefined;
  const json = firstBracketed(text, at + marker.length);
  if (json === undefined) return undefined;
  try {
    return { value: parseJson(json) };
  } catch {
    return undefined;
  }
}

/** From the first opening bracket to the one that closes it. Character by character: expressions run out of stack here. */
function firstBracketed(text: string, from: number): string | undefined {
  const start = text.slice(from).search(/[[{]/) + from;
  if (start < from) return undefined;
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const character = text[i];
    if (character === '"') i = endOfString(text, i);
    else if (character === '[' || character === '{') depth++;
    else if (character === ']' || character === '}') depth--;
    if (depth === 0) return text.slice(start, i + 1);
  }
  return undefined;
}
