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
  readonly sitemaps: readonly string[];
  /** Set where robots.txt could not be had: all is forbidden until it has been asked for again, in so many milliseconds. */
  readonly retryInMs?: number;
  /** Set where the host could not even be reached: what went wrong. */
  readonly failure?: unknown;
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
  readonly rules: Rule[];
  crawlDelayMs?: number;
}

/** Characters that are parsed; what comes after is ignored (RFC 9309 §2.5: at least 500 KiB). */
export const maxRobotsLength = 512_000;
const maxCrawlDelayMs = 60_000;
const maxSitemaps = 1_000;

/** The name by which robots.txt knows a user agent: `Bot` of `Bot/1.0`, and of `Mozilla/5.0 (compatible; Bot/1.0)`. */
export function userAgentToken(userAgent: string): string {
  const product = /\(compatible;\s*([^\s/;)]+)/i.exec(userAgent)?.[1] ?? /^\s*([^\s/;(]+)/.exec(userAgent)?.[1];
  return (product ?? userAgent).toLowerCase();
}

/**
 * Reads a robots.txt for one user agent. A web page in its place says nothing.
 * @param token the user agent's name, as {@link userAgentToken} gives it
 */
export function parseRobots(text: string, token: string): RobotsRules {
  const own = token.toLowerCase();
  const groups = new Map<string, Group>();
  const sitemaps: string[] = [];
  const agents = new Set<Group>();
  let namesAgents = false;
  for (const [field, value] of records(text)) {
    if (field === 'sitemap') {
      if (sitemaps.length < maxSitemaps) sitemaps.push(value);
    } else if (field === 'user-agent') {
      if (!namesAgents) agents.clear();
      const name = (/^[^\s/;(]+/.exec(value)?.[0] ?? '').toLowerCase();
      // Kept for every name, the rules of half a megabyte could be gigabytes.
      if (name === own || name === '*') agents.add(groupOf(groups, name));
      namesAgents = true;
    } else if (rule(agents, field, value)) namesAgents = false;
  }
  return rulesOf(groups.get(own) ?? groups.get('*'), sitemaps);
}

/** Groups of one name are one group, wherever they stand. */
function groupOf(groups: Map<string, Group>, name: string): Group {
  const group = groups.get(name) ?? { rules: [] };
  groups.set(name, group);
  return group;
}

/** Whether the record is a rule; any other one stands between user agents and rules without a meaning. */
function rule(groups: ReadonlySet<Group>, field: string, value: string): boolean {
  if (field === 'crawl-delay') {
    const delayMs = Math.min(Number(value) * 1_000, maxCrawlDelayMs);
    if (value === '' || !(delayMs >= 0)) return true;
    for (const group of groups) group.crawlDelayMs = Math.max(group.crawlDelayMs ?? 0, delayMs);
    return true;
  }
  if (field !== 'allow' && field !== 'disallow') return false;
  // An empty path matches nothing: `Disallow:` allows everything.
  if (value !== '') {
    const entry = compile(value, field === 'allow');
    for (const group of groups) group.rules.push(entry);
  }
  return true;
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

function rulesOf(group: Group | undefined, sitemaps: readonly string[]): RobotsRules {
  // The longest match counts, and of two as long the one that allows: sorted so, it is the first match.
  const rules = (group?.rules ?? []).toSorted((a, b) => b.length - a.length || Number(b.allow) - Number(a.allow));
  const crawlDelayMs = group?.crawlDelayMs;
  return {
    allows(path) {
      if (rules.length === 0 || path === '/robots.txt') return true;
      const normal = normalisePath(path);
      return rules.find((rule) => matches(rule, normal))?.allow ?? true;
    },
    sitemaps,
    ...(crawlDelayMs === undefined ? {} : { crawlDelayMs }),
  };
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
  return { allow, length: pattern.length, head, parts, end };
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

/** What the attempt to get a robots.txt came to, at most five redirects later. */
export interface RobotsAnswer {
  readonly status: number;
  readonly body: string;
  readonly retryAfterMs?: number;
  /** Why there was nobody to ask: no page of that host can be had either, for the same reason. */
  readonly failure?: unknown;
}

/** What came of asking for a robots.txt: there is one, there is none, or it cannot be had, so that all is forbidden for now. */
export type RobotsState = 'rules' | 'none' | 'unavailable';

/** The robots.txt of many hosts, for one user agent. */
export interface Robots {
  /** The rules of a host; never fails. Those who ask at once share one request. */
  rules(origin: string): Promise<RobotsRules>;
  /** The rules where they are known already and still hold. */
  known(origin: string): RobotsRules | undefined;
  /** What came of it last; undefined where nobody has asked yet, or could. */
  state(origin: string): RobotsState | undefined;
}

/** How robots.txt is got, and by whom. */
export interface RobotsOptions {
  /** Gets `/robots.txt` of scheme, host and port. A rejection counts as a host that cannot be reached. */
  readonly fetchRobots: (origin: string) => Promise<RobotsAnswer>;
  readonly userAgent: string;
  /** A clock in milliseconds. */
  readonly now?: () => number;
  /** How many hosts are remembered. Default 10,000. */
  readonly maxHosts?: number;
}

interface Entry {
  readonly answer: Promise<RobotsRules>;
  /** Absent while the answer is on its way. */
  rules?: RobotsRules;
  state?: RobotsState;
  /** When it came; earlier than that it is only where the clock was set back, and then nobody knows how old it is. */
  settledAt: number;
  expiresAt: number;
  /** How many times in a row it could not be had. */
  failures: number;
}

const maxAgeMs = 24 * 3_600_000;
const firstPauseMs = 500;
const maxPauseMs = 3_600_000;
const unaskedMs = 1_000;

/**
 * Remembers each host's robots.txt for a day (RFC 9309 §2.4). An answer of 4xx, or redirects without end, allow
 * everything; 429 and 5xx forbid everything for half a second, and twice as long each time; so do a timeout and a broken
 * connection until somebody asks again (§2.3.1). A host that could not be asked is taken
 * for such a one for a second.
 */
export function createRobots({ fetchRobots, userAgent, now = Date.now, maxHosts = 10_000 }: RobotsOptions): Robots {
  const entries = new Map<string, Entry>();
  const token = userAgentToken(userAgent);

  function current(origin: string): Entry | undefined {
    const entry = entries.get(origin);
    const at = now();
    return entry !== undefined && at >= entry.settledAt && at < entry.expiresAt ? entry : undefined;
  }

  function ask(origin: string): Entry {
    const failures = entries.get(origin)?.failures ?? 0;
    const entry: Entry = {
      answer: fetchRobots(origin).then(
        (answer) => settle(entry, answer),
        (failure: unknown) => unreachable(entry, failure),
      ),
      settledAt: Number.NEGATIVE_INFINITY,
      expiresAt: Number.POSITIVE_INFINITY,
      failures,
    };
    entries.delete(origin);
    entries.set(origin, entry);
    if (entries.size > maxHosts) forgetOldest();
    return entry;
  }

  /** Pages of such a host fail for the same reason, with their own patience: nothing is remembered. */
  function unreachable(entry: Entry, failure: unknown): RobotsRules {
    entry.expiresAt = Number.NEGATIVE_INFINITY;
    entry.state = 'unavailable';
    entry.rules = { ...forbidding(() => 0), failure };
    return entry.rules;
  }

  function settle(entry: Entry, answer: RobotsAnswer): RobotsRules {
    const rules = rulesByStatus(answer, token);
    entry.settledAt = now();
    if (answer.failure !== undefined) {
      // Soon its name may have come to be, and its robots.txt with it; until then nobody looks it up for each page.
      entry.expiresAt = entry.settledAt + unaskedMs;
      entry.rules = { ...parseRobots('', token), failure: answer.failure };
      return entry.rules;
    }
    entry.state = rules === undefined ? 'unavailable' : answer.status < 300 ? 'rules' : 'none';
    if (rules === undefined) {
      const pauseMs = Math.min(firstPauseMs * 2 ** entry.failures++, maxPauseMs);
      entry.expiresAt = now() + Math.max(pauseMs, answer.retryAfterMs ?? 0);
    } else {
      entry.expiresAt = now() + maxAgeMs;
      entry.failures = 0;
    }
    entry.rules = rules ?? forbidding(() => entry.expiresAt - now());
    return entry.rules;
  }

  function forgetOldest(): void {
    // One that is still on its way is kept: whoever waits for it would not find it again.
    for (const [origin, { rules }] of entries) {
      if (rules === undefined) continue;
      entries.delete(origin);
      return;
    }
  }

  return {
    rules: (origin) => (current(origin) ?? ask(origin)).answer,
    known: (origin) => current(origin)?.rules,
    state: (origin) => entries.get(origin)?.state,
  };
}

/** What an answer means; `undefined` where it means that the host cannot say. */
function rulesByStatus(answer: RobotsAnswer, token: string): RobotsRules | undefined {
  if (answer.status === 429 || answer.status < 200 || answer.status >= 500) return undefined;
  return parseRobots(answer.status < 300 ? answer.body : '', token);
}

function forbidding(retryInMs: () => number): RobotsRules {
  return {
    allows: () => false,
    sitemaps: [],
    get retryInMs() {
      return Math.max(0, retryInMs());
    },
  };
}
