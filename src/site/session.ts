/** Who is logged in: kept in a signed cookie, so that the site itself remembers nobody. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** What the cookie holds. */
export interface Session {
  /** What a login form has to send back. */
  readonly csrfToken?: string;
  readonly username?: string;
}

/** Reads and writes the session cookie. */
export interface Sessions {
  /** The session of a request's `Cookie` header; empty where there is none, or none of ours. */
  read(cookieHeader: string | undefined): Session;
  /** The value of a `Set-Cookie` header. */
  write(session: Session): string;
}

/** A token that nobody can guess. */
export function newToken(): string {
  return randomBytes(26).toString('hex');
}

function parseSession(payload: string): Session {
  // our own signature has been checked: what is inside is what `write` put there
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Session;
}

/** Sessions that are valid while this site runs. */
export function newSessions(): Sessions {
  const secret = randomBytes(32);
  const sign = (payload: string) => createHmac('sha256', secret).update(payload).digest();
  return {
    read(cookieHeader) {
      const cookie = cookieHeader?.match(/(?:^|;\s*)session=([\w-]+)\.([\w-]+)/);
      if (!cookie) return {};
      const [, payload = '', signature = ''] = cookie;
      const given = Buffer.from(signature, 'base64url');
      const right = sign(payload);
      return given.length === right.length && timingSafeEqual(given, right) ? parseSession(payload) : {};
    },
    write(session) {
      const payload = Buffer.from(JSON.stringify(session)).toString('base64url');
      return `session=${payload}.${sign(payload).toString('base64url')}; HttpOnly; Path=/; SameSite=Lax`;
    },
  };
}

/** The `Set-Cookie` header that makes a client forget its session. */
export const forgetSession = 'session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Path=/';
