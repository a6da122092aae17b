/** Which hosts have which robots.txt, as far as it is known. */
import { parseRobots, type RobotsRules, userAgentToken } from './robots.js';

/** What the attempt to get a robots.txt came to, at most five redirects later. */
export interface RobotsAnswer {
  readonly status: number;
  readonly body: string;
  readonly retryAfterMs?: number | undefined;
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
  /** How much memory their rules may take, about. Default 64 MB. */
  readonly maxBytes?: number;
}

interface Entry {
  readonly answer: Promise<RobotsRules>;
  /** Absent while the answer is on its way. */
  rules?: RobotsRules;
  state?: RobotsState;
  /** When it came. A clock that shows an earlier time was set back: nobody knows then how old the answer is. */
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
 * connection until somebody asks again (§2.3.1). A host that could not be asked is taken for such a one for a second.
 */
export function createRobots(options: RobotsOptions): Robots {
  const { fetchRobots, userAgent, now = Date.now, maxHosts = 10_000, maxBytes = 64_000_000 } = options;
  /** What the rules of all take. */
  let bytes = 0;
  const entries = new Map<string, Entry>();
  const token = userAgentToken(userAgent);

  function current(origin: string): Entry | undefined {
    const entry = entries.get(origin);
    const at = now();
    return entry !== undefined && at >= entry.settledAt && at < entry.expiresAt ? entry : undefined;
  }

  function ask(origin: string): Entry {
    const { failures = 0, rules: before } = entries.get(origin) ?? {};
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
    bytes -= before?.bytes ?? 0;
    entries.set(origin, entry);
    makeRoom();
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
    bytes += rules?.bytes ?? 0;
    makeRoom();
    entry.rules = rules ?? forbidding(() => entry.expiresAt - now());
    return entry.rules;
  }

  /** Forgets the oldest. */
  function makeRoom(): void {
    if (entries.size <= maxHosts && bytes <= maxBytes) return;
    for (const [origin, { rules }] of entries) {
      // One that is still on its way is kept: whoever waits for it would not find it again.
      if (rules === undefined) continue;
      entries.delete(origin);
      bytes -= rules.bytes ?? 0;
      if (entries.size <= maxHosts && bytes <= maxBytes) return;
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
    get retryInMs() {
      return Math.max(0, retryInMs());
    },
  };
}
