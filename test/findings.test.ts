import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Findings } from '#src/cli/findings.js';
import { parseSpider, type SpiderInput } from '#src/crawl/spider.js';

const shop: SpiderInput = {
  name: 'shop',
  start: ['http://shop.test/'],
  items: { product: { each: 'li', fields: { name: 'b', tags: ['i'], stock: { css: 'em', default: 0 } } } },
  follow: ['a.next'],
};

/** What is said of a crawl in which this happened. */
function complaintsOf(events: readonly [type: string, data: unknown][], module?: string): readonly string[] {
  const findings = new Findings({ ...parseSpider(shop), ...(module !== undefined && { module }) });
  for (const [offset, [type, data]] of events.entries()) {
    const json = Buffer.from(`{"type":"${type}","data":${JSON.stringify(data)}}`);
    findings.see({ offset, crawl: 'a', type, json });
  }
  return findings.complaints;
}

const page = { items: 1, links: 1 };

describe('findings', () => {
  test('nothing is said where every selector found something once', () => {
    const events: [string, unknown][] = [
      ['product', { name: null, tags: ['new'], stock: 0 }],
      ['product', { name: 'Tea', tags: [], stock: 0 }],
      ['page', page],
      ['page', { items: 0, links: 0 }],
    ];
    assert.deepEqual(complaintsOf(events), []);
  });

  test('a type without items, and links that are nowhere, are told with the number of pages', () => {
    const nothing = { items: 0, links: 0 };
    const told = complaintsOf([
      ['page', nothing],
      ['page', nothing],
    ]);
    assert.deepEqual(told, [
      'items.product: no item on 2 pages; is the selector right?',
      'follow: no link on 2 pages; is the selector right?',
    ]);
  });

  test('a field that has no value in any item is told, unless it has a default', () => {
    const told = complaintsOf([
      ['product', { name: null, tags: [], stock: 0 }],
      ['page', page],
    ]);
    assert.deepEqual(told, [
      'items.product.fields.name: no value in 1 item; is the selector right?',
      'items.product.fields.tags: no value in 1 item; is the selector right?',
    ]);
  });

  test('nothing is said of a crawl without pages, nor of a module', () => {
    assert.deepEqual(complaintsOf([['page.failed', {}]]), []);
    assert.deepEqual(complaintsOf([['page', { items: 0, links: 0 }]], '/spiders/shop.ts'), []);
  });
});
