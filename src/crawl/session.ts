/** What a crawl is to the sites that it visits: its manners, its cookies, its login. */
import type { CrawlRecord, OwnDocument, Store } from '../store/store.js';
import { version } from '../version.js';
import type { AdmissionRules } from './admission.js';
import { type Cookies, createCookies } from './cookies.js';
import type { Fetcher } from './fetcher.js';
import { logIn } from './login.js';
import type { FetchOptions, ResponseHead } from './messages.js';
import type { Spider } from './spider.js';

/** The `User-Agent` of a spider that names none. */
const defaultUserAgent = `crawlcast/${version}`;

/** A page may take this many times as long in all as it may be silent. */
const totalTimeoutFactor = 10;

/** Headers that say who we are. */
const credential = /^(authorization|cookie)$/i;

type RequestHeaders = FetchOptions['headers'];

/** One crawl's dealings with its sites. */
export class Session {
  readonly #spider: Spider;
  /** How everything is fetched, without what depends on the URL. */
  readonly options: FetchOptions;
  /** Origins that may have the spider's credentials. */
  readonly #homes: ReadonlySet<string>;
  readonly #cookies: Cookies;
  /** Whether the cookies are those that an earlier run has saved. */
  readonly #isResumed: boolean;
  /** Those of the spider; absent where it has none. */
  readonly #headers: RequestHeaders | undefined;

  constructor(store: Store, record: CrawlRecord, spider: Spider, publicOnly: boolean) {
    const saved = [...store.ownDocuments(record.id)];
    this.#spider = spider;
    const { userAgent = defaultUserAgent, timeout, maxBytes, proxy, headers } = spider.settings;
    this.#headers = Object.keys(headers).length > 0 ? inLowerCase(headers) : undefined;
    this.options = {
      userAgent,
      headers: {},
      timeoutMs: timeout,
      totalTimeoutMs: timeout * totalTimeoutFactor,
      maxBytes,
      publicOnly,
      ...(proxy === undefined ? {} : { proxy }),
    };
    this.#homes = new Set(record.start.flatMap(homesOf));
    this.#isResumed = saved.length > 0;
    this.#cookies = createCookies(spider.settings.cookies, record.start, saved);
  }

  /**
   * How a URL is fetched.
   * @param conditions headers that ask for the page only where it has changed
   */
  optionsFor(url: string, conditions?: RequestHeaders): FetchOptions {
    const headers = this.#headersFor(url);
    const cookie = this.#cookies.header(url);
    if (headers === undefined && cookie === undefined && conditions === undefined) return this.options;
    const cookies = [headers?.cookie, cookie].filter((some) => some !== undefined).join('; ');
    return { ...this.options, headers: { ...headers, ...(cookies !== '' && { cookie: cookies }), ...conditions } };
  }

  /** Credentials are for the hosts that the crawl starts at, wherever links and redirects lead from there. */
  #headersFor(url: string): RequestHeaders | undefined {
    if (this.#headers === undefined || this.#homes.has(new URL(url).origin)) return this.#headers;
    return Object.fromEntries(Object.entries(this.#headers).filter(([name]) => !credential.test(name)));
  }

  /** Keeps the cookies of an answer. */
  take(url: string, head: ResponseHead): void {
    const lines = head.headers['set-cookie'];
    if (lines !== undefined) this.#cookies.take(url, lines);
  }

  /**
   * Logs in, where the spider wants it; again when the crawl goes on later. Says whether it has.
   * @throws CrawlcastError `login.failed`
   */
  async logIn(fetcher: Fetcher, rules: AdmissionRules, signal: AbortSignal): Promise<boolean> {
    const { login, settings } = this.#spider;
    if (login === undefined) return false;
    const { redirects, retries } = settings;
    const optionsFor = (url: string) => this.optionsFor(url);
    const again = this.#isResumed;
    await logIn({ login, fetcher, cookies: this.#cookies, optionsFor, rules, redirects, retries, again }, signal);
    return true;
  }

  /** What has to be written with the next step. */
  takeChanges(): OwnDocument[] {
    return this.#cookies.takeChanges();
  }
}

/** As they may be written in any case, one would else be sent beside our own of the same name. */
function inLowerCase(headers: RequestHeaders): RequestHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** A site that one enters without encryption may lead to the same with it, but never the other way round. */
function homesOf(url: string): string[] {
  const { origin, host } = new URL(url);
  return [origin, `https://${host}`];
}
