/** Spiders and settings as they may be shown. */
import type { Settings, Spider } from './spider.js';

const hidden = '***';

/** Settings as they may be shown: the values of headers and cookies, and a proxy's credentials, are secrets. */
export function publicSettings({ headers, cookies, proxy, ...rest }: Settings): Record<string, unknown> {
  const shown = proxy === undefined ? {} : { proxy: new URL(proxy).origin };
  return { ...rest, ...shown, headers: namesOf(headers), cookies: namesOf(cookies) };
}

/** A spider as it may be shown: so are the values that it logs in with. */
export function publicSpider({ settings, login, ...rest }: Spider): Record<string, unknown> {
  const shown = login === undefined ? {} : { login: { ...login, fields: namesOf(login.fields) } };
  return { ...rest, ...shown, settings: publicSettings(settings) };
}

function namesOf(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(values).map((name) => [name, hidden]));
}
