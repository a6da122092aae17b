/** The stream as server-sent events over fetch: in browsers, and in Node, which has no EventSource. */
import { Observable } from 'rxjs';
import { CrawlcastClientError } from './errors.js';
import { type Frame, isEvent, lost, type Open, parseJson, silenceMs } from './frame.js';
import { type Block, SseParser } from './sse-parser.js';
import { queryOf } from './subscription.js';

/** One connection to `/events`. Where the gate is shut nothing is read, and TCP holds up the service. */
export const openSse: Open = (service, request, gate) =>
  new Observable((subscriber) => {
    const abort = new AbortController();
    const read = async () => {
      const url = service.locate('events', queryOf(request));
      await gate.whenOpen();
      const headers = { accept: 'text/event-stream' };
      const asking = service.ask(url, { headers, signal: abort.signal, cache: 'no-store' });
      const response = await withinSilence(asking, abort.signal);
      if (response.status === 204) return;
      let hasMoved = false;
      for await (const chunk of chunksOf(response, () => gate.whenOpen(), abort.signal)) {
        for (const frame of chunk) {
          hasMoved ||= frame.isOpening !== true;
          subscriber.next(frame);
        }
      }
      // What is over is answered 204: worth asking at once, but not again and again.
      throw lost('the stream has ended', request.crawl !== undefined && hasMoved ? { waitMs: 0 } : {});
    };
    read().then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
    return () => abort.abort();
  });

/** The frames of a body, chunk by chunk. */
async function* chunksOf(
  { headers, body }: Response,
  mayRead: () => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<Iterable<Frame>> {
  if (!headers.get('content-type')?.startsWith('text/event-stream') || body === null) {
    throw new CrawlcastClientError('response.invalid', 'the answer is no event stream: is this a Crawlcast service?');
  }
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  const frames = framesOf();
  for (;;) {
    await mayRead();
    const { done, value } = await withinSilence(reader.read(), signal);
    if (done) return;
    yield frames(parser.push(decoder.decode(value, { stream: true })));
  }
}

function framesOf(): (blocks: Iterable<Block>) => Generator<Frame> {
  let isOpening = true;
  return function* (blocks) {
    for (const { id, data } of blocks) {
      if (data !== undefined) {
        const event = parseJson(data);
        if (isEvent(event)) yield { id: event.id, event };
      } else if (id !== undefined) yield isOpening ? { id, isOpening } : { id };
      isOpening = false;
    }
  };
}

/** Fails where an answer, or a read, takes longer than a living service would let it, and at once where nobody waits for it any more. */
async function withinSilence<Result>(read: Promise<Result>, signal: AbortSignal): Promise<Result> {
  let end = () => {};
  const silence = new Promise<never>((_, reject) => {
    const giveUp = () => reject(lost('the service has fallen silent'));
    const timer = setTimeout(giveUp, silenceMs);
    signal.addEventListener('abort', giveUp);
    end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    };
    if (signal.aborted) giveUp();
  });
  try {
    return await Promise.race([read, silence]);
  } catch (cause) {
    throw cause instanceof CrawlcastClientError ? cause : lost('the connection broke off', { cause });
  } finally {
    end();
  }
}
