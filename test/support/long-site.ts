/** A site of long pages, to fill disks and sockets with what is crawled there. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { SeenEvent } from './readers.js';

/** How long it is, and how unfriendly. */
export interface LongSiteOptions {
  /** About this many. */
  readonly pages: number;
  /** Every tenth page does not answer before it is let go. */
  readonly hangs?: boolean;
}

/** A running one. */
export interface LongSite {
  readonly url: string;
  /** How many pages it was asked for. */
  readonly requests: () => number;
  letGo(): void;
}

const quotesPerPage = 20;

/** Starts it; it ends with the test. */
export async function startLongSite(test: TestContext, options: LongSiteOptions): Promise<LongSite> {
  const { pages, hangs: mayHang = false } = options;
  const hanging = new Set<() => void>();
  let hangs = mayHang;
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const n = Number(/\d+/.exec(request.url ?? '')?.[0] ?? 0);
    const links = Array.from({ length: 8 }, (_, i) => `<a href="/${n * 8 + i + 1}">next</a>`).join('');
    const quotes = Array.from({ length: quotesPerPage }, (_, i) => quote(`${n}.${i} ${'long '.repeat(400)}`)).join('');
    const answer = () =>
      response.end(`<ul>${quotes}</ul><nav><ul><li class="next">${n * 8 < pages ? links : ''}</ul></nav>`);
    if (request.url === '/robots.txt') response.writeHead(404).end();
    else if (hangs && n % 10 === 9) hanging.add(answer);
    else answer();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  // A listening TCP server has an address that is no string.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    requests: () => requests,
    letGo() {
      hangs = false;
      for (const answer of hanging) answer();
    },
  };
}

function quote(text: string): string {
  return `<div class="quote"><span class="text">${text}</span><small class="author">A</small></div>`;
}

/** No page of it was written twice, and of each page all quotes, once. */
export function assertWhole(events: readonly SeenEvent[]): void {
  const quotes = events.filter(({ type }) => type === 'quote');
  const urls = events.flatMap(({ type, subject }) => (type === 'page' ? [subject] : []));
  assert.equal(new Set(urls).size, urls.length);
  assert.equal(quotes.length, urls.length * quotesPerPage);
  assert.equal(new Set(quotes.map(({ data }) => JSON.stringify(data))).size, quotes.length);
  const offsets = events.map(({ id }) => Number(id.split('-')[1]));
  assert.deepEqual(
    offsets,
    [...new Set(offsets)].sort((a, b) => a - b),
  );
}
