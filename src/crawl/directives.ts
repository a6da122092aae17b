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

/** Reads the directives of one value, `noindex, nofollow` for example; unknown ones do not count. */
export function readRobotsDirectives(content: string): RobotsDirectives {
  const words = new Set(content.toLowerCase().split(/[\s,]+/));
  const none = words.has('none');
  return { nofollow: none || words.has('nofollow'), noindex: none || words.has('noindex') };
}

/** Reads the content of a refresh, `5; url=/next` for example (HTML §4.2.5.3); `undefined` where it is none. */
export function readRefresh(content: string): Refresh | undefined {
  const parts = /^\s*(\d+)(?:\.[\d.]*)?(?:\s*[;,]\s*|\s+|$)(?:url\s*=\s*)?(?:"([^"]*)|'([^']*)|(.*))/is.exec(content);
  if (parts === null) return undefined;
  const url = (parts[2] ?? parts[3] ?? parts[4] ?? '').trim();
  const delaySeconds = Number(parts[1]);
  return url === '' ? { delaySeconds } : { delaySeconds, url };
}
