/** Asks hosts for their robots.txt, within the limits of whoever wants to know. */
import { CrawlcastError } from '../errors.js';
import { resolveLocation } from '../url.js';
import { admit } from './admission.js';
import { Cancellation } from './cancellation.js';
import type { Fetcher } from './fetcher.js';
import type { FetchOptions } from './messages.js';
import { parseRetryAfter } from './politeness.js';
import { maxRobotsLength } from './robots.js';
import { createRobots, type Robots, type RobotsAnswer, type RobotsState } from './robots-memory.js';

/** What every host allows. */
export interface RobotsDesk {
  /**
   * What is allowed to a crawl that fetches in some way: its user agent is the one whose rules are meant. Hosts are asked
   * once, however many crawls with the same user agent, way out, address guard and patience want to know.
   */
  for(options: FetchOptions): Robots;
  /** What came of asking a host, whoever asked; undefined where nobody has, or could. */
  state(origin: string): RobotsState | undefined;
}

/** Redirects that a robots.txt may take (RFC 9309 §2.3.1.2). */
const maxHops = 5;
/** A host that takes longer to give its robots.txt counts as unreachable, for now. */
const maxTimeoutMs = 10_000;
/** Ways to fetch that are remembered, as each may have its megabytes of rules. A crawl that goes on keeps what it was given. */
const maxDesks = 16;

/** Makes a desk. */
export function createRobotsDesk(fetcher: Fetcher): RobotsDesk {
  /** The least recently wanted first. */
  const desks = new Map<string, Robots>();

  function deskFor({ userAgent, proxy, publicOnly, timeoutMs }: FetchOptions): Robots {
    const patience = Math.min(timeoutMs, maxTimeoutMs);
    // Of all settings only these decide what comes of asking: one crawl's haste must not be another's failure.
    const key = JSON.stringify([userAgent, proxy, publicOnly, patience]);
    const options: FetchOptions = {
      userAgent,
      publicOnly,
      headers: {},
      timeoutMs: patience,
      totalTimeoutMs: 2 * patience,
      maxBytes: maxRobotsLength * 4,
      ...(proxy === undefined ? {} : { proxy }),
    };
    const fetch = (origin: string) => fetchRobots(fetcher, origin, options);
    const robots = desks.get(key) ?? createRobots({ userAgent, fetchRobots: fetch });
    desks.delete(key);
    desks.set(key, robots);
    const [oldest] = desks.keys();
    if (desks.size > maxDesks && oldest !== undefined) desks.delete(oldest);
    return robots;
  }

  return {
    for: deskFor,
    state(origin) {
      for (const desk of desks.values()) {
        const state = desk.state(origin);
        if (state !== undefined) return state;
      }
      return undefined;
    },
  };
}

/** More hops than that, or one to where no page may be had: the same as none (RFC 9309 §2.3.1.2). */
const none: RobotsAnswer = { status: 404, body: '' };

async function fetchRobots(fetcher: Fetcher, origin: string, options: FetchOptions): Promise<RobotsAnswer> {
  let url: string | undefined = new URL('/robots.txt', origin).href;
  for (let hop = 0; url !== undefined && hop <= maxHops; hop++) {
    const answer = await fetcher.fetch({ url, options }, new Cancellation()).catch((error: unknown) => {
      if (hop === 0 && isOutOfReach(error)) return { ...none, failure: error };
      throw error;
    });
    if ('failure' in answer) return answer;
    const { head, body } = answer;
    const location = head.headers.location?.[0];
    if (head.status < 300 || head.status >= 400 || location === undefined) {
      const retryAfterMs = parseRetryAfter(head.headers['retry-after']?.[0]);
      return { status: head.status, body: await readText(body), retryAfterMs };
    }
    body.discard();
    url = target(location, url);
  }
  return none;
}

/** Where a redirect leads, through the same gate as those of pages; on whatever host. */
function target(location: string, from: string): string | undefined {
  const url = resolveLocation(location, from);
  if (url === undefined) return undefined;
  const admission = admit({ url, depth: 0 }, { allows: () => true, robots: false });
  return 'offer' in admission ? admission.offer.url : undefined;
}

/** Whether no page of that host can be had either. */
function isOutOfReach(error: unknown): boolean {
  return error instanceof CrawlcastError && outOfReach.has(error.code);
}

const outOfReach: ReadonlySet<string> = new Set(['address.private', 'address.port', 'dns.not_found']);

/** What is longer than is parsed is cut. What breaks off is no answer: the rest may have forbidden something. */
async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > maxRobotsLength) break;
  }
  return text;
}
