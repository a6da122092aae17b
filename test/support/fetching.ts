/** What the fetcher's tests share: short limits, and a fetch that is read to its end. */
import { Cancellation } from '#src/crawl/cancellation.js';
import type { Fetcher, FetchRequest } from '#src/crawl/fetcher.js';
import type { FetchOptions, ResponseHead } from '#src/crawl/messages.js';
import { CrawlcastError } from '#src/errors.js';

/** A request with short limits. */
export function request(url: string, changes: Partial<FetchOptions> = {}): FetchRequest {
  const options = {
    userAgent: 'crawlcast-test',
    headers: {},
    timeoutMs: 5_000,
    totalTimeoutMs: 10_000,
    maxBytes: 1_000_000,
    publicOnly: false,
    ...changes,
  };
  return { url, options };
}

/** A caller that gives nothing up. */
export const never = new Cancellation();

/** What a fetch came to: all that was read, and the error that ended it. */
export interface Outcome {
  readonly head?: ResponseHead;
  readonly text: string;
  readonly bytes: number;
  readonly error?: CrawlcastError;
}

/** Fetches, reads to the end, and tells what came and what went wrong. */
export async function outcomeOf(fetcher: Fetcher, wanted: FetchRequest): Promise<Outcome> {
  const chunks: Uint8Array[] = [];
  let head: ResponseHead | undefined;
  const outcome = () => {
    const all = Buffer.concat(chunks);
    return { ...(head && { head }), text: all.toString(), bytes: all.length };
  };
  try {
    const response = await fetcher.fetch(wanted, never);
    head = response.head;
    for await (const chunk of response.body) chunks.push(chunk);
    return outcome();
  } catch (error) {
    if (!(error instanceof CrawlcastError)) throw error;
    return { ...outcome(), error };
  }
}
