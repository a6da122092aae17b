/** All rows, by what they are about. */
import { addressRows } from './hostile-addresses.js';
import { bodyRows } from './hostile-bodies.js';
import { crawlRows } from './hostile-crawls.js';
import { linkRows } from './hostile-links.js';
import { politenessRows } from './hostile-politeness.js';
import { redirectRows } from './hostile-redirects.js';
import { robotsRows } from './hostile-robots.js';
import { transportRows } from './hostile-transport.js';
import type { Row } from './rows.js';

/** Tables of rows, by name. */
export const tables: Readonly<Record<string, readonly Row[]>> = {
  links: linkRows,
  redirects: redirectRows,
  'robots.txt': robotsRows,
  politeness: politenessRows,
  bodies: bodyRows,
  transport: transportRows,
  addresses: addressRows,
  'frontier and cookies': crawlRows,
};
