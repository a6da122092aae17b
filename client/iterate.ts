/** An Observable at the pace of its reader. */
import type { Observable } from 'rxjs';
import { type Gate, Lock } from './gate.js';

/** How much waits for the reader, and who is told when that is full, or no longer. */
export interface Pace {
  readonly size: number;
  readonly onHeld: () => void;
  readonly onReleased: () => void;
}

interface Reader<Value> {
  resolve(result: IteratorResult<Value, undefined>): void;
  reject(error: unknown): void;
}

/**
 * Values one by one. When `size` of them wait, the gate is shut until half of them have been taken; what the source
 * still gives then is kept. Leaving the loop unsubscribes.
 */
export function iterate<Value extends object>(
  observe: (gate: Gate) => Observable<Value>,
  { size, onHeld, onReleased }: Pace,
): AsyncIterableIterator<Value, undefined, undefined> {
  const lock = new Lock();
  const buffer: Value[] = [];
  const readers: Reader<Value>[] = [];
  let end: { error?: unknown } | undefined;

  function settle(): void {
    while (readers.length > 0 && (buffer.length > 0 || end !== undefined)) {
      const reader = readers.shift();
      const value = buffer.shift();
      if (value !== undefined) reader?.resolve({ value, done: false });
      else if (end !== undefined && 'error' in end) reader?.reject(end.error);
      else reader?.resolve({ value: undefined, done: true });
      // An error is told once.
      if (value === undefined) end = {};
    }
    if (lock.isOpen || buffer.length > size / 2) return;
    lock.open();
    onReleased();
  }

  function finish(outcome: { error?: unknown }): void {
    end = outcome;
    settle();
  }

  const subscription = observe(lock).subscribe({
    next: (value) => {
      buffer.push(value);
      if (buffer.length >= size && lock.isOpen) {
        lock.shut();
        onHeld();
      }
      settle();
    },
    error: (error: unknown) => finish({ error }),
    complete: () => finish({}),
  });

  return {
    next: () =>
      new Promise((resolve, reject) => {
        readers.push({ resolve, reject });
        settle();
      }),
    async return() {
      subscription.unsubscribe();
      buffer.length = 0;
      finish({});
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
