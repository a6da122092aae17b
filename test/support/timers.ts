/** Timers that end when a test wants it. */
import { EventEmitter, once } from 'node:events';
import type { TestContext } from 'node:test';

/** The one timer of whoever waits again and again. */
export interface TimerByHand {
  /** For how long it was set last. */
  readonly ms: number;
  readonly isSet: boolean;
  /** Ends it, if it is set. */
  end(): void;
  /** Does something; resolves when the timer has been set anew. */
  setBy(action: () => void): Promise<void>;
}

/** From now on, and to the end of the test, `setTimeout` sets this one. */
export function timerByHand(t: TestContext): TimerByHand {
  const told = new EventEmitter();
  let callback: (() => void) | undefined;
  let ms = 0;
  t.mock.method(globalThis, 'setTimeout', (given: () => void, givenMs: number) => {
    [callback, ms] = [given, givenMs];
    told.emit('set');
    const timer = { unref: () => timer };
    return timer;
  });
  t.mock.method(globalThis, 'clearTimeout', () => {
    callback = undefined;
  });
  return {
    get ms() {
      return ms;
    },
    get isSet() {
      return callback !== undefined;
    },
    end() {
      const given = callback;
      callback = undefined;
      given?.();
    },
    async setBy(action) {
      const set = once(told, 'set');
      action();
      await set;
    },
  };
}
