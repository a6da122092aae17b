import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { defer, EMPTY, finalize, firstValueFrom, lastValueFrom, NEVER, of, Subject, throwError, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { pull } from '#src/crawl/pull.js';

function counter(count: number): () => Promise<number | undefined> {
  let last = 0;
  return async () => (last < count ? ++last : undefined);
}

function marbles(run: Parameters<TestScheduler['run']>[0]): void {
  new TestScheduler((actual, expected) => assert.deepEqual(actual, expected)).run(run);
}

describe('pull', () => {
  it('asks for the next lease only when its slot is free', () => {
    marbles(({ cold, expectObservable }) => {
      const answers = ['-a|', '-b|', '--(c|)'];
      const lease = () => {
        const answer = answers.shift();
        return answer === undefined ? cold<undefined>('-(u|)', { u: undefined }) : cold(answer);
      };
      const project = (name: string) => cold('x-y|', { x: `${name}1`, y: `${name}2` });
      // lease 1 + page 3, whereupon the next lease; the last one ends the slot
      expectObservable(pull(1, lease, project)).toBe('-a-b-c-d--e-f-|', {
        a: 'a1',
        b: 'a2',
        c: 'b1',
        d: 'b2',
        e: 'c1',
        f: 'c2',
      });
    });
  });

  it('works in its slots side by side', () => {
    marbles(({ cold, expectObservable }) => {
      let last = 0;
      const lease = () => (last < 4 ? cold('--(x|)', { x: ++last }) : cold('----(x|)', { x: undefined }));
      const project = (lease: number) => cold('--(x|)', { x: lease });
      expectObservable(pull(2, lease, project)).toBe('----(ab)(cd)|', { a: 1, b: 2, c: 3, d: 4 });
    });
  });

  it('passes an error on and stops the other slots', () => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const long = cold('---------|');
      const names = ['long', 'bad'];
      const lease = () => cold('-(x|)', { x: names.shift() });
      const project = (name: string) => (name === 'long' ? long : cold('--#'));
      expectObservable(pull(2, lease, project)).toBe('---#');
      expectSubscriptions(long.subscriptions).toBe('-^-!');
    });
  });

  it('gives a thousand leases to their end, never more than its width at once', async () => {
    let inFlight = 0;
    let most = 0;
    const page = (lease: number) =>
      defer(async () => {
        most = Math.max(most, ++inFlight);
        await setImmediate();
        inFlight--;
        return lease;
      });
    const seen = await lastValueFrom(pull(7, counter(1_000), page).pipe(toArray()));
    assert.deepEqual(
      seen.toSorted((a, b) => a - b),
      Array.from({ length: 1_000 }, (_, i) => i + 1),
    );
    assert.equal(most, 7);
  });

  it('does not overflow the stack where pages end at once', async () => {
    const seen = await lastValueFrom(pull(3, counter(30_000), (lease) => of(lease)).pipe(toArray()));
    assert.equal(seen.length, 30_000);
  });

  it('goes on after pages that give nothing', async () => {
    let pages = 0;
    const page = () =>
      defer(() => {
        pages++;
        return EMPTY;
      });
    assert.deepEqual(await lastValueFrom(pull(2, counter(10), page).pipe(toArray())), []);
    assert.equal(pages, 10);
  });

  it('waits for a lease that comes late', async () => {
    const late = new Subject<string>();
    const first = firstValueFrom(pull(4, () => firstValueFrom(late), of));
    await setImmediate();
    late.next('here');
    assert.equal(await first, 'here');
  });

  it('fails where a lease fails', async () => {
    const broken = () => Promise.reject(new Error('no frontier'));
    await assert.rejects(lastValueFrom(pull(2, broken, of)), /no frontier/);
    const bad = pull(2, counter(5), (lease) => (lease === 3 ? throwError(() => new Error('bad page')) : of(lease)));
    await assert.rejects(lastValueFrom(bad), /bad page/);
  });

  it('tears down everything in flight when it is unsubscribed, and asks for no more', async () => {
    let torn = 0;
    let asked = 0;
    const lease = async () => ++asked;
    const page = () => NEVER.pipe(finalize(() => torn++));
    const subscription = pull(5, lease, page).subscribe();
    await setImmediate();
    assert.equal(torn, 0);
    subscription.unsubscribe();
    await setImmediate();
    assert.equal(torn, 5);
    assert.equal(asked, 5);
  });
});
