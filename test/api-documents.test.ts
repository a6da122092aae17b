import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { CloudEvent } from 'cloudevents';
import { parseSpider, spiderJsonSchema } from '#src/crawl/spider.js';
import { errorTable } from '#src/errors.js';
import { asyncApiDocument } from '#src/serve/asyncapi.js';
import { openApiDocument } from '#src/serve/openapi.js';
import { operations } from '#src/serve/operations.js';
import { eventSchema, jsonSchema } from '#src/serve/schemas.js';
import { routes } from '#src/serve/server.js';
import { startSite } from '#src/site/site.js';
import { quotes } from '#src/spiders/quotes.js';
import { startCrawler, startWeb } from './support/crawling.js';
import { runService } from './support/process.js';
import { readAll, readSse } from './support/readers.js';

const methods = ['GET', 'POST', 'PUT', 'DELETE'];

test('documents › describe every path and method, and no other', () => {
  const served = routes.flatMap((route) => {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    return methods.filter((method) => method in route).map((method) => `${method} ${path}`);
  });
  assert.deepEqual(Object.keys(operations).sort(), served.sort());
});

test('documents › OpenAPI is valid, its references included', async () => {
  const validator = new Validator();
  const document = structuredClone(openApiDocument());
  const { valid, errors } = await validator.validate(document);
  assert.ok(valid, JSON.stringify(errors));
  assert.equal(validator.version, '3.1');
  const text = JSON.stringify(document);
  for (const [, pointer = ''] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    let found: unknown = document;
    for (const part of pointer.split('/')) {
      found = typeof found === 'object' && found !== null ? Reflect.get(found, part) : undefined;
    }
    assert.ok(found !== undefined, pointer);
  }
  for (const [, code = ''] of text.matchAll(/`([a-z]+\.[a-z]+)`:/g)) assert.ok(code in errorTable, code);
});

test('documents › AsyncAPI is valid', () => {
  const specs: { schemasWithoutId: Record<string, object> } = createRequire(import.meta.url)('@asyncapi/specs');
  const schema = specs.schemasWithoutId['3.0.0'];
  assert.ok(schema);
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const validate = ajv.compile(schema);
  assert.ok(validate(structuredClone(asyncApiDocument())), JSON.stringify(validate.errors?.slice(0, 5)));
});

test('documents › the schema of a spider says what the service says', () => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  addFormats.default(ajv);
  const validate = ajv.compile(spiderJsonSchema());
  const item = { fields: { a: 'b', c: ['d'], e: { css: 'f', all: true, default: [1, { g: null }] } } };
  const table: [spider: unknown, isGood: boolean][] = [
    [quotes, true],
    [{ name: 'x', start: ['http://x.example/'], items: { y: item } }, true],
    [
      { name: 'x', start: ['http://x.example/'], items: {}, settings: { timeout: '5s', delay: 5, proxy: 'http://p/' } },
      true,
    ],
    [{ name: 'x', start: [], items: {} }, false],
    [{ name: '../x', start: ['http://x.example/'], items: {} }, false],
    [{ name: 'x', start: ['http://x.example/'], items: { page: item } }, false],
    [{ name: 'x', start: ['http://x.example/'], items: { 'page.x': item } }, false],
    [{ name: 'x', start: ['http://x.example/'], items: { pages: item } }, true],
    [{ name: 'x', start: ['http://x.example/'], items: { y: { fields: { a: ['b', 'c'] } } } }, false],
    [{ name: 'x', start: ['http://x.example/'], items: { y: { fields: { a: { xpath: 'c' } } } } }, false],
    [{ name: 'x', start: ['http://x.example/'], items: {}, settings: { concurrency: 0 } }, false],
    [{ name: 'x', start: ['http://x.example/'], items: {}, settings: { headers: { 'a b': 'c' } } }, false],
    [{ name: 'x', start: ['http://x.example/'], items: {}, colour: 'red' }, false],
    [[], false],
  ];
  for (const [spider, isGood] of table) {
    const shown = JSON.stringify(spider);
    assert.equal(validate(spider), isGood, shown);
    if (isGood) parseSpider(spider);
    else assert.throws(() => parseSpider(spider), { code: 'spider.invalid' }, shown);
  }
});

test('documents › know a page that is unchanged', async () => {
  await using web = await startWeb((request, response) => {
    const etag = '"1"';
    if (request.headers['if-none-match'] === etag) response.writeHead(304, { etag }).end();
    else response.writeHead(200, { etag, 'content-type': 'text/html' }).end('<p>one</p>');
  });
  await using crawler = await startCrawler();
  const spider = { name: 'x', start: [`${web.url}/`], items: { p: { each: 'p', fields: { text: {} } } } };
  await crawler.crawl(spider);
  const [page] = (await crawler.crawl(spider)).of('page');
  assert.equal(page?.data.notModified, true);
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  addFormats.default(ajv);
  assert.ok(ajv.validate(jsonSchema(eventSchema('page')), page), ajv.errorsText());
});

test('documents › are served, and every event of a crawl is as they say', async (t) => {
  const site = await startSite({ pages: 2, perPage: 2 });
  t.after(() => site.close());
  const starts = [
    '--start-url',
    `${site.url}/`,
    '--start-url',
    `${site.url}/nothing`,
    '--start-url',
    'http://127.0.0.1:22/',
  ];
  const { url } = await runService(t, 'auto', starts);
  await fetch(`${url}/crawl`);
  const events = await readAll(await readSse(url, '?crawl=latest&since=0'));
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  addFormats.default(ajv);
  const messages: Record<string, { name: string; payload: object }> = JSON.parse(
    await (await fetch(`${url}/asyncapi.json`)).text(),
  ).components.messages;
  const seen = new Set<string>();
  for (const event of events) {
    new CloudEvent({ ...event }, true).validate();
    const name = event.type === 'quote' ? 'item' : event.type;
    const payload = Object.values(messages).find((message) => message.name === name)?.payload;
    assert.ok(payload, name);
    assert.ok(ajv.validate(payload, event), `${JSON.stringify(event)}: ${ajv.errorsText()}`);
    assert.ok(ajv.validate(jsonSchema(eventSchema()), event));
    seen.add(event.type);
  }
  assert.deepEqual([...seen].sort(), [
    'crawl.finished',
    'crawl.started',
    'page',
    'page.failed',
    'page.skipped',
    'quote',
  ]);
  for (const path of ['/openapi.json', '/schemas/spider.json']) {
    const response = await fetch(url + path);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /json/);
    JSON.parse(await response.text());
  }
  // What the API answers is what OpenAPI says it answers.
  const document: { components: { schemas: Record<string, object> } } = JSON.parse(
    await (await fetch(`${url}/openapi.json`)).text(),
  );
  ajv.addKeyword('components').addSchema({ $id: 'openapi', components: document.components });
  const answers: [path: string, schema: string][] = [
    ['/crawls', 'Crawl'],
    ['/spiders', 'Spider'],
    ['/hosts', 'Host'],
  ];
  for (const [path, schema] of answers) {
    const list: unknown = await (await fetch(url + path)).json();
    assert.ok(Array.isArray(list) && list.length > 0, path);
    for (const one of list) {
      assert.ok(ajv.validate({ $ref: `openapi#/components/schemas/${schema}` }, one), `${path}: ${ajv.errorsText()}`);
    }
  }
});
