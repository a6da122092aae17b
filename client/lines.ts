/** A body as lines, read only as fast as they are taken. */
import { lost } from './frame.js';

/**
 * The lines of a JSON Lines body.
 * @throws CrawlcastClientError `connect.lost` where it breaks off
 */
export async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw lost('the items broke off', { cause });
    });
    const [first = '', ...more] = decoder.decode(value, { stream: !done }).split('\n');
    pieces.push(first);
    for (const next of more) {
      const line = pieces.join('');
      pieces = [next];
      if (line !== '') yield line;
    }
    if (done) break;
  }
  const last = pieces.join('');
  if (last !== '') yield last;
}
