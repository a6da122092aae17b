/** `GET /` and `/assets/…`: the dashboard's files, as the build left them. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { CrawlcastError } from '../errors.js';
import type { Exchange, Route } from './routes.js';
import type { Headers } from './transport.js';

/** The page may load its own files and talk to its own service; nothing else, nothing inline. */
export const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export const dashboardRoutes: readonly Route[] = [
  { path: '/', needs: 'nothing', GET: (exchange) => sendFile(exchange, 'index.html', 'no-cache') },
  // The build puts a digest of the content into each name.
  {
    path: '/assets/:name',
    needs: 'nothing',
    GET: (exchange) => sendFile(exchange, `assets/${exchange.params.name}`, 'public, max-age=31536000, immutable'),
  },
];

interface File {
  readonly body: Buffer;
  readonly gzipped: Buffer;
  readonly type: string;
  readonly tag: string;
}

const folder = fileURLToPath(new URL('../dashboard/', import.meta.url));

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

let files: ReadonlyMap<string, File> | undefined;

/** All files, read once: only what is listed here is ever served, whatever a path says. */
function readFiles(): ReadonlyMap<string, File> {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'));
  return new Map(names.flatMap((name) => (extname(name) in types ? [[name, readFile(name)]] : [])));
}

function readFile(name: string): File {
  const body = readFileSync(join(folder, name));
  const tag = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  return { body, gzipped: gzipSync(body, { level: 9 }), type: types[extname(name)] ?? '', tag };
}

function sendFile({ request, response, cors }: Exchange, name: string, caching: string): void {
  files ??= readFiles();
  const file = files.get(name);
  if (file === undefined) throw new CrawlcastError('route.unknown', missing(name));
  const isZipped = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\b)/i.test(request.header('accept-encoding') ?? '');
  const etag = `"${file.tag}${isZipped ? '-gzip' : ''}"`;
  const headers: Headers = {
    ...cors,
    'content-type': file.type,
    'content-security-policy': contentSecurityPolicy,
    'cache-control': caching,
    etag,
    vary: ['Accept-Encoding', cors.vary ?? []].flat().join(', '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
  if (isKnown(request.header('if-none-match'), etag)) response.send(304, headers);
  else if (isZipped) response.send(200, { ...headers, 'content-encoding': 'gzip' }, file.gzipped);
  else response.send(200, headers, file.body);
}

function missing(name: string): string {
  if (name === 'index.html') return 'the dashboard has not been built: run npm run build, and start again';
  return `there is nothing at /${name.slice(0, 200)}`;
}

/** Whether `If-None-Match` names this entity (RFC 9110 §13.1.2, weak comparison). */
function isKnown(given: string | undefined, etag: string): boolean {
  if (given === undefined) return false;
  return given.split(',').some((one) => [etag, '*'].includes(one.trim().replace(/^W\//, '')));
}
