import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defer, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { CrawlcastClientError, LogGapError, MissedEventsError } from '#src/client/errors.js';
import { tellGaps, untilCrawlEnds } from '#src/client/follow.js';
import type { Frame } from '#src/client/frame.js';
import { onceInOrder } from '#src/client/in-order.js';
import { proveComplete } from '#src/client/proof.js';
import { backoffMs, reconnectWith } from '#src/client/reconnect.js';
import type { CloudEvent } from '#src/events.js';

function marbles(run: Parameters<TestScheduler['run']>[0]): void {
  new TestScheduler((actual, expected) => assert.deepEqual(actual, expected)).run(run);
}

function event(id: string, type = 'quote', data: unknown = null, source = '/crawls/1'): CloudEvent {
  return { specversion: '1.0', id, source, type, time: '2026-01-01T00:00:00.000Z', data };
}

describe('reconnectWith', () => {
  const lost = new CrawlcastClientError('connect.lost', 'gone', { retryable: true });

  it('subscribes again after a wait that grows with each failure', () => {
    marbles(({ cold, expectObservable }) => {
      const connections = ['a-#', '#', '#', 'b|'].map((marble) => cold(marble, undefined, lost));
      const source$ = defer(() => connections.shift() ?? throwError(() => new Error('asked too often')));
      expectObservable(source$.pipe(reconnectWith((_, failures) => failures * 2))).toBe('a-------------b|');
    });
  });

  it('counts failures from the last value', () => {
    marbles(({ cold, expectObservable }) => {
      const waits: number[] = [];
      const connections = ['#', '#', 'a#', '#', 'b|'].map((marble) => cold(marble, undefined, lost));
      const source$ = defer(() => connections.shift() ?? throwError(() => new Error('asked too often')));
      const counted$ = source$.pipe(
        reconnectWith((_, failures) => {
          waits.push(failures);
          return 1;
        }),
      );
      expectObservable(counted$).toBe('--a--b|');
      queueMicrotask(() => assert.deepEqual(waits, [1, 2, 1, 2]));
    });
  });

  it('passes on what cannot heal', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('a-#').pipe(reconnectWith(() => undefined))).toBe('a-#');
    });
  });

  it('stops waiting when it is unsubscribed', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source$ = cold('#', undefined, lost);
      expectObservable(source$.pipe(reconnectWith(() => 10)), '--!').toBe('---');
      expectSubscriptions(source$.subscriptions).toBe('(^!)');
    });
  });
});

describe('backoffMs', () => {
  it('doubles up to ten seconds, less up to a half by chance', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 100].map((failures) => backoffMs(failures, 0));
    assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    assert.equal(backoffMs(3, 1), 500);
  });
});

describe('onceInOrder', () => {
  const frames: Record<string, Frame> = {
    a: { id: 'e-1', event: event('e-1') },
    b: { id: 'e-2', event: event('e-2') },
    c: { id: 'e-10', event: event('e-10') },
    h: { id: 'e-7' },
    g: { id: 'e-1', event: event('e-1', 'log.gap') },
    n: { id: 'f-1', event: event('f-1') },
  };
  const events = Object.fromEntries(Object.entries(frames).map(([name, frame]) => [name, frame.event]));

  it('drops what has come before, by offset and not by text', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('abacbc|', frames).pipe(onceInOrder(() => {}))).toBe('ab-c--|', events);
    });
  });

  it('tells each place that was reached, also where there is no event', () => {
    marbles(({ cold, expectObservable, flush }) => {
      const places: string[] = [];
      expectObservable(cold('ahbc|', frames).pipe(onceInOrder((id) => places.push(id)))).toBe('a--c|', events);
      flush();
      assert.deepEqual(places, ['e-1', 'e-7', 'e-10']);
    });
  });

  it('starts anew with a gap, and with another log', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('cgbn|', frames).pipe(onceInOrder(() => {}))).toBe('cgbn|', events);
    });
  });
});

