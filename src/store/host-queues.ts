/** Which URLs of each host wait, in the order in which they are to be taken. Of a URL only its number is here. */
import { NumberQueue, newQueuePool } from './number-queue.js';
import { SortedMap } from './sorted.js';

interface HostQueue {
  /** Without those that were withdrawn. */
  count: number;
  /** By rank: the least is taken first. */
  readonly ranks: SortedMap<NumberQueue>;
}

/** By host, then rank, then first come. */
export class HostQueues {
  readonly #hosts = new Map<string, HostQueue>();
  readonly #pool = newQueuePool();
  #size = 0;

  /** @param isWithdrawn whether a number that was added is not to be taken any more */
  constructor(private readonly isWithdrawn: (number: number) => boolean) {}

  get size(): number {
    return this.#size;
  }

  hosts(): Iterable<string> {
    return this.#hosts.keys();
  }

  has(host: string): boolean {
    return this.#hosts.has(host);
  }

  /** @param rank a text; numbers must be added once, in their order */
  add(host: string, rank: string, number: number): void {
    const queue = this.#queueOf(host);
    const numbers = queue.ranks.get(rank) ?? new NumberQueue(this.#pool);
    if (numbers.isEmpty) queue.ranks.set(rank, numbers);
    numbers.add(number);
    this.#count(host, queue, 1);
  }

  take(host: string): number | undefined {
    const queue = this.#hosts.get(host);
    if (queue === undefined) return undefined;
    const number = this.#next(queue);
    this.#count(host, queue, -1);
    return number;
  }

  /** One of the host's numbers was withdrawn: it is passed over when its turn comes. */
  withdraw(host: string): void {
    const queue = this.#hosts.get(host);
    if (queue !== undefined) this.#count(host, queue, -1);
  }

  clear(): void {
    this.#hosts.clear();
    this.#pool.clear();
    this.#size = 0;
  }

  #queueOf(host: string): HostQueue {
    const known = this.#hosts.get(host);
    if (known !== undefined) return known;
    const queue = { count: 0, ranks: new SortedMap<NumberQueue>() };
    this.#hosts.set(host, queue);
    return queue;
  }

  #count(host: string, queue: HostQueue, change: number): void {
    queue.count += change;
    this.#size += change;
    if (queue.count > 0) return;
    // What is left of it was withdrawn.
    this.#next(queue);
    this.#hosts.delete(host);
  }

  #next({ ranks }: HostQueue): number | undefined {
    for (let first = ranks.first(); first !== undefined; first = ranks.first()) {
      const [rank, numbers] = first;
      const number = numbers.take();
      if (numbers.isEmpty) {
        numbers.close();
        ranks.delete(rank);
      }
      if (number !== undefined && !this.isWithdrawn(number)) return number;
    }
    return undefined;
  }
}
