/**
 * Whoever is nearest to the cluster would always be first to write. So a process that was outrun asks the others to wait
 * for it once; they do for a moment, and nothing but speed depends on it.
 */
import { randomBytes } from 'node:crypto';
import type { Cluster } from './cluster.js';

/** So many times in a row is a process outrun before it asks. */
const patience = 2;

/** How long the others wait at most. */
const turnMs = 200;

/** The turns of one process. */
export class Turns {
  readonly #self = randomBytes(8).toString('hex');
  readonly #subject: string;
  #missed = 0;
  /** Until when somebody else has the turn, by `performance.now()`. */
  othersUntilMs = 0;

  constructor(private readonly cluster: Pick<Cluster, 'connection' | 'url'>) {
    this.#subject = `${cluster.url.stream}.turn`;
    cluster.connection.subscribe(this.#subject, {
      callback: (error, message) => {
        if (error === null && message.string() !== this.#self) this.othersUntilMs = performance.now() + turnMs;
      },
    });
  }

  /** Another was first. */
  miss(): void {
    this.#missed += 1;
    if (this.#missed >= patience && !this.cluster.connection.isClosed()) {
      this.cluster.connection.publish(this.#subject, this.#self);
    }
  }

  /** It has written. */
  take(): void {
    this.#missed = 0;
  }
}
