/** Reads a service's `/events`, and comes back after every break where it left off. */
import { setTimeout as pause } from 'node:timers/promises';
import { CrawlcastError } from '../errors.js';
import type { CloudEvent } from '../events.js';

/** How to follow a stream. */
export interface FollowOptions {
  readonly token?: string;
  readonly signal: AbortSignal;
  /** Told why there is no stream, after each attempt but the first that follows a break. */
  readonly onBreak?: (reason: string) => void;
  readonly onOpen?: () => void;
}

const maxWaitMs = 10_000;

/**
 * The events of a stream, each once, in order, whatever happens to the service in between. Ends with the stream of a
 * crawl that is over, or with the signal. The `latest` crawl stays the same one, also when a newer one has begun before we come back.
 * @throws CrawlcastError where the service refuses the request: coming back would change nothing
 */
export async function* followEvents(start: URL, options: FollowOptions): AsyncGenerator<CloudEvent> {
  const url = new URL(start);
  let lastId: string | undefined;
  let hasBeenOpen = false;
  for (let failures = 0; !options.signal.aborted; failures++) {
    try {
      const response = await checked(await open(url, lastId, options), url, hasBeenOpen);
      if (response.status === 204 || response.body === null) return;
      hasBeenOpen = true;
      options.onOpen?.();
      for await (const { id, data } of readBlocks(response.body)) {
        failures = 0;
        if (id !== undefined) lastId = id;
        if (data === undefined) continue;
        // The service wrote it as an event of its own vocabulary.
        const event = JSON.parse(data) as CloudEvent;
        const [, crawl] = /^\/crawls\/(.+)$/.exec(event.source) ?? [];
        if (crawl !== undefined && url.searchParams.get('crawl') === 'latest') url.searchParams.set('crawl', crawl);
        yield event;
      }
    } catch (error) {
      if (options.signal.aborted) return;
      if (error instanceof CrawlcastError) throw error;
    }
    const waitMs = Math.min(maxWaitMs, 250 * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2);
    const trouble = hasBeenOpen ? 'the connection is lost' : `${url.origin} cannot be reached`;
    if (failures > 0) options.onBreak?.(trouble);
    await pause(waitMs, undefined, { signal: options.signal }).catch(() => {});
  }
}

async function open(url: URL, lastId: string | undefined, { token, signal }: FollowOptions): Promise<Response> {
  const response = await fetch(url, {
    signal,
    headers: {
      accept: 'text/event-stream',
      ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
  if (response.ok) return response;
  const text = await response.text();
  // What a proxy says while the service behind it is away: the next attempt may find it.
  if (response.status >= 500 || mayPass.has(response.status)) throw new Error(`status ${response.status}`);
  const isTokenless = response.status === 401 && token === undefined;
  const detail = isTokenless ? 'give its token with --token, or in CRAWLCAST_TOKEN' : detailOf(text);
  throw new CrawlcastError('usage.invalid', `${url.origin} answers ${response.status}: ${detail}`);
}

/**
 * A web server may answer any path with a page: that is no stream, and would not become one. Where there has been a stream
 * it is what a proxy says while the service behind it is away.
 */
async function checked(response: Response, { origin }: URL, hasBeenOpen: boolean): Promise<Response> {
  const type = response.headers.get('content-type') ?? '';
  if (response.status === 204 || type.toLowerCase().startsWith('text/event-stream')) return response;
  // Of a page without end the rest would keep the process.
  await response.body?.cancel();
  if (hasBeenOpen) throw new Error('no stream');
  throw new CrawlcastError(
    'usage.invalid',
    `${origin} does not answer with a stream of events: is it a Crawlcast service?`,
  );
}

/** Refusals that are of the moment. */
const mayPass: ReadonlySet<number> = new Set([408, 425, 429]);

function detailOf(text: string): string {
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem === 'object' && problem !== null && 'detail' in problem) return String(problem.detail);
  } catch {
    // not one of our services
  }
  return text.slice(0, 200);
}

/** One block of a stream, as far as it concerns us. */
interface Block {
  readonly id?: string;
  readonly data?: string;
}

/** Blocks of a server-sent event stream that ends its lines with a line feed, as ours does. */
async function* readBlocks(body: AsyncIterable<Uint8Array>): AsyncGenerator<Block> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) yield readBlock(block);
  }
}

function readBlock(text: string): Block {
  const block: { id?: string; data?: string } = {};
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^(id|data): ?(.*)$/s.exec(line) ?? [];
    if (name === 'id') block.id = value;
    if (name === 'data') block.data = value;
  }
  return block;
}
