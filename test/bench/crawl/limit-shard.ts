/** One process of the bare loop: undici, htmlparser2 and css-select, a queue and a set. It has the URLs whose hash is its own. */

import { crc32 } from 'node:zlib';
import { parseDocument } from 'htmlparser2';
import { Pool } from 'undici';
import { itemsIn, linksIn } from '../support/bare-extraction.js';
import { addPage, nothing, pageAt } from '../support/quote-site.js';

const [origin = '', index, shards, width] = process.argv.slice(2);
const pool = new Pool(origin, { connections: Number(width) });

const seen = new Set<string>();
const queue: string[] = [];
const foreign: string[] = [];
let inFlight = 0;
let received = 0;
let sent = 0;
let sum = nothing;

function admit(path: string): void {
  if (seen.has(path)) return;
  seen.add(path);
  (isOwn(path) ? queue : foreign).push(path);
}

function isOwn(path: string): boolean {
  return crc32(path) % Number(shards) === Number(index);
}

function fill(): void {
  while (inFlight < Number(width) && queue.length > 0) {
    inFlight++;
    fetchPage(queue.pop() ?? '');
  }
  if (foreign.length >= 32 || (foreign.length > 0 && inFlight < Number(width))) {
    sent += foreign.length;
    process.send?.({ links: foreign.splice(0) });
  }
  // The coordinator is done when all are idle and nothing is on its way between them.
  if (inFlight === 0) process.send?.({ idle: { sent, received, sum } });
}

function fetchPage(path: string): void {
  const chunks: Buffer[] = [];
  pool.dispatch(
    { path, method: 'GET' },
    {
      // Without it this would be taken for a handler of the old kind.
      onRequestStart() {},
      onResponseData(_controller, chunk) {
        chunks.push(chunk);
      },
      onResponseEnd() {
        extract(path, Buffer.concat(chunks).toString('utf8'));
        inFlight--;
        fill();
      },
      onResponseError(_controller, error) {
        throw error;
      },
    },
  );
}

function extract(path: string, html: string): void {
  const page = parseDocument(html);
  const items = itemsIn(page);
  for (const href of linksIn(page)) admit(new URL(href, origin).pathname);
  sum = addPage(sum, pageAt(path), items);
}

/** Links that others have found; or where a new crawl starts. */
type Message = { readonly links: string[] } | { readonly start: string };

process.on('message', (message: Message) => {
  if ('start' in message) begin(message.start);
  else {
    received += message.links.length;
    for (const path of message.links) admit(path);
  }
  fill();
});

function begin(start: string): void {
  seen.clear();
  [received, sent, sum] = [0, 0, nothing];
  if (isOwn(start)) admit(start);
}

process.once('disconnect', () => process.exit());
process.send?.('ready');
