import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { runService, runToEnd, temporaryFolder, transports } from '../support/process.js';
import { protocols, type Reader, readUntil } from '../support/readers.js';
import { sendHtml, serveSite } from '../support/sites.js';

const quotes = Array.from({ length: 10 }, (_, index) => `quote ${index}`);

const spider = {
  start: ['http://replaced.example/'],
  items: {
    row: {
      each: 'li',
      fields: { name: 'b', tags: ['i'], last: 'b:last-child', link: { css: 'a', attr: 'href', as: 'url' } },
    },
    last: { each: 'li:last-child', fields: { name: 'b' } },
    only: { each: 'p:only-child', fields: { text: { strip: '!' } } },
    before: { each: 'li:has(+ li.end)', fields: { name: 'b' } },
  },
  follow: ['a.next'],
  settings: { robots: false },
};

const list = `<!doctype html><meta charset="windows-1251"><title>x</title>
<ul><li><b>Первый</b> <i>да</i><i>нет</i><a href="/один?q=два">a</a></li><li><b>Второй &amp; ещё</b><a class="next" href="/next">n</a></li>
<li class="end"><b>Третий</b><i>конец</i></li></ul><div><p>Один!</p></div><div><p>не</p><p>один</p></div>`;

/** Cyrillic letters as windows-1251 has them; everything else is ASCII here. */
function toWindows1251(text: string): Buffer {
  const byteOf = (character: string) => {
    const code = character.codePointAt(0) ?? 0;
    if (character === 'ё') return 0xb8;
    return code < 0x80 ? code : code - 0x410 + 0xc0;
  };
  return Buffer.from(Array.from(text, byteOf));
}

async function sendByteByByte(response: ServerResponse, body: Buffer): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/html' });
  response.socket?.setNoDelay(true);
  for (let at = 0; at < body.length; at++) {
    response.write(body.subarray(at, at + 1));
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
}

/** The items of a crawl of the list, in order, with the port taken out of their links. */
async function crawlList(test: TestContext, send: (response: ServerResponse, body: Buffer) => void): Promise<string> {
  const site = await serveSite(test, (path, response) => {
    if (path === '/next') sendHtml(response, '');
    else send(response, toWindows1251(list));
  });
  const file = join(temporaryFolder(test), 'rows.json');
  writeFileSync(file, JSON.stringify({ ...spider, start: [`${site.url}/`] }));
  const { code, stdout, stderr } = await runToEnd(['crawl', file]);
  assert.equal(code, 0, stderr);
  return stdout.replaceAll(site.url, '');
}

for (const { transport, skip } of transports) {
  describe(`streaming over ${transport}`, { skip }, () => {
    test('each quote is with its subscribers before the next one leaves the site', async (t) => {
      const readers: Reader[] = [];
      const next = async () => {
        const came = await Promise.all(readers.map((reader) => reader[Symbol.asyncIterator]().next()));
        return came.map(({ value }) => value);
      };
      const seen: unknown[][] = [];
      const send = async (response: ServerResponse) => {
        response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
        for (const quote of quotes) {
          response.write(`<div class="quote"><span class="text">${quote}</span></div>`);
          seen.push((await next()).map(({ type, data }) => [type, data.quote]));
        }
        response.end();
      };
      const leaving = new EventEmitter();
      const site = await serveSite(t, (_, response) => leaving.emit('page', send(response)));
      const service = await runService(t, transport, ['--start-url', `${site.url}/`]);
      const query = '?type=quote,page.failed,crawl.finished,crawl.failed';
      for (const { open } of protocols) readers.push(await open(service.url, query));
      const asked = once(leaving, 'page');
      await (await fetch(`${service.url}/crawl`)).text();
      const [page] = await asked;
      await page;
      const ends = await Promise.all(readers.map((reader) => readUntil(reader, 'crawl.finished', 'crawl.failed')));
      for (const reader of readers) reader.close();
      const twice = <Value>(value: Value) => [value, value];
      assert.deepEqual(
        seen,
        quotes.map((quote) => twice(['quote', quote])),
      );
      assert.deepEqual(
        ends.map((events) => events.map(({ type }) => type)),
        twice(['crawl.finished']),
      );
    });
  });
}

test('a link is followed while its page is still on its way', async (t) => {
  let tellSecond = () => {};
  const second = new Promise<void>((resolve) => {
    tellSecond = resolve;
  });
  const site = await serveSite(t, (path, response) => {
    if (path === '/2') {
      tellSecond();
      sendHtml(response, '<li><b>two</b></li>');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.write('<a class="next" href="/2">next</a><li><b>one</b></li>');
    // The first page ends only once the second has been asked for.
    void second.then(() => response.end('<li><b>three</b></li>'));
  });
  const file = join(temporaryFolder(t), 'early.json');
  const items = { row: { each: 'li', fields: { name: 'b' } } };
  writeFileSync(file, JSON.stringify({ start: [`${site.url}/`], items, follow: ['a.next'] }));
  const { code, stdout } = await runToEnd(['crawl', file]);
  assert.equal(code, 0);
  const names = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).name);
  assert.deepEqual(names.toSorted(), ['one', 'three', 'two']);
  // Asked for a second time, it would have been given up for its silence first.
  assert.deepEqual(site.requests, ['/robots.txt', '/', '/2']);
});

test('a page gives the same items byte by byte and whole, in windows-1251 that only its meta tells', async (t) => {
  const whole = await crawlList(t, (response, body) => sendHtml(response, body, 'text/html'));
  const slow = await crawlList(t, (response, body) => void sendByteByByte(response, body));
  assert.equal(slow, whole);
  const items = whole
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const named = items.filter((item) => 'tags' in item);
  assert.deepEqual(
    named.map(({ name, tags }) => [name, tags]),
    [
      ['Первый', ['да', 'нет']],
      ['Второй & ещё', []],
      ['Третий', ['конец']],
    ],
  );
  const lookedAhead = items.filter((item) => !('tags' in item)).map(({ name, text }) => name ?? text);
  assert.deepEqual(lookedAhead.toSorted(), ['Второй & ещё', 'Один', 'Третий']);
});
