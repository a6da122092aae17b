/** Logs in to a site as a browser would: fetches the form, fills it in, sends it, and keeps the cookies. */
import { setTimeout as pause } from 'node:timers/promises';
import { CrawlcastError, errorFacts, toCrawlcastError } from '../errors.js';
import { hostKey, printableUrl, resolveLocation } from '../url.js';
import { type AdmissionRules, admit } from './admission.js';
import { type Cancellation, cancelledBy } from './cancellation.js';
import type { Cookies } from './cookies.js';
import { type Fetcher, type FetchResponse, locationOf } from './fetcher.js';
import { createFormReader, type Form, type FormPage, fillIn, readBody, type Submission } from './forms.js';
import type { FetchOptions, ResponseHead } from './messages.js';
import { backoffMs } from './politeness.js';
import type { Spider } from './spider.js';

/** What is needed to log in. */
export interface LoginVisit {
  readonly login: NonNullable<Spider['login']>;
  readonly fetcher: Fetcher;
  /** Used and filled. */
  readonly cookies: Cookies;
  /** How a URL is fetched; the cookies are put in here. */
  readonly optionsFor: (url: string) => FetchOptions;
  /** Which hosts may be entered besides that of the login page. */
  readonly rules: AdmissionRules;
  readonly redirects: number;
  readonly retries: number;
  /** Whether the cookies may be those of an earlier login: a page without the form then means that it still holds. */
  readonly again: boolean;
}

/** A page that was come to. */
interface Landing extends FormPage {
  readonly url: string;
}

/**
 * Logs in. What the form is filled in with is in no message.
 * @throws CrawlcastError `login.failed`; the signal's reason when it is aborted
 */
export async function logIn(visit: LoginVisit, signal: AbortSignal): Promise<void> {
  const caller = cancelledBy(signal);
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryToLogIn(visit, caller);
    } catch (thrown) {
      signal.throwIfAborted();
      const { code, message } = toCrawlcastError(thrown);
      if (code === 'login.failed') throw thrown;
      if (errorFacts(code).retryable !== true || attempt > visit.retries) throw failure(visit, message);
      await pause(backoffMs(attempt), undefined, { signal });
    }
  }
}

async function tryToLogIn(visit: LoginVisit, caller: Cancellation): Promise<void> {
  const { url, form: css, fields, check } = visit.login;
  const read = createFormReader(css, check);
  const before = await land({ url, method: 'GET' }, visit, read, caller);
  if (before.form === undefined) {
    if (visit.again && (check === undefined || before.checked)) return;
    throw failure(visit, `no form matches ${JSON.stringify(css)}`);
  }
  const after = await land(fillIn(before.form, fields), visit, read, caller, before.url);
  if (check === undefined ? after.url === before.url && after.form !== undefined : !after.checked) {
    const why =
      check === undefined ? 'it leads back to the form' : `nothing matches ${JSON.stringify(check)} behind it`;
    throw failure(visit, `the form was sent, but ${why}${strangersIn(before.form, fields)}`);
  }
}

/** What was filled in that the form does not ask for: a wrong name, or another form, such as one for a search. */
function strangersIn(form: Form, fields: Readonly<Record<string, string>>): string {
  const inputs = [...new Set(form.inputs)];
  const strangers = Object.keys(fields).filter((name) => !inputs.includes(name));
  const listed = (names: string[]) =>
    names
      .slice(0, 10)
      .map((name) => JSON.stringify(name.slice(0, 100)))
      .join(', ');
  const known = inputs.length === 0 ? 'none with a name' : listed(inputs);
  return strangers.length === 0 ? '' : `; the form has no input ${listed(strangers)}: it has ${known}`;
}

function failure({ login }: LoginVisit, why: string): CrawlcastError {
  return new CrawlcastError('login.failed', `the login at ${placeOf(login.url)} failed: ${why}`);
}

/** A URL without what may be secret. */
function placeOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/**
 * Sends a request and follows where it leads.
 * @param from the page with the form, where one is sent
 */
async function land(
  first: Submission,
  visit: LoginVisit,
  read: (text: string, url: string) => FormPage,
  caller: Cancellation,
  from?: string,
): Promise<Landing> {
  let request = first;
  for (let hop = 0; hop <= visit.redirects; hop++) {
    checkPlace(request, visit, request.body !== undefined || (request === first && from !== undefined));
    const { url, ...submission } = request;
    const options = { ...optionsOf(request, visit, from), ...submission };
    const response = await visit.fetcher.fetch({ url, options }, caller);
    const { head, body } = response;
    visit.cookies.take(url, head.headers['set-cookie'] ?? []);
    const next = nextHop(request, head);
    if (next === undefined) return readLanding(visit, url, response, read);
    body.discard();
    request = next;
  }
  throw failure(visit, `more than ${visit.redirects} redirects in a row`);
}

async function readLanding(
  visit: LoginVisit,
  url: string,
  { head: { status, headers }, body }: FetchResponse,
  read: (text: string, url: string) => FormPage,
): Promise<Landing> {
  if (status < 400) return { url, ...read(await readBody(body, headers['content-type']?.[0]), url) };
  body.discard();
  if (errorFacts(`http.${status}`).retryable === true) {
    throw new CrawlcastError(`http.${status}`, `${placeOf(url)} answered with status ${status}`);
  }
  throw failure(visit, `${placeOf(url)} answered with status ${status}`);
}

/** A redirected POST becomes a GET, but for 307 and 308 (RFC 9110 §15.4). */
function nextHop(request: Submission, head: ResponseHead): Submission | undefined {
  const location = locationOf(head);
  if (location === undefined) return undefined;
  const url = resolveLocation(location, request.url);
  if (url === undefined) throw new CrawlcastError('redirect.invalid', 'it leads to what is no URL');
  return head.status >= 307 ? { ...request, url } : { url, method: 'GET' };
}

/** What is filled in goes to the login page's own host, or to where the crawl may go anyway; and never from https to http. */
function checkPlace({ url }: Submission, visit: LoginVisit, isFilledIn: boolean): void {
  const { login, rules } = visit;
  const home = hostKey(login.url);
  const allows = (place: URL) => hostKey(place) === home || rules.allows(place);
  const admission = admit({ url, depth: 0 }, { ...rules, allows });
  const isExposed = isFilledIn && login.url.startsWith('https:') && !url.startsWith('https:');
  if ('offer' in admission && !isExposed) return;
  const why = 'skip' in admission ? `which this crawl may not enter (${admission.skip})` : 'without encryption';
  throw failure(visit, `it leads to ${placeOf(url)}, ${why}`);
}

function optionsOf({ url, body }: Submission, { login, cookies, optionsFor }: LoginVisit, from: string | undefined) {
  const options = optionsFor(url);
  const cookie = cookies.header(url);
  // Credentials of the spider's own are for the site itself.
  const isForeign = new URL(url).origin !== new URL(login.url).origin;
  const own = Object.entries(options.headers).filter(([name]) => !isForeign || !/^(authorization|cookie)$/i.test(name));
  const headers = {
    ...Object.fromEntries(own),
    ...(isForeign && cookie !== undefined && { cookie }),
    ...(from !== undefined && { referer: printableUrl(from) }),
    ...(body !== undefined && {
      'content-type': 'application/x-www-form-urlencoded',
      origin: new URL(from ?? url).origin,
    }),
  };
  return { ...options, headers };
}
