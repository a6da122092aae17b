import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it, type TestContext } from 'node:test';
import { openEmbeddedStore } from '#src/store/embedded.js';
import { appendItems, eventOf, recordOf } from '../support/log-service.js';
import { run, temporaryFolder } from '../support/process.js';
import { RawClient } from '../support/raw-client.js';
import { handshakeRequest } from '../support/raw-websocket.js';
import { readSse, take } from '../support/readers.js';

const total = 1_000_000;
const step = 2_000;
const megabyte = 1_048_576;

/** A finished crawl with a million items. */
async function buildLog(data: string): Promise<void> {
  const store = await openEmbeddedStore(data);
  await store.commit({ crawl: 'a', record: recordOf('a') });
  for (let from = 1; from <= total; from += step) await appendItems(store, 'a', from, step);
  await store.commit({ crawl: 'a', record: recordOf('a', 'finished'), events: [eventOf('a', 'crawl.finished', {})] });
  await store.close();
}

/** Memory of a process, without the pages of the log's file, which the system keeps as long as it has room; Linux only. */
async function memoryBytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1_024;
}

/** Reads until the bytes hold a text, keeping nothing; what it took, and how long. */
async function drain(
  port: number,
  request: string,
  wanted: string,
): Promise<{ firstMs: number; ms: number; bytes: number }> {
  const startedMs = performance.now();
  using client = new RawClient(port);
  client.socket.removeAllListeners('data');
  let bytes = 0;
  let firstMs = 0;
  let tail = '';
  await new Promise<void>((resolve, reject) => {
    client.socket.on('data', (chunk) => {
      bytes += chunk.length;
      const text = tail + chunk.toString('latin1');
      if (firstMs === 0 && text.includes('"specversion"')) firstMs = performance.now() - startedMs;
      if (text.includes(wanted)) resolve();
      tail = text.slice(-200);
    });
    client.socket.once('close', () => reject(new Error(`it ended after ${bytes} bytes`)));
    client.send(request);
  });
  return { firstMs, ms: performance.now() - startedMs, bytes };
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`;

describe('a million events', () => {
  it('start within a second, stream with flat memory, and are found by offset and by time at once', async (t) => {
    const data = temporaryFolder(t);
    const [from, half] = [Date.now(), total / 2];
    await buildLog(data);
    t.diagnostic(`built in ${Date.now() - from} ms`);
    for (const transport of ['uws', 'ws']) await measure(t, data, transport, half);
  });
});

async function measure(test: TestContext, data: string, transport: string, half: number): Promise<void> {
  const startedMs = performance.now();
  const service = await run(test, ['serve', '--port', '0', '--data', data, '--transport', transport]);
  const startMs = performance.now() - startedMs;
  const port = Number(new URL(service.url).port);
  const tell = (text: string) => test.diagnostic(`${transport}: ${text}`);
  let peak = 0;
  const watching = setInterval(async () => {
    peak = Math.max(peak, await memoryBytes(service.process.pid));
  }, 50);
  test.after(() => clearInterval(watching));
  // A fifth of the log takes what a young heap takes; the whole may not take more.
  await drain(port, get('/events?since=800000'), '"crawl.finished"');
  await drain(port, handshakeRequest('/ws?since=800000'), '"crawl.finished"');
  const restBytes = peak;
  tell(`started in ${Math.round(startMs)} ms, ${Math.round(restBytes / megabyte)} MB`);
  const grown: number[] = [];
  const stream = async (name: string, request: string, wanted: string) => {
    peak = 0;
    const { firstMs, ms, bytes } = await drain(port, request, wanted);
    grown.push(peak - restBytes);
    const rate = Math.round(total / (ms / 1_000));
    const megabytes = `${Math.round(bytes / megabyte)} MB`;
    tell(
      `${name}: ${rate} events/s, ${megabytes}, first ${firstMs.toFixed(1)} ms, peak +${Math.round((peak - restBytes) / megabyte)} MB`,
    );
  };
  await stream('replay SSE', get('/events?since=0'), '"crawl.finished"');
  await stream('replay WebSocket', handshakeRequest('/ws?since=0'), '"crawl.finished"');
  await stream('/results', get('/results'), ']\r\n0\r\n\r\n');
  await stream('/results jsonl', get('/results?format=jsonl'), '\r\n0\r\n\r\n');
  await stream('/results csv', get('/results?format=csv'), '\r\n0\r\n\r\n');
  for (const since of [String(half), await timeOf(service.url, half)]) {
    const { firstMs } = await drain(port, get(`/events?since=${since}`), '"specversion"');
    tell(`since=${since}: first event after ${firstMs.toFixed(1)} ms`);
    assert(firstMs < 500);
  }
  clearInterval(watching);
  assert.equal(await service.end(), 0);
  assert(startMs < 2_000, `started in ${startMs} ms`);
  assert(Math.max(...grown) < 64 * megabyte, `grown by ${Math.max(...grown)} bytes`);
}

async function timeOf(url: string, offset: number): Promise<string> {
  const reader = await readSse(url, `?since=${offset - 1}`);
  const [event] = await take(reader, 1);
  reader.close();
  return event?.time ?? '';
}
