import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type AnyEvent,
  type CloudEvent,
  connect,
  type EventData,
  type ItemRule,
  type ItemsOf,
  type LinkRule,
  type Quote,
  type SpiderData,
  type SystemEventType,
} from 'crawlcast/client';
import type { ObservedValueOf } from 'rxjs';
import type { SpiderInput } from '#src/crawl/spider.js';
import type { quotes } from '#src/spiders/quotes.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only where it holds; that the file is here says that it does. */
function holds<_Fact extends true>(): void {}

const shop = {
  name: 'shop',
  start: ['https://shop.example/'],
  items: {
    product: {
      each: '.product',
      fields: {
        name: { css: 'h2', default: '' },
        price: { css: '.price', as: 'number' },
        stock: { css: '.stock', as: 'number', default: 0 },
        link: { css: 'a', as: 'url' },
        text: { css: 'p', as: 'html' },
        ratings: { css: '.rating', as: 'number', all: true },
        labels: { css: '.label', all: true, default: null },
        single: { css: 'b', all: false },
      },
    },
    page_title: { fields: { title: 'title' } },
  },
} as const satisfies SpiderInput | Readonly<Record<string, unknown>>;

interface Product {
  name: string;
  price: number | null;
  stock: number;
  link: string | null;
  text: string | null;
  ratings: number[];
  labels: string[] | null;
  single: string | null;
}

type ShopItems = ItemsOf<typeof shop>;
const client = connect('http://localhost:9000');
const shopClient = connect<ShopItems>('http://localhost:9000');

describe('the types of the client', () => {
  it('reads items off the rules of a spider', () => {
    holds<Same<ItemsOf<typeof quotes>, { quote: { quote: string | null; author: string | null; tags: string[] } }>>();
    holds<Same<ItemsOf<typeof quotes>['quote'] extends Quote ? true : false, true>>();
    holds<
      Same<
        { [Name in keyof ShopItems['product']]: ShopItems['product'][Name] },
        { [Name in keyof Product]: Product[Name] }
      >
    >();
    holds<Same<ShopItems['page_title'], { title: string | null }>>();
  });

  it('takes a spider whose rules are of unknown value as far as can be said', () => {
    const fromJson = { items: { offer: { fields: { price: { css: 'b', as: 'number' }, tags: ['i'] } } } };
    holds<Same<ItemsOf<typeof fromJson>['offer'], { price: string | number | null; tags: string[] }>>();
    assert.ok(fromJson);
  });

  it('makes all events one discriminated union', () => {
    const all = client.events();
    holds<Same<ObservedValueOf<typeof all>, AnyEvent>>();
    const read = (event: AnyEvent<ShopItems>): number | string | null => {
      switch (event.type) {
        case 'page':
          return event.data.status;
        case 'product':
          return event.data.price;
        case 'page_title':
          return event.data.title;
        case 'page.skipped':
          return event.data.reason;
        case 'crawl.finished':
        case 'crawl.failed':
        case 'crawl.cancelled':
          return event.data.counts.product ?? 0;
        default:
          return event.id;
      }
    };
    assert.equal(typeof read, 'function');
  });

  it('narrows events by the types that are subscribed to', () => {
    const one = client.events({ type: 'quote' });
    holds<Same<ObservedValueOf<typeof one>, CloudEvent<'quote', Quote>>>();
    const two = shopClient.events({ type: ['product', 'page.failed'], since: 0 });
    type Two = CloudEvent<'product', ShopItems['product']> | CloudEvent<'page.failed', EventData['page.failed']>;
    holds<Same<ObservedValueOf<typeof two>, Two>>();
    const unknown = client.events({ type: 'somethingElse' });
    holds<Same<ObservedValueOf<typeof unknown>, CloudEvent<'somethingElse', unknown>>>();
    const filtered = shopClient.events({ crawl: 'latest', data: { name: 'x' } });
    holds<Same<ObservedValueOf<typeof filtered>, AnyEvent<ShopItems>>>();
  });

  it('takes the data from its caller', () => {
    const given = client.events<{ n: number }>({ type: 'count', since: 0 });
    holds<Same<ObservedValueOf<typeof given>, CloudEvent<string, { n: number }>>>();
  });

  it('knows every event type of the service', () => {
    type Known = Exclude<AnyEvent['type'], 'quote'>;
    holds<Same<Known, SystemEventType>>();
  });

  it('knows every part of a spider', () => {
    const spider = {
      name: 'shop',
      start: ['https://shop.example/'],
      items: { offer: { from: { css: 'script', after: 'data =' }, each: 'offers', fields: { price: 'price' } } },
      follow: ['.next', { css: '.page', attr: 'data-n', url: '/?page={value}', priority: 1 }],
      allow: ['shop.example'],
      login: { url: 'https://shop.example/login', form: 'form', fields: { user: 'me' }, check: '.me' },
      settings: { maxPages: 2 },
    } as const satisfies SpiderData;
    holds<Same<keyof SpiderData, keyof SpiderInput>>();
    holds<Same<keyof LinkRule, keyof Exclude<NonNullable<SpiderInput['follow']>[number], string>>>();
    holds<Same<keyof ItemRule, keyof SpiderInput['items'][string]>>();
    holds<Same<keyof NonNullable<SpiderData['login']>, keyof NonNullable<SpiderInput['login']>>>();
    assert.ok(spider);
  });

  it('refuses what the service would', () => {
    // @ts-expect-error: a subscription has no such member
    client.events({ typo: 'quote' });
    // @ts-expect-error: it is one or the other
    assert.ok(connect('http://localhost:9000', { transport: 'udp' }));
  });
});
