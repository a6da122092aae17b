/** The log server as a process that can be told what to do. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Answer, Order } from './log-server.js';

/** A log server under way. */
export interface LogServer extends Answer {
  /** Orders are carried out one after the other. */
  tell(order: Order): Promise<Answer>;
}

/** Starts one, which ends with the test. */
export async function startLogServer(test: TestContext, transport: string, data: string): Promise<LogServer> {
  const script = fileURLToPath(new URL('./log-server.js', import.meta.url));
  const child = fork(script, [transport, data], { execArgv: ['--expose-gc'] });
  test.after(() => child.kill('SIGKILL'));
  const tell = async (order: Order): Promise<Answer> => {
    child.send(order);
    // The child is our own script, which answers nothing else.
    const [answer] = (await once(child, 'message')) as [Answer];
    return answer;
  };
  return { ...(await tell('measure')), tell };
}
