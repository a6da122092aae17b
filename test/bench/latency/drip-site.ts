/** A site whose one page sends an item every so often, with the time at which its closing tag leaves. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { takeOrders } from '../support/child.js';
import { timeMark } from '../support/latencies.js';

function item(): string {
  return `
    <div class="quote" itemscope itemtype="http://schema.org/CreativeWork">
        <span class="text" itemprop="text">“${timeMark()}On the day nobody wrote down, the café at the corner never quite finishes its letter.”</span>
        <span>by <small class="author" itemprop="author">Sunniva Aldertree</small>
        <a href="/author/Sunniva-Aldertree">(about)</a>
        </span>
        <div class="tags">
            Tags:
            <a class="tag" href="/tag/memory/page/1/">memory</a>
        </div>
    </div>`;
}

function drip(response: ServerResponse, count: number, perSecond: number): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.write('<!DOCTYPE html><html lang="en"><head><title>Quotes</title></head><body>');
  let left = count;
  const timer = setInterval(() => {
    response.write(item());
    if (--left > 0) return;
    clearInterval(timer);
    response.end('</body></html>');
  }, 1_000 / perSecond);
}

const server = createServer((request, response) => {
  const [, count, perSecond] = /^\/(\d+)\/(\d+)\/$/.exec(request.url ?? '') ?? [];
  if (count === undefined) response.writeHead(404).end();
  else drip(response, Number(count), Number(perSecond));
});
await once(server.listen(0, '127.0.0.1'), 'listening');
// A listening TCP server has an address that is no string.
const { port } = server.address() as AddressInfo;

takeOrders(() => `http://127.0.0.1:${port}`);
