/** Where a request arrives at the practice site: whose route it is, and who is asking. */
import type { IncomingMessage } from 'node:http';
import { type Answer, plain, redirect } from './answer.js';
import type { Route } from './routes.js';
import type { Sessions } from './session.js';

const maxFormBytes = 65_536;

/** The fields of a form; `undefined` where it is too long. */
async function readForm(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    // The rest is read as well: a client that is cut off while it sends never sees the answer.
    if (bytes <= maxFormBytes) chunks.push(chunk);
  }
  return bytes > maxFormBytes ? undefined : new URLSearchParams(Buffer.concat(chunks).toString());
}

function decode(part: string | undefined): string | undefined {
  try {
    return part && decodeURIComponent(part);
  } catch {
    return part; // a stray percent sign: then it is the name of nothing
  }
}

const notFound = plain(404, 'There is no such page.');

/** What has neither route nor page: perhaps its address only lacks the slash at its end. */
function astray(routes: readonly Route[], path: string, search: string): Answer {
  const found = routes.some(({ pattern }) => pattern.test(`${path}/`));
  return found ? redirect(`${path}/${search && `?${search}`}`, 301) : notFound;
}

/** Finds the answer to a request. */
export async function receive(routes: readonly Route[], sessions: Sessions, request: IncomingMessage): Promise<Answer> {
  const { method = 'GET', url = '/', headers } = request;
  const [path = '/', search = ''] = url.split(/\?(.*)/s, 2);
  const route = routes.find(({ pattern }) => pattern.test(path));
  if (!route) return astray(routes, path, search);
  const allowed = route.posts ? ['GET', 'HEAD', 'POST'] : ['GET', 'HEAD'];
  if (!allowed.includes(method)) return plain(405, `No ${method} here.`, { allow: allowed.join(', ') });
  const form = method === 'POST' ? await readForm(request) : new URLSearchParams();
  if (!form) return plain(413, 'That is too long for a form.');
  const visit = {
    method,
    captured: (route.pattern.exec(path) ?? []).slice(1).map(decode),
    query: new URLSearchParams(search),
    form,
    origin: `http://${headers.host ?? 'localhost'}`,
    session: sessions.read(headers.cookie),
  };
  return route.answer(visit) ?? notFound;
}
