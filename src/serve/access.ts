/** Who may do what: tokens, and the origins that browsers may come from. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { CrawlcastError } from '../errors.js';
import type { Headers, HttpRequest } from './transport.js';

/** What a request needs: nothing, a token for reading, or the one for changing. */
export type Need = 'nothing' | 'read' | 'write';

/** The rules of one service. */
export interface AccessRules {
  /** For what changes something; whoever has it may also read. */
  readonly token?: string | undefined;
  readonly readToken?: string | undefined;
  /** Browser origins that may read answers and open WebSockets; `*` for any. The service's own may always. */
  readonly corsOrigins: readonly string[];
}

/** Decides who may. */
export interface Access {
  /** @throws CrawlcastError `auth.missing`, `auth.wrong`, `auth.insufficient` */
  check(request: HttpRequest, need?: Need): void;
  /** Guards the WebSocket handshake, and what changes something. @throws CrawlcastError `origin.refused` */
  checkOrigin(request: HttpRequest): void;
  corsHeaders(request: HttpRequest): Headers;
  preflightHeaders(request: HttpRequest): Headers;
  /** What a refusal has to say in its head. */
  failureHeaders(error: CrawlcastError): Headers;
}

/** Makes the rules into checks. */
export function createAccess({ token, readToken, corsOrigins }: AccessRules): Access {
  const anyOrigin = corsOrigins.includes('*');
  const origins = new Set(corsOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, '')));

  function isAllowed(origin: string): boolean {
    return anyOrigin || origins.has(origin.toLowerCase());
  }

  return {
    check(request, need = 'read') {
      const accepted = need === 'nothing' ? [] : need === 'write' ? [token] : [readToken, readToken && token];
      const tokens = accepted.filter((one) => one !== undefined && one !== '');
      if (tokens.length === 0) return;
      const given = bearer(request) ?? (need === 'read' ? tokenInQuery(request) : undefined);
      if (given === undefined) {
        throw new CrawlcastError(
          'auth.missing',
          'send the header "Authorization: Bearer TOKEN" with the token of this service',
        );
      }
      if (tokens.some((one) => one !== undefined && isSame(one, given))) return;
      if (readToken !== undefined && isSame(readToken, given)) {
        throw new CrawlcastError(
          'auth.insufficient',
          'this token is for reading: what changes something needs the other one',
        );
      }
      throw new CrawlcastError('auth.wrong', 'this is no token of this service');
    },
    checkOrigin(request) {
      const origin = request.header('origin');
      if (origin === undefined || isAllowed(origin) || isSameOrigin(origin, request)) return;
      throw new CrawlcastError('origin.refused', `pages of ${origin.slice(0, 200)} may not connect: see --cors-origin`);
    },
    corsHeaders(request) {
      const origin = request.header('origin');
      if (origin === undefined || !isAllowed(origin)) return corsOrigins.length > 0 ? { vary: 'Origin' } : {};
      return {
        'access-control-allow-origin': anyOrigin ? '*' : origin,
        'access-control-expose-headers': 'Crawlcast-Cursor, Crawlcast-Gap, Location, Retry-After, X-Crawl-Error',
        vary: 'Origin',
      };
    },
    preflightHeaders(request) {
      const origin = request.header('origin');
      if (origin === undefined || !isAllowed(origin)) return {};
      return {
        'access-control-allow-methods': 'GET, HEAD, POST, PUT, DELETE, OPTIONS',
        'access-control-allow-headers': 'Authorization, Content-Type, Last-Event-ID, Cache-Control',
        'access-control-max-age': '86400',
      };
    },
    failureHeaders: ({ code }): Headers =>
      code === 'auth.missing' || code === 'auth.wrong' ? { 'www-authenticate': 'Bearer' } : {},
  };
}

function bearer(request: HttpRequest): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(request.header('authorization') ?? '')?.[1];
}

function tokenInQuery(request: HttpRequest): string | undefined {
  return new URLSearchParams(request.query).get('access_token') ?? undefined;
}

/** Compared as digests of equal length, in constant time. */
function isSame(token: string, given: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(token), digest(given));
}

/** A page of the service itself: its origin's host is the one that was asked for. */
function isSameOrigin(origin: string, request: HttpRequest): boolean {
  try {
    return new URL(origin).host === request.header('host')?.toLowerCase();
  } catch {
    return false;
  }
}
