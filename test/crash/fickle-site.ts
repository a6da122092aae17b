/** A site whose pages change their mind: each answer depends on how often the page was asked for before. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** One answer. */
export interface FickleAnswer {
  readonly quotes?: readonly string[];
  /** Paths of the pages that it leads to. */
  readonly next?: readonly string[];
  /** After the quotes: how the body goes on. Default: it ends as it should. */
  readonly body?: 'breaks' | 'hangs';
  /** It is a redirect. */
  readonly location?: string;
}

/** The answers of a page, the last one for ever after. */
export type FicklePages = Readonly<Record<string, readonly [FickleAnswer, ...FickleAnswer[]]>>;

/** Starts it for a test; gives its URL. Anything but its pages is 404. */
export async function startFickleSite(test: TestContext, pages: FicklePages): Promise<string> {
  const asked = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    const answers = pages[path];
    if (answers === undefined) return void response.writeHead(404).end();
    const count = asked.get(path) ?? 0;
    asked.set(path, count + 1);
    send(response, answers[Math.min(count, answers.length - 1)] ?? answers[0]);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  // A server that listens on TCP has such an address.
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

function send(response: ServerResponse, { quotes = [], next = [], body, location }: FickleAnswer): void {
  if (location !== undefined) return void response.writeHead(302, { location }).end();
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  const links = next.map((path) => `<li class="next"><a href="${path}">on</a></li>`).join('');
  response.write(`<!doctype html><nav><ul>${links}</ul></nav>${quotes.map(markup).join('')}<p>`, () => {
    if (body === 'breaks') response.socket?.destroy();
    else if (body === undefined) response.end('</p>');
  });
}

function markup(text: string): string {
  return `<div class="quote"><span class="text">“${text}”</span><span>by <small class="author">A</small></span></div>`;
}
