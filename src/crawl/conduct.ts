/** How one crawl behaves towards a host: what the host's robots.txt says, and what the spider's settings say. */
import type { Lease } from '../store/store.js';
import type { Manners, Politeness } from './politeness.js';
import type { RobotsRules } from './robots.js';
import type { Robots } from './robots-memory.js';
import type { Settings } from './spider.js';

/** What robots.txt says to one page; or in how many milliseconds it may be asked for again, where the host could not say. */
export type Verdict = 'granted' | 'refused' | { readonly retryInMs: number };

/** A host whose robots.txt cannot be had. */
interface Silence {
  /** What came of asking last. */
  readonly rules: RobotsRules;
  /** How many times in a row it was asked for in vain, and since when; `performance.now()`. */
  readonly times: number;
  readonly sinceMs: number;
}

/** How long a host may give no robots.txt, for each retry of a page, before all that is queued for the host is refused. */
const patienceMs = 20_000;

/**
 * One crawl's conduct. A host whose robots.txt cannot be had is left alone, and what is queued for it stays queued. Only the
 * page that robots.txt was asked for is tried again, and refused in the end.
 */
export class Conduct {
  readonly #silent = new Map<string, Silence>();

  constructor(
    private readonly settings: Settings,
    private readonly robots: Robots,
    private readonly politeness: Politeness,
  ) {}

  /** Asks the host's robots.txt, where it is not known; throws what went wrong where the host cannot be reached. */
  async judge({ host, url }: Lease): Promise<Verdict> {
    if (!this.settings.robots) return 'granted';
    const rules = this.robots.known(host) ?? (await this.#ask(host));
    if (rules.failure !== undefined) throw rules.failure;
    const { retryInMs } = rules;
    if (retryInMs !== undefined)
      return this.#note(host, rules).times > this.settings.retries ? 'refused' : { retryInMs };
    // Also where another crawl has asked.
    this.#silent.delete(host);
    return allowsUrl(rules, url) ? 'granted' : 'refused';
  }

  /** How long a host is left alone because it could not say; 0 where it may be asked. */
  heldMs(host: string): number {
    const retryInMs = this.#known(host)?.retryInMs;
    return retryInMs === undefined || this.#isGivenUp(host) ? 0 : Math.max(1, retryInMs);
  }

  /** Whether robots.txt, as far as it is known, has the page not asked for: that takes none of the host's time. */
  isRefused({ host, url }: Lease): boolean {
    const rules = this.#known(host);
    return rules !== undefined && !allowsUrl(rules, url);
  }

  /** How the host is asked. */
  manners(host: string): Manners {
    const { concurrencyPerHost, delay, autothrottle, robots } = this.settings;
    const rules = this.#known(host);
    return {
      // Nobody hurries into a host whose robots.txt has not come yet: it may ask for a delay.
      concurrencyPerHost: robots && rules === undefined ? 1 : concurrencyPerHost,
      delayMs: Math.max(delay, rules?.crawlDelayMs ?? 0),
      autothrottle,
    };
  }

  #known(host: string): RobotsRules | undefined {
    return this.settings.robots ? this.robots.known(host) : undefined;
  }

  async #ask(host: string): Promise<RobotsRules> {
    const rules = await this.robots.rules(host);
    if (rules.retryInMs !== undefined && rules.failure === undefined) this.#note(host, rules);
    // The delay counts from when the page itself is asked for; and from now on others may go as well.
    this.politeness.touch(host);
    this.politeness.reconsider(host);
    return rules;
  }

  #note(host: string, rules: RobotsRules): Silence {
    const before = this.#silent.get(host);
    if (before?.rules === rules) return before;
    const { times = 0, sinceMs = performance.now() } = before ?? {};
    const silence = { rules, times: times + 1, sinceMs };
    this.#silent.set(host, silence);
    return silence;
  }

  #isGivenUp(host: string): boolean {
    const { times, sinceMs } = this.#silent.get(host) ?? { times: 0, sinceMs: 0 };
    const { retries } = this.settings;
    return times > retries && performance.now() - sinceMs >= retries * patienceMs;
  }
}

function allowsUrl(rules: RobotsRules, url: string): boolean {
  const { pathname, search } = new URL(url);
  return rules.allows(pathname + search);
}
