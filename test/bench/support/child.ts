/** Children that are told what to do: one message is an order, the next that comes back is its answer. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process that carries out orders. */
export interface Child {
  readonly pid: number;
  /** Sends an order and waits for what it comes to; no second one before that. */
  ask<Answer>(order: unknown): Promise<Answer>;
  end(): Promise<void>;
}

/**
 * Starts a script of the benchmarks.
 * @param script as a URL, from `new URL('./other.js', import.meta.url)`
 */
export function startChild(script: URL, args: readonly string[] = []): Child {
  const child = fork(fileURLToPath(script), [...args], { execArgv: ['--expose-gc'] });
  const exited = once(child, 'exit');
  return {
    // It is 0 only where it could not be started, which the first order then tells.
    pid: child.pid ?? 0,
    async ask<Answer>(order: unknown) {
      child.send(order as object);
      // The scripts are our own: each says what it answers.
      return (await nextMessage(child)) as Answer;
    },
    async end() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** What an order may take: one that hangs is a failure and not a wait. */
const maxMs = 300_000;

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.off('message', onMessage).off('exit', onExit);
      reject(new Error(`${child.spawnargs[1]} has not answered for ${maxMs} ms`));
    }, maxMs);
    const onExit = (code: number | null, signal: string | null) => {
      clearTimeout(late);
      child.off('message', onMessage);
      reject(new Error(`${child.spawnargs[1]} ended with ${code ?? signal} before it answered`));
    };
    const onMessage = (answer: unknown) => {
      clearTimeout(late);
      child.off('exit', onExit);
      resolve(answer);
    };
    child.once('exit', onExit);
    child.once('message', onMessage);
  });
}

/** In a child: carries out one order after the other. It ends with its parent. */
export function takeOrders<Order>(carryOut: (order: Order) => Promise<unknown> | unknown): void {
  process.on('message', async (order) => {
    // The parent is one of our own scripts.
    const answer = await carryOut(order as Order);
    process.send?.(answer ?? {});
  });
  process.once('disconnect', () => process.exit());
}
