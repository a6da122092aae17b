/** Who we say we are. */
import { version } from '../version.js';

/** The `User-Agent` of a spider that names none. */
export const defaultUserAgent = `crawlcast/${version}`;

/** The name by which robots.txt and meta robots speak of an agent: its first product token (RFC 9309 §2.2.1). */
export function agentToken(userAgent: string): string {
  return /^[A-Za-z_-]+/.exec(userAgent)?.[0] ?? '*';
}