describe('tellGaps', () => {
  const data = { requested: 'e-1', resumedAfter: 'e-5', reason: 'truncated' };
  const gap = event('e-5', 'log.gap', data);
  const values = { a: event('e-1'), g: gap };

  it('lets a gap through to who asked for all types, or for this one', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('ag|', values).pipe(tellGaps('e-1', undefined))).toBe('ag|', values);
      expectObservable(cold('ag|', values).pipe(tellGaps('e-1', new Set(['log.gap'])))).toBe('ag|', values);
    });
  });

  it('is an error to anybody else', () => {
    marbles(({ cold, expectObservable, flush }) => {
      const told: unknown[] = [];
      // Also where all was asked for, and the gap came later.
      for (const since of ['e-1', 0]) {
        const errors$ = cold('ag|', values).pipe(tellGaps(since, new Set(['quote'])));
        errors$.subscribe({ error: (error) => told.push(error) });
      }
      expectObservable(cold('a|', values)).toBe('a|', values);
      flush();
      assert.equal(told.length, 2);
      for (const error of told) {
        assert.ok(error instanceof LogGapError);
        assert.deepEqual(error.gap, data);
      }
    });
  });

  it('is none to who asked for all that is kept', () => {
    marbles(({ cold, expectObservable }) => {
      const early = { ...values, g: event('e-5', 'log.gap', { ...data, requested: '0' }) };
      expectObservable(cold('ga|', early).pipe(tellGaps(0, new Set(['quote'])))).toBe('ga|', early);
    });
  });
});

describe('untilCrawlEnds', () => {
  const values = { a: event('e-1'), z: event('e-2', 'crawl.failed'), b: event('e-3') };

  it('completes behind the last event of the one crawl', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('azb', values).pipe(untilCrawlEnds(true))).toBe('a(z|)', values);
      expectObservable(cold('azb', values).pipe(untilCrawlEnds(false))).toBe('azb', values);
    });
  });
});

describe('proveComplete', () => {
  const end = (counts: Record<string, number>) => event('e-9', 'crawl.finished', { stats: {}, counts });
  const s = event('e-1', 'crawl.started');
  const q = event('e-2');
  const p = event('e-3', 'page');

  it('is content where the counts are right', () => {
    marbles(({ cold, expectObservable }) => {
      const values = { s, q, p, z: end({ 'crawl.started': 1, quote: 2, page: 1, 'crawl.finished': 1 }) };
      expectObservable(cold('sqqpz-|', values).pipe(proveComplete(undefined))).toBe('sqqpz-|', values);
    });
  });

  it('raises an error behind the last event where one is missing, or one too many', () => {
    marbles(({ cold, expectObservable }) => {
      const values = { s, q, z: end({ 'crawl.started': 1, quote: 2, 'crawl.finished': 1 }) };
      const told = (seen: number) => {
        const [expected, counted] = [2, seen].map((quote) => ({ 'crawl.started': 1, quote, 'crawl.finished': 1 }));
        return new MissedEventsError('/crawls/1', expected ?? {}, counted ?? {});
      };
      expectObservable(cold('sqz-|', values).pipe(proveComplete(undefined))).toBe('sq(z#)', values, told(1));
      expectObservable(cold('sqqqz-|', values).pipe(proveComplete(undefined))).toBe('sqqq(z#)', values, told(3));
    });
  });

  it('asks only for the types that come through', () => {
    marbles(({ cold, expectObservable }) => {
      const values = { s, q, z: end({ 'crawl.started': 1, quote: 1, page: 7, 'crawl.finished': 1 }) };
      expectObservable(cold('sqz|', values).pipe(proveComplete(new Set(['quote'])))).toBe('sqz|', values);
    });
  });

  it('says nothing of a crawl that it did not see from its beginning, nor across a gap', () => {
    marbles(({ cold, expectObservable }) => {
      const values = { s, q, g: event('e-2', 'log.gap'), z: end({ quote: 5 }) };
      expectObservable(cold('qz|', values).pipe(proveComplete(undefined))).toBe('qz|', values);
      expectObservable(cold('sgqz|', values).pipe(proveComplete(undefined))).toBe('sgqz|', values);
    });
  });

  it('counts crawls side by side', () => {
    marbles(({ cold, expectObservable }) => {
      const other = '/crawls/2';
      const values = {
        s,
        q,
        t: event('e-1', 'crawl.started', null, other),
        r: event('e-2', 'quote', null, other),
        z: end({ 'crawl.started': 1, quote: 1, 'crawl.finished': 1 }),
        y: event('e-2', 'crawl.cancelled', { counts: { 'crawl.started': 1, quote: 2, 'crawl.cancelled': 1 } }, other),
      };
      expectObservable(cold('strqzry|', values).pipe(proveComplete(undefined))).toBe('strqzry|', values);
    });
  });
});
