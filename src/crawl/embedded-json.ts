/** JSON in the middle of other text: data that a script of the page works with. */

/**
 * The first object or list behind a marker.
 * @param marker absent: the text begins with it, or soon after
 * @returns `undefined` where the text does not contain the marker, or what follows it is no JSON
 */
export function findJson(text: string, marker = ''): { readonly value: unknown } | undefined {
  const at = text.indexOf(marker);
  if (at < 0) return undefined;
  const json = firstBracketed(text, at + marker.length);
  if (json === undefined) return undefined;
  try {
    return { value: JSON.parse(json) };
  } catch {
    return undefined;
  }
}

/** What JSON's strings and brackets are made of; all else is of no interest here. */
const significant = /"(?:[^"\\]|\\.)*"|[[\]{}]/gs;

/** From the first opening bracket to the one that closes it. */
function firstBracketed(text: string, from: number): string | undefined {
  const start = text.slice(from).search(/[[{]/) + from;
  if (start < from) return undefined;
  significant.lastIndex = start;
  let depth = 0;
  for (let found = significant.exec(text); found !== null; found = significant.exec(text)) {
    const [token] = found;
    if (token === '[' || token === '{') depth++;
    else if (token === ']' || token === '}') depth--;
    if (depth === 0) return text.slice(start, significant.lastIndex);
  }
  return undefined;
}
