/** The gate of one crawl: which of the URLs that it finds go into its frontier, and what is written about the others. */
import type { SkipReason } from '../events.js';
import type { Lease, NewEvent, Offer, Step } from '../store/store.js';
import { fingerprint, printableUrl } from '../url.js';
import { isPrivateHost } from './addresses.js';
import { type Admission, type AdmissionRules, admit, hostRule } from './admission.js';
import { newEvent } from './events.js';
import type { ExtractedLink } from './messages.js';
import type { Spider } from './spider.js';

/** Offers for the frontier, and events about what is not offered. */
export type Sorted = Required<Pick<Step, 'events' | 'offers'>>;

/** What a gate is made of. */
export interface GateOptions {
  readonly crawl: string;
  readonly spider: Spider;
  /** Refuse the literal addresses of private networks. */
  readonly publicOnly: boolean;
}

/** Admits and refuses on behalf of one crawl. */
export class Gate {
  readonly rules: AdmissionRules;
  readonly #crawl: string;
  /** Names of the start URLs' hosts. */
  readonly #names: ReadonlySet<string>;
  readonly #staysHome: boolean;

  constructor({ crawl, spider, publicOnly }: GateOptions) {
    const { robots, maxDepth } = spider.settings;
    this.#crawl = crawl;
    this.#names = new Set(spider.start.map((url) => bareName(new URL(url))));
    this.#staysHome = spider.allow === undefined;
    this.rules = {
      allows: hostRule(spider.allow, spider.start),
      robots,
      ...(maxDepth === undefined ? {} : { maxDepth }),
      ...(publicOnly ? { isPrivate: isPrivateHost } : {}),
    };
  }

  /** The URLs that a crawl starts with. */
  start(urls: readonly string[]): Sorted {
    return this.#sort(urls.map((url) => admit({ url, depth: 0, start: true }, this.rules)));
  }

  /** The links of a page. */
  follow(links: readonly ExtractedLink[], lease: Lease): Sorted {
    const rules = this.#rulesAt(lease, false);
    return this.#sort(
      links.map((link) => {
        const depth = lease.depth + (link.listed ? 0 : 1);
        return admit({ depth, ...link }, link.refresh ? this.#rulesAt(lease, true) : rules);
      }),
    );
  }

  /** Where a redirect leads: a link that nobody needs to click. */
  redirect(location: string, lease: Lease): Admission {
    const admission = admit({ url: location, depth: lease.depth }, this.#rulesAt(lease, true));
    if (lease.start !== true || !('offer' in admission)) return admission;
    return { offer: { start: true, ...admission.offer } };
  }

  /** What is written about a URL that is not fetched. */
  skipped(url: string, reason: SkipReason): NewEvent {
    const shown = printableUrl(url);
    const event = newEvent(this.#crawl, 'page.skipped', shown, { url: shown, reason });
    // The same link stands on many pages; it is skipped once for each reason.
    return { once: `${reason} ${fingerprint(shown)}`, ...event };
  }

  /**
   * What counts for where a page leads. The site of a start URL may move it between its name and the same under `www.`;
   * where no `allow` says otherwise, the crawl then goes on there. Elsewhere the rules decide.
   */
  #rulesAt(lease: Lease, isRedirect: boolean): AdmissionRules {
    const moves = isRedirect && lease.start === true;
    // Most pages have no link for which it counts, some have many.
    let host: string | undefined;
    const stays = (url: URL) => {
      host ??= new URL(lease.url).host;
      return this.#staysHome && url.host === host;
    };
    const isHome = (url: URL) => this.#names.has(bareName(url)) && (moves || stays(url));
    return { ...this.rules, allows: (url) => this.rules.allows(url) || isHome(url) };
  }

  #sort(admissions: readonly Admission[]): Sorted {
    const events: NewEvent[] = [];
    const offers: Offer[] = [];
    for (const admission of admissions) {
      if ('offer' in admission) offers.push(admission.offer);
      else events.push(this.skipped(admission.url, admission.skip));
    }
    return { events, offers: bestOfEach(offers) };
  }
}

function bareName(url: URL): string {
  return url.hostname.replace(/^www\./, '');
}

/** Of several links to one page, the best of their priorities and of their depths: two selectors may match one element. */
function bestOfEach(offers: readonly Offer[]): Offer[] {
  const best = new Map<string, Offer>();
  for (const offer of offers) {
    const known = best.get(offer.fingerprint);
    best.set(offer.fingerprint, known === undefined ? offer : bestOf(known, offer));
  }
  return [...best.values()];
}

function bestOf(a: Offer, b: Offer): Offer {
  const { depth: _, ...better } = (b.priority ?? 0) > (a.priority ?? 0) ? b : a;
  return { depth: Math.min(a.depth, b.depth), ...better };
}
