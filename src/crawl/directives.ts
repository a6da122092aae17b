/** What a page says to robots about itself, and where it sends its reader. */

/** Directives of `<meta name=robots>` and `X-Robots-Tag`. */
export interface RobotsDirectives {
  readonly nofollow: boolean;
  readonly noindex: boolean;
}

/** A `<meta http-equiv=refresh>`. */
export interface Refresh {
  readonly delaySeconds: number;
  /** As written; `undefined`: the page itself again. */
  readonly url?: string;
}

/** Directives with a value of their own: what stands before their colon is no robot's name. */
const valued = /^(unavailable_after|max-snippet|max-image-preview|max-video-preview)$/;

/**
 * Reads `X-Robots-Tag` headers and the content of `<meta name=robots>`, for all robots and for ours.
 * @param values each header or meta for itself: a robot's name counts up to the end of its value
 */
export function robotsDirectives(values: readonly string[], token: string): RobotsDirectives {
  const found = new Set<string>();
  for (const value of values) {
    let ours = true;
    for (const part of value.toLowerCase().split(',')) {
      const [, name = '', directive = part] = /^\s*([^\s:]+)\s*:(.*)$/s.exec(part) ?? [];
      if (valued.test(name)) continue;
      if (name !== '') ours = name === token.toLowerCase() || name === '*' || name === 'robots';
      if (ours) for (const word of directive.trim().split(/\s+/)) found.add(word);
    }
  }
  return {
    nofollow: found.has('nofollow') || found.has('none'),
    noindex: found.has('noindex') || found.has('none'),
  };
}

/** Reads the content of a refresh, `5; url=/next` for example (HTML §4.2.5.3); `undefined` where it is none. */
export function readRefresh(content: string): Refresh | undefined {
  const parts = /^\s*(\d+)(?:\.[\d.]*)?(?:\s*[;,]\s*|\s+|$)(?:url\s*=\s*)?(?:"([^"]*)|'([^']*)|(.*))/is.exec(content);
  if (parts === null) return undefined;
  const url = (parts[2] ?? parts[3] ?? parts[4] ?? '').trim();
  const delaySeconds = Number(parts[1]);
  return url === '' ? { delaySeconds } : { delaySeconds, url };
}
