/**
 * robots.txt by RFC 9309.
 *
 * The parser is our own: those of others answer a fifth of the standard's questions wrongly, or more; docs/dependencies.md
 * says which.
 */

/** What one host's robots.txt means for us. */
export interface RobotsRules {
  /** Whether a path may be fetched: with its query, percent-encoded as sent. */
  allows(path: string): boolean;
  /** At most a minute. */
  readonly crawlDelayMs?: number;
  /** Set where robots.txt could not be had: all is forbidden until it has been asked for again, in so many milliseconds. */
  readonly retryInMs?: number;
  /** Set where the host could not even be reached: what went wrong. */
  readonly failure?: unknown;
  /** About how much memory they take; absent: next to none. */
  readonly bytes?: number;
}

interface Rule {
  readonly allow: boolean;
  readonly length: number;
  /** What the path begins with. */
  readonly head: string;
  /** What comes then, in this order, each after anything. */
  readonly parts: readonly string[];
  /** How the path ends after that; `exact` where it must have ended already. */
  readonly end: { readonly tail: string } | 'exact' | 'any';
}

interface Group {
  /** Paths as they are written, and whether they are allowed. */
  readonly paths: Map<string, boolean>;
  /** How many of them are wild. */
  wild: number;
  crawlDelayMs?: number;
}

/** Characters that are parsed; what comes after is ignored (RFC 9309 §2.5: at least 500 KiB). */
export const maxRobotsLength = 512_000;
const maxCrawlDelayMs = 60_000;

/** A `*` with something behind it. Every path of the host is searched for it: with half a megabyte of such rules a page would cost 30 ms and more. */
const wild = /\*[^*]/;
const maxWildRules = 2_000;

/** What a rule takes besides its text. */
const ruleBytes = 100;

