/** Tiny sites that misbehave, each with what a crawl of it must come to. */
import type { Socket } from 'node:net';
import { parseSpider, type SpiderInput } from '#src/crawl/spider.js';
import type { StartRequest } from '#src/crawl/start.js';
import type { Certificates } from './certificates.js';
import type { Crawled, Crawler } from './crawling.js';
import { type Hostile, reply, startHostile } from './hostile.js';

/** What a path of a site says: HTML, bytes, or whatever it does with the connection. */
export type Saying = string | Buffer | Act;

/** What a site does with a request and its connection. */
export type Act = (socket: Socket, request: string, site: Hostile) => void;

/** A site, a spider and what they come to. In texts `@` stands for the site's origin, without its slash, `§` for its port. */
export interface Row {
  readonly title: string;
  /** By target as it is sent, `*` for any other. What is not here is a 404; so is robots.txt unless it is named. */
  readonly site: Readonly<Record<string, Saying>>;
  /** Default `@/`. */
  readonly start?: readonly string[];
  /** Its texts are filled in too. */
  readonly spider?: Partial<SpiderInput>;
  readonly settings?: SpiderInput['settings'];
  /** Whether the site is the proxy of the crawl. */
  readonly throughProxy?: boolean;
  /** With which certificate the site speaks HTTPS too, on the same port. */
  readonly secure?: Exclude<keyof Certificates, 'ca'>;
  readonly origin?: StartRequest['origin'];
  /** URLs of `page` events, sorted. */
  readonly pages?: readonly string[];
  /** `reason URL` of `page.skipped`, sorted. Default none, as with `failed`. */
  readonly skipped?: readonly string[] | 'any';
  /** `code URL` of `page.failed`, sorted. */
  readonly failed?: readonly string[] | 'any';
  /** The texts of the paragraphs. */
  readonly items?: readonly string[];
  /** What was asked for, robots.txt left out. */
  readonly asked?: readonly string[];
  /** Whatever else must hold. */
  readonly check?: (crawl: Crawled, site: Hostile) => void;
}

/** What a row came to, in the form of the row. */
export type Outcome = Readonly<Record<'pages' | 'skipped' | 'failed' | 'items' | 'asked', readonly string[]>>;

/** Why pages were skipped. */
export function reasons(crawl: Crawled): string[] {
  return crawl.of('page.skipped').map(({ data }) => data.reason);
}

/** An answer with an HTML document. */
export function html(body: string | Uint8Array, headers: Record<string, string> = {}): Buffer {
  return reply(body, { 'content-type': 'text/html', ...headers });
}

/** An answer with this status line and these header lines, without a body. */
export function status(line: string, ...headers: string[]): Buffer {
  return Buffer.from(`HTTP/1.1 ${line}\r\n${['content-length: 0', ...headers].join('\r\n')}\r\n\r\n`, 'utf8');
}

/** Says bytes as they are, then hangs up. */
export function raw(bytes: string | Buffer): Saying {
  return (socket) => socket.end(bytes);
}

/** Crawls a row's site. */
export async function crawlRow(
  crawler: Crawler,
  row: Row,
  certificates?: Certificates,
): Promise<{ outcome: Outcome; crawl: Crawled; site: Hostile }> {
  const site = await startHostile((socket, request) => {
    const [, target = ''] = request.split(' ');
    const known = Object.hasOwn(row.site, target) ? target : '*';
    const saying = target === '/robots.txt' && known === '*' ? undefined : row.site[known];
    if (saying === undefined) socket.write(status('404 Not Found'));
    else if (typeof saying === 'function') saying(socket, request, site);
    else socket.write(typeof saying === 'string' ? html(fill(saying, site)) : saying);
  }, row.secure && certificates?.[row.secure]);
  try {
    const origin = site.url.slice(0, -1);
    const spider = parseSpider({
      name: 'hostile',
      start: (row.start ?? ['@/']).map((url) => fill(url, site)),
      items: { p: { each: 'p', fields: { text: {} } } },
      follow: ['a'],
      ...JSON.parse(fill(JSON.stringify(row.spider ?? {}), site)),
      settings: {
        autothrottle: false,
        retries: 0,
        conditional: false,
        timeout: '5s',
        ...row.settings,
        ...(row.throughProxy && { proxy: origin }),
      },
    });
    const { id } = await crawler.engine.runner.start({ spider, origin: row.origin ?? 'local' });
    const crawl = await crawler.ended(id);
    return { outcome: outcomeOf(crawl, site, origin), crawl, site };
  } finally {
    await site[Symbol.asyncDispose]();
  }
}

/** A text of a row with the site's origin and port. */
export function fill(text: string, { url, port }: Hostile): string {
  return text.replaceAll(/(?<!\w)@/g, url.slice(0, -1)).replaceAll('§', String(port));
}

function outcomeOf(crawl: Crawled, site: Hostile, origin: string): Outcome {
  const short = (url: string) => url.replaceAll(origin, '@').replaceAll(new URL(origin).port, '§');
  const told = (type: string, tell: (data: Record<string, string>) => string) =>
    crawl
      .of(type)
      .map(({ data }) => short(tell(data)))
      .sort();
  const targets = site.requests.map((request) => request.split(' ')[1] ?? '');
  return {
    pages: told('page', ({ url = '' }) => url),
    skipped: told('page.skipped', ({ reason, url }) => `${reason} ${url}`),
    failed: told('page.failed', ({ error, url }) => `${error} ${url}`),
    items: crawl.of('p').map(({ data }) => data.text),
    asked: targets.filter((target) => target !== '/robots.txt').sort(),
  };
}
