import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAccess } from '#src/serve/access.js';
import type { HttpRequest } from '#src/serve/transport.js';

function from(origin?: string): HttpRequest {
  const headers: Record<string, string | undefined> = { origin, host: 'service.test' };
  return { header: (name: string) => headers[name], query: '' } as HttpRequest;
}

test('access › an origin is the same in capitals and with a slash behind it', () => {
  const access = createAccess({ corsOrigins: ['https://A.test/'] });
  for (const origin of ['https://a.test', 'https://A.TEST']) {
    access.checkOrigin(from(origin));
    assert.equal(access.corsHeaders(from(origin))['access-control-allow-origin'], origin);
  }
  assert.throws(() => access.checkOrigin(from('https://b.test')), { code: 'origin.refused' });
});

test('access › what is kept of an answer for one origin is not given to another', () => {
  const access = createAccess({ corsOrigins: ['https://a.test'] });
  for (const origin of [undefined, 'https://a.test', 'https://b.test'])
    assert.equal(access.corsHeaders(from(origin)).vary, 'Origin', origin);
  assert.deepEqual(createAccess({ corsOrigins: [] }).corsHeaders(from('https://b.test')), {});
});
