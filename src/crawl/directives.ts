/** What a page says to robots about itself, and where it sends its reader. */

/** A `<meta http-equiv=refresh>`. */
export interface Refresh {
  readonly delaySeconds: number;
  /** As written; `undefined`: the page itself again. */
  readonly url?: string;
}

/** Directives with a value of their own: what stands before their colon is no robot's name. */
const valued = /^(unavailable_after|max-snippet|max-image-preview|max-video-preview)$/;

/**
 * Whether `X-Robots-Tag` headers, or the content of `<meta name=robots>`, forbid to follow links: for all robots, or for ours.
 * @param values each header or meta for itself: a robot's name counts up to the end of its value
 * @param token our name, in lower case
 */
export function saysNofollow(values: readonly string[], token: string): boolean {
  for (const value of values) {
    let ours = true;
    for (const part of value.toLowerCase().split(',')) {
      const [, name = '', directive = part] = /^\s*([^\s:]+)\s*:(.*)$/s.exec(part) ?? [];
      if (valued.test(name)) continue;
      if (name !== '') ours = name === token || name === '*' || name === 'robots';
      if (ours && /(?:^|\s)(?:nofollow|none)(?:\s|$)/.test(directive)) return true;
    }
  }
  return false;
}

/** Reads the content of a refresh, `5; url=/next` for example (HTML §4.2.5.3); `undefined` where it is none. */
export function readRefresh(content: string): Refresh | undefined {
  const parts = /^\s*(\d+)(?:\.[\d.]*)?(?:\s*[;,]\s*|\s+|$)(?:url\s*=\s*)?(?:"([^"]*)|'([^']*)|(.*))/is.exec(content);
  if (parts === null) return undefined;
  const url = (parts[2] ?? parts[3] ?? parts[4] ?? '').trim();
  const delaySeconds = Number(parts[1]);
  return url === '' ? { delaySeconds } : { delaySeconds, url };
}
