/** How one crawl behaves towards a host: what the host's robots.txt says, and what the spider's settings say. */
import type { Lease } from '../store/store.js';
import type { Manners, Politeness } from './politeness.js';
import { allowsUrl, type Robots, type RobotsRules } from './robots.js';
import type { Settings } from './spider.js';

/** What robots.txt says to one page; or in how many milliseconds it may be asked for again, where the host could not say. */
export type Verdict = 'granted' | 'refused' | { readonly retryInMs: number };

/** One crawl's conduct. */
export class Conduct {
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
    if (allowsUrl(rules, url)) return 'granted';
    return rules.retryInMs === undefined ? 'refused' : { retryInMs: rules.retryInMs };
  }

  /** Whether robots.txt, as far as it is known, has the page not asked for: that takes none of the host's time. */
  isRefused({ host, url }: Lease): boolean {
    const rules = this.#known(host);
    return rules !== undefined && rules.failure === undefined && !allowsUrl(rules, url);
  }

  /** How the host is asked. */
  manners(host: string): Manners {
    const { concurrencyPerHost, delay, autothrottle, robots } = this.settings;
    const rules = this.#known(host);
    return {
      // Nobody hurries into a host whose robots.txt has not come yet: it may ask for a delay.
      concurrencyPerHost: robots && rules === undefined ? 1 : concurrencyPerHost,
      delayMs: delay,
      autothrottle,
      ...(rules?.crawlDelayMs === undefined ? {} : { crawlDelayMs: rules.crawlDelayMs }),
    };
  }

  #known(host: string): RobotsRules | undefined {
    return this.settings.robots ? this.robots.known(host) : undefined;
  }

  async #ask(host: string): Promise<RobotsRules> {
    const rules = await this.robots.rules(host);
    // The delay counts from when the page itself is asked for; and from now on others may go as well.
    this.politeness.touch(host);
    this.politeness.reconsider(host);
    return rules;
  }
}
