/** Sites to crawl, besides the practice site: saved pages, and pages that a test writes by hand. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** A server that goes with its test. */
export interface TestSite {
  /** Without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Paths that were asked for, robots.txt included, as they came. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Serves what a test says. robots.txt is a 404. */
export async function serveSite(
  test: TestContext,
  answer: (path: string, response: ServerResponse, request: IncomingMessage) => void,
  port = 0,
): Promise<TestSite> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    requests.push(path);
    if (path === '/robots.txt') response.writeHead(404).end();
    else answer(path, response, request);
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  test.after(close);
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return { url: `http://127.0.0.1:${bound}`, port: bound, requests, close };
}

/** Sends a document. */
export function sendHtml(response: ServerResponse, body: string | Buffer, type = 'text/html; charset=utf-8'): void {
  response.writeHead(200, { 'content-type': type }).end(body);
}

const saved = fileURLToPath(new URL('../../../shared/quotes.toscrape.com', import.meta.url));

/** Why the saved pages of quotes.toscrape.com cannot be crawled here. */
export const noSavedPages: string | false =
  !existsSync(saved) && 'the saved pages of quotes.toscrape.com are not on this machine';

/** Serves the saved pages of quotes.toscrape.com, each after a moment. */
export function serveSavedPages(test: TestContext, delayMs: number): Promise<TestSite> {
  return serveSite(test, (path, response) => {
    const file = join(saved, path.replaceAll('..', ''), 'index.html');
    setTimeout(() => {
      if (existsSync(file)) sendHtml(response, readFileSync(file));
      else response.writeHead(404).end();
    }, delayMs);
  });
}

/** What a crawl of the saved pages has to give, in this order. */
export function expectedOfSavedPages(): unknown {
  return JSON.parse(readFileSync(join(saved, 'expected-results.json'), 'utf8'));
}
