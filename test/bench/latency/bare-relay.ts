/** How a bare loop gets the items of a page that is still coming. */

import { once } from 'node:events';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import { DomHandler } from 'domhandler';
import { Parser } from 'htmlparser2';
import { Pool } from 'undici';
import { isItem, itemOf } from '../support/bare-extraction.js';
import { itemJson } from '../support/items.js';

/** Takes an item as JSON. */
type Take = (item: string) => void;

/** Reads a page from a socket and looks for nothing but the marks in it: an item of the usual size for each. */
export async function relayMarks(url: string, take: Take): Promise<void> {
  const { port, pathname } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  let count = 0;
  socket.on('data', (bytes) => {
    for (const mark of bytes.toString('latin1').match(/@\d+@/g) ?? []) take(itemJson(count++, mark));
  });
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n`);
  await once(socket, 'close');
}

/**
 * Fetches a page with undici, extracts an item with css-select when htmlparser2 has come to its end, and hands it on when one write of it is
 * durable: the least that whoever extracts and keeps items has to do.
 * @param file is written with `O_DSYNC`
 */
export async function relayDurably(url: string, file: string, take: Take): Promise<void> {
  const log = await open(file, constants.O_CREAT | constants.O_APPEND | constants.O_WRONLY | constants.O_DSYNC);
  let written: Promise<unknown> = Promise.resolve();
  const parser = new Parser(
    new DomHandler(null, null, (element) => {
      if (!isItem(element)) return;
      const item = JSON.stringify(itemOf(element));
      written = written.then(() => log.write(item)).then(() => take(item));
    }),
  );
  await stream(url, (text) => parser.write(text));
  parser.end();
  await written;
  await log.close();
}

async function stream(url: string, take: (text: string) => void): Promise<void> {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections: 1 });
  const decoder = new TextDecoder();
  await new Promise<void>((resolve, reject) => {
    pool.dispatch(
      { path: pathname, method: 'GET' },
      {
        // Without it this would be taken for a handler of the old kind.
        onRequestStart() {},
        onResponseData: (_controller, chunk) => take(decoder.decode(chunk, { stream: true })),
        onResponseEnd: () => resolve(),
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
  await pool.close();
}
