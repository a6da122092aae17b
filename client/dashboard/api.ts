/** The service's public API, as far as the dashboard needs it. */
import { signal } from '@preact/signals';
import type { CrawlSnapshot } from '#src/events.js';

/** A crawl as it stands. */
export type Crawl = CrawlSnapshot;

/** How one host is being asked. */
export interface Host {
  readonly host: string;
  readonly inFlight: number;
  /** Between two requests. */
  readonly delayMs: number;
  /** How long it is left alone from now on. */
  readonly holdMs: number;
  /** What came of asking for its robots.txt. */
  readonly robots: 'unknown' | 'none' | 'rules' | 'unavailable';
}

/** What the service refused, in its own words. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** As long as a person waits for an answer. */
const answerMs = 15_000;

const tokenKey = 'crawlcast.token';

/** What this tab shows to the service; empty: nothing. */
export const token = signal(sessionStorage.getItem(tokenKey) ?? '');

/** Whether the service wants another token than this tab has. */
export const tokenWanted = signal(false);

/** Keeps a token for as long as the tab lives. */
export function rememberToken(text: string): void {
  sessionStorage.setItem(tokenKey, text);
  token.value = text;
  tokenWanted.value = false;
}

/** Takes the token out of the page's address, where it would end up in histories and screenshots. */
export function takeTokenFromAddress(): void {
  const here = new URL(location.href);
  const given = here.searchParams.get('access_token');
  if (given === null) return;
  rememberToken(given);
  here.searchParams.delete('access_token');
  history.replaceState(null, '', here);
}

/**
 * Asks the service.
 * @throws ApiError where it refuses; something {@link isUnreachable} where it cannot be reached
 */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token.value !== '') authorize(headers);
  const signal = init.signal ?? AbortSignal.timeout(answerMs);
  const response = await fetch(path, { ...init, headers, signal, cache: 'no-store' });
  if (response.ok) return response;
  if (response.status === 401 || response.status === 403) tokenWanted.value = true;
  throw await refusal(response);
}

function authorize(headers: Headers): void {
  try {
    headers.set('authorization', `Bearer ${token.value}`);
  } catch {
    tokenWanted.value = true;
    throw new ApiError(401, 'auth.wrong', 'the token has characters that none can have');
  }
}

async function refusal(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const { code, detail, title }: { code?: string; detail?: string; title?: string } = JSON.parse(text);
    return new ApiError(response.status, code ?? '', detail ?? title ?? text);
  } catch {
    return new ApiError(response.status, '', text || `the service answered ${response.status}`);
  }
}

/** Asks for JSON; its shape is the contract's word. */
export async function read<Value>(path: string, init?: RequestInit): Promise<Value> {
  return (await ask(path, init)).json();
}

/** The names of the spiders that the service knows. */
export async function spiderNames(): Promise<string[]> {
  const spiders = await read<{ name: string }[]>('/spiders');
  return spiders.map(({ name }) => name);
}

/** Sends JSON and reads the answer, which may be empty. */
export async function send<Value>(method: 'POST' | 'PUT', path: string, body?: unknown): Promise<Value | undefined> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { 'content-type': 'application/json' };
  }
  const text = await (await ask(path, init)).text();
  return text === '' ? undefined : JSON.parse(text);
}

/** Whether an error says that the service did not answer: nobody did in time, or something on the way to it (502). */
export function isUnreachable(thrown: unknown): boolean {
  if (thrown instanceof ApiError) return thrown.status >= 500 && thrown.code === '';
  return thrown instanceof TypeError || thrown instanceof DOMException;
}

/** Whether an error is the service's last word: asking again would change nothing. */
export function isRefusal(thrown: unknown): thrown is ApiError {
  return thrown instanceof ApiError && thrown.status < 500 && thrown.status !== 408 && thrown.status !== 429;
}

/** What to tell somebody of a failure. */
export function describeError(thrown: unknown): string {
  if (isUnreachable(thrown)) return 'the service cannot be reached';
  return thrown instanceof ApiError ? thrown.message : String(thrown);
}
