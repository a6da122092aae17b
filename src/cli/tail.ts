/** `crawlcast tail`. */
import { parseHttpUrl } from '../config.js';
import { followEvents } from './event-stream.js';
import { eventLine, untilInterrupted } from './terminal.js';

/** Options as the command line gives them. */
export interface TailOptions {
  readonly type?: string;
  readonly crawl?: string;
  readonly since?: string;
  readonly json?: boolean;
  readonly token?: string;
}

/** Writes a line for each event until the crawl that was asked for is over, or it is interrupted. */
export async function tail(service: string, { type, crawl, since, json = false, token }: TailOptions): Promise<void> {
  const url = new URL(parseHttpUrl(service));
  url.pathname = url.pathname.replace(/\/(events\/?)?$|$/, '/events');
  // The URL of a stream says itself what is wanted; an option goes before it.
  const query = { type, crawl, since: since ?? url.searchParams.get('since') ?? 'now' };
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
  const abort = new AbortController();
  void untilInterrupted().then(() => abort.abort());
  const note = (text: string) => process.stderr.write(`crawlcast: ${text}\n`);
  let broken = false;
  const events = followEvents(url, {
    signal: abort.signal,
    ...(token === undefined ? {} : { token }),
    onBreak: (reason) => {
      if (!broken) note(`${reason}; trying ${url.origin} again`);
      broken = true;
    },
    onOpen: () => {
      if (broken) note('connected again, going on where it broke off');
      broken = false;
    },
  });
  for await (const event of events) process.stdout.write(`${json ? JSON.stringify(event) : eventLine(event)}\n`);
}
