import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run, temporaryFolder, transports } from '../support/process.js';
import { readAll, readSse, tryWs } from '../support/readers.js';

/** Stands in each of the secrets, and must be seen nowhere. */
const mark = 's3cret';

for (const { transport, skip } of transports) {
  test(`secrets over ${transport} › are in no event, answer, figure or line of the log`, { skip }, async (t) => {
    const token = `${mark}-write`;
    const readToken = `${mark}-read`;
    const args = ['--transport', transport, '--port', '0', '--workers', '1', '--data', temporaryFolder(t)];
    const tokens = ['--token', token, '--read-token', readToken, '--allow-private-networks'];
    const { url, stderr, end } = await run(t, ['serve', ...args, ...tokens], { CRAWLCAST_LOG: 'trace' });
    const seen: string[] = [];
    const ask = async (path: string, init: RequestInit = {}, given = token) => {
      const response = await fetch(url + path, {
        ...init,
        headers: { authorization: `Bearer ${given}`, ...init.headers },
      });
      const text = await response.text();
      seen.push(text, JSON.stringify([...response.headers]));
      return { status: response.status, text };
    };
    const send = (path: string, method: string, body: unknown) =>
      ask(path, { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });

    const spider = {
      name: 'mine',
      start: [`http://${mark}:${mark}@127.0.0.1:2/`, `http://127.0.0.1:2/page`],
      items: {},
      settings: {
        retries: 0,
        headers: { 'X-Key': mark },
        cookies: { session: mark },
        proxy: `http://me:${mark}@127.0.0.1:2/`,
      },
    };
    assert.equal((await send('/spiders/mine', 'PUT', spider)).status, 201);
    const started = await send('/crawls', 'POST', { spider: 'mine' });
    assert.equal(started.status, 201);
    const { id } = JSON.parse(started.text);
    const events = await readAll(await readSse(url, `?crawl=${id}&since=0&access_token=${readToken}`));
    assert.equal(events.at(-1)?.type, 'crawl.failed');
    seen.push(JSON.stringify(events));

    // What is refused is not repeated.
    assert.equal((await ask('/crawls', { method: 'POST' }, `${mark}-wrong`)).status, 401);
    assert.equal((await ask(`/events?access_token=${mark}-wrong`, {}, `${mark}-wrong`)).status, 401);
    assert.equal((await ask(`/events?since=x&access_token=${readToken}`)).status, 400);
    assert.equal((await ask(`/nothing?access_token=${readToken}`)).status, 404);
    assert.equal(await tryWs(`${url}/ws?access_token=${mark}-wrong`), 401);
    assert.equal(await tryWs(`${url}/ws?access_token=${readToken}&since=x`), 400);
    assert.equal((await send('/spiders/mine', 'PUT', { ...spider, settings: { headers: { a: [mark] } } })).status, 422);
    const broken = { method: 'POST', body: `{"settings": ${mark}`, headers: { 'content-type': 'application/json' } };
    assert.equal((await ask('/crawls', broken)).status, 400);
    for (const path of [
      '/crawls',
      `/crawls/${id}`,
      '/spiders',
      '/spiders/mine',
      '/hosts',
      '/metrics',
      '/openapi.json',
    ]) {
      assert.equal((await ask(path)).status, 200, path);
    }
    await end();
    seen.push(stderr());
    for (const text of seen) assert.ok(!text.includes(mark), text);
  });
}