/** The name by which robots.txt knows a user agent: `Bot` of `Bot/1.0`, and of `Mozilla/5.0 (compatible; Bot/1.0)`. */
export function userAgentToken(userAgent: string): string {
  const product = /\(compatible;\s*([^\s/;)]+)/i.exec(userAgent)?.[1] ?? /^\s*([^\s/;(]+)/.exec(userAgent)?.[1];
  return (product ?? userAgent).toLowerCase();
}

/**
 * Reads a robots.txt for one user agent. A web page in its place says nothing.
 * @param token the user agent's name in lower case, as {@link userAgentToken} gives it
 */
export function parseRobots(text: string, token: string): RobotsRules {
  const groups = new Map<string, Group>();
  const agents = new Set<Group>();
  let namesAgents = false;
  for (const [field, value] of records(text)) {
    if (field === 'user-agent') {
      if (!namesAgents) agents.clear();
      const name = (/^[^\s/;(]+/.exec(value)?.[0] ?? '').toLowerCase();
      // Kept for every name, the rules of half a megabyte could be gigabytes.
      if (name === token || name === '*') agents.add(groupOf(groups, name));
      namesAgents = true;
    } else if (rule(agents, field, value)) namesAgents = false;
  }
  return rulesOf(groups.get(token) ?? groups.get('*'));
}

/** Groups of one name are one group, wherever they stand. */
function groupOf(groups: Map<string, Group>, name: string): Group {
  const group = groups.get(name) ?? { paths: new Map(), wild: 0 };
  groups.set(name, group);
  return group;
}

/** Adds a record to the groups where it is a rule, and says whether it is one. Any other record means nothing. */
function rule(groups: ReadonlySet<Group>, field: string, value: string): boolean {
  if (field === 'crawl-delay') {
    const delayMs = Math.min(Number(value) * 1_000, maxCrawlDelayMs);
    if (value === '' || !(delayMs >= 0)) return true;
    for (const group of groups) group.crawlDelayMs = Math.max(group.crawlDelayMs ?? 0, delayMs);
    return true;
  }
  if (field !== 'allow' && field !== 'disallow') return false;
  // An empty path matches nothing: `Disallow:` allows everything.
  if (value !== '') for (const group of groups) addPath(group, value, field === 'allow');
  return true;
}

/** Of two that are the same the one that allows counts. Wild ones beyond the limit are ignored. */
function addPath(group: Group, path: string, allow: boolean): void {
  const known = group.paths.get(path);
  if (known === undefined && wild.test(path) && ++group.wild > maxWildRules) return;
  group.paths.set(path, allow || known === true);
}

function* records(text: string): Generator<[field: string, value: string]> {
  let body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (/^\s*<(!doctype|html|head|body|!--|\?xml)/i.test(body)) return;
  if (body.length > maxRobotsLength) {
    // A rule that is cut off would forbid more than it says.
    const last = maxRobotsLength - 1;
    body = body.slice(0, Math.max(body.lastIndexOf('\r', last), body.lastIndexOf('\n', last)) + 1);
  }
  for (const line of body.split(/\r\n|\r|\n/)) {
    const record = /^\s*([a-z-]+)\s*(?::|\s)\s*(.*)$/is.exec(line.split('#', 1)[0] ?? '');
    if (record !== null) yield [(record[1] ?? '').toLowerCase(), (record[2] ?? '').trim()];
  }
}

function rulesOf(group: Group | undefined): RobotsRules {
  const { crawlDelayMs, paths = new Map<string, boolean>() } = group ?? {};
  const text = [...paths.keys()].join('\n');
  const kept = linesOfCopy(text);
  // The longest match counts, and of two as long the one that allows: sorted so, it is the first match.
  const rules = [...paths.values()]
    .map((allow, at) => compile(kept[at] ?? '', allow))
    .sort((a, b) => b.length - a.length || Number(b.allow) - Number(a.allow));
  return {
    allows(path) {
      if (rules.length === 0 || path === '/robots.txt') return true;
      const normal = normalisePath(path);
      return rules.find((rule) => matches(rule, normal))?.allow ?? true;
    },
    bytes: text.length + rules.length * ruleBytes,
    ...(crawlDelayMs === undefined ? {} : { crawlDelayMs }),
  };
}

/** A slice of a text keeps all of it in memory: what is kept are slices of a text that has nothing else in it. */
function linesOfCopy(text: string): string[] {
  return text === '' ? [] : Buffer.from(text).toString().split('\n');
}

const escapes = /%([0-9A-Fa-f]{2})|[^A-Za-z0-9._~:/?#[\]@!$&'()*+,;=-]/gu;
const unreserved = /[A-Za-z0-9._~-]/;

/** One form for what is the same octet (RFC 9309 §2.2.2). */
function normaliseEscapes(text: string): string {
  return text.replace(escapes, (match, hex: string | undefined) => {
    if (hex === undefined) return Buffer.from(match).toString('hex').toUpperCase().replace(/../g, '%$&');
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return unreserved.test(character) ? character : `%${hex.toUpperCase()}`;
  });
}

/** In a path `*` and `$` are characters like any other: they get the form in which a pattern has to name them. */
function normalisePath(path: string): string {
  return normaliseEscapes(path).replaceAll('*', '%2A').replaceAll('$', '%24');
}

function compile(value: string, allow: boolean): Rule {
  const pattern = normaliseEscapes(value).replace(/\$(?!$)/g, '%24');
  const anchored = pattern.endsWith('$');
  const [head = '', ...parts] = (anchored ? pattern.slice(0, -1) : pattern).split('*');
  const tail = anchored ? parts.pop() : undefined;
  const end = tail !== undefined ? { tail } : anchored ? 'exact' : 'any';
  return { allow, length: pattern.length, head, parts: parts.filter((part) => part !== ''), end };
}

/** Takes time in proportion to both lengths, whatever the pattern. */
function matches({ head, parts, end }: Rule, path: string): boolean {
  if (!path.startsWith(head)) return false;
  let at = head.length;
  for (const part of parts) {
    const found = path.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  if (end === 'any') return true;
  return end === 'exact' ? path.length === at : path.length - end.tail.length >= at && path.endsWith(end.tail);
}
