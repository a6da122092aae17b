/** Requests to the service, and its refusals as errors. */
import { CrawlcastClientError } from './errors.js';

/** Where a service is, and how to ask it. */
export interface ServiceOptions {
  /** The service's token: for reading, or for changing things as well. */
  readonly token?: string;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
}

/** One service. */
export interface Service {
  readonly token?: string;
  /** The whole URL of a path such as `crawls/ID`. */
  locate(path: string, query?: URLSearchParams): URL;
  /**
   * Asks, and gives the answer if it is a good one.
   * @throws CrawlcastClientError with the code of the service, `http.NNN`, `connect.failed`, or `auth.wrong` for a token
   * that cannot be sent
   */
  ask(url: URL, init?: RequestInit): Promise<Response>;
}

/** Statuses that may be others at the next attempt. */
const passing: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Makes a service of its URL; in a browser it may be a relative one.
 * @throws CrawlcastClientError `url.invalid`
 */
export function createService(url: string | URL, { token, fetch: ask = globalThis.fetch }: ServiceOptions): Service {
  const base = parseBase(url);
  // No `fetch` asks such a one: it would fail like a service that does not answer, again and again.
  if (base.username !== '' || base.password !== '') {
    throw new CrawlcastClientError('url.invalid', 'a user and a password cannot be in the URL: use the option token');
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return {
    ...(token !== undefined && { token }),
    locate(path, query) {
      const whole = new URL(path, base);
      whole.search = query?.toString() ?? '';
      return whole;
    },
    async ask(url, init = {}) {
      const headers = new Headers(init.headers);
      if (token !== undefined) authorize(headers, token);
      const response = await ask(url, { ...init, headers }).catch((cause: unknown) => {
        throw new CrawlcastClientError('connect.failed', unreachable(url.origin), { retryable: true, cause });
      });
      if (response.ok) return response;
      throw await readRefusal(response);
    },
  };
}

/** `localhost:9000` is a URL as well, of the scheme `localhost`. */
function parseBase(url: string | URL): URL {
  try {
    const base = new URL(url, globalThis.location?.href);
    // The address of a WebSocket is that of the service, in other words.
    base.protocol = base.protocol.replace(/^ws/, 'http');
    if (/^https?:$/.test(base.protocol)) return base;
  } catch {
    // It is told below.
  }
  throw new CrawlcastClientError(
    'url.invalid',
    `"${url}" is no http or https URL: write one such as http://localhost:9000`,
  );
}

function authorize(headers: Headers, token: string): void {
  try {
    headers.set('authorization', `Bearer ${token}`);
  } catch (cause) {
    throw new CrawlcastClientError('auth.wrong', 'the token has characters that none can have', { cause });
  }
}

/** A browser does not tell a page why it got no answer from another origin. */
function unreachable(origin: string): string {
  const own = globalThis.location?.origin;
  const mayBeRefused = own !== undefined && own !== origin;
  return `${origin} does not answer${mayBeRefused ? `, or not to pages of ${own}: see --cors-origin` : ''}`;
}

async function readRefusal(response: Response): Promise<CrawlcastClientError> {
  const { status, statusText } = response;
  const text = await response.text().catch(() => '');
  const problem = parseProblem(text);
  const waitMs = waitOf(response.headers.get('retry-after'));
  return new CrawlcastClientError(
    problem.code ?? `http.${status}`,
    problem.detail ?? `the answer is ${status} ${statusText || text.slice(0, 200)}`,
    {
      status,
      retryable: status >= 500 || passing.has(status),
      ...(waitMs !== undefined && { waitMs }),
    },
  );
}

/** How long `Retry-After` wants to be waited, an hour at most; none at all is no leave to come back without a pause. */
function waitOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now();
  return ms > 0 ? Math.min(ms, 3_600_000) : undefined;
}

function parseProblem(text: string): { code?: string; detail?: string } {
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem !== 'object' || problem === null) return {};
    return {
      ...('code' in problem && typeof problem.code === 'string' && { code: problem.code }),
      ...('detail' in problem && typeof problem.detail === 'string' && { detail: problem.detail }),
    };
  } catch {
    return {}; // Not from the service but from something on the way to it.
  }
}
