/** What a spider holds that is nobody's business: values of headers, cookies and login, and the credentials in URLs. */
import { CrawlcastError } from '../errors.js';
import { printableUrl } from '../url.js';
import type { Spider, SpiderInput } from './spider.js';

/** Stands for a value that is not shown. */
const hidden = '***';

type WrittenSettings = NonNullable<SpiderInput['settings']>;

/** Settings as they may be shown. */
export function publicSettings({ headers, cookies, proxy, ...rest }: WrittenSettings): Record<string, unknown> {
  return {
    ...rest,
    ...(proxy === undefined ? {} : { proxy: new URL(proxy).origin }),
    ...(headers && { headers: hideValues(headers) }),
    ...(cookies && { cookies: hideValues(cookies) }),
  };
}

/** A spider as it may be shown. */
export function publicSpider(spider: SpiderInput): Record<string, unknown> {
  const { settings, start, login } = spider;
  return {
    ...spider,
    start: start.map(printableUrl),
    ...(login && { login: { ...login, url: printableUrl(login.url), fields: hideValues(login.fields) } }),
    ...(settings && { settings: publicSettings(settings) }),
  };
}

/**
 * Refuses a spider that was shown, and comes back with what was hidden in it.
 * @throws CrawlcastError `spider.invalid`
 */
export function refuseHidden({ settings, login }: Spider): void {
  const places = {
    'settings.headers': settings.headers,
    'settings.cookies': settings.cookies,
    'login.fields': login?.fields ?? {},
  };
  for (const [place, values] of Object.entries(places)) {
    const name = Object.keys(values).find((one) => values[one] === hidden);
    if (name === undefined) continue;
    const message = `${place}.${name}: ${hidden} stands for a hidden value, write the value itself`;
    throw new CrawlcastError('spider.invalid', message);
  }
}

function hideValues(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(values).map((name) => [name, hidden]));
}
