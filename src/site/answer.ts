/** What passes between the practice site's routes and its server. */
import type { QuotePage } from './markup.js';
import type { Session } from './session.js';

/** One request, as far as a route has to know it. */
export interface Visit {
  readonly method: string;
  /** What the route's pattern captured, decoded; `undefined` for a part that is not there. */
  readonly captured: readonly (string | undefined)[];
  readonly query: URLSearchParams;
  /** Of a POST. */
  readonly form: URLSearchParams;
  /** Scheme, name and port by which the visitor calls the site. */
  readonly origin: string;
  readonly session: Session;
}

/** What a route says to a visit. */
export interface Answer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default `text/html; charset=utf-8`. */
  readonly type?: string;
  /** Text, or a page of quotes that may be sent quote by quote. */
  readonly body: string | QuotePage;
  /** Which page of all quotes this is, for whoever watches them leave. */
  readonly page?: number;
  /** Waits so long before its head, on top of what every answer waits. */
  readonly delayMs?: number;
  /** Breaks the connection off instead of answering. */
  readonly reset?: boolean;
}

/** Sends the visitor somewhere else. */
export function redirect(location: string, status = 302, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { location, ...headers }, body: `<p>Go to <a href="${location}">${location}</a>.</p>\n` };
}

/** An answer without a page behind it. */
export function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}
