/** Which URLs of each host wait, in the order in which they are to be taken. Of a URL only its number is here, in four bytes. */
import { SortedMap } from './sorted.js';

/** Numbers of one rank, first come first. */
interface Chain {
  first: number;
  last: number;
}

interface HostQueue {
  /** Without those that were withdrawn. */
  count: number;
  /** By rank: the least is taken first. */
  readonly chains: SortedMap<Chain>;
}

/** By host, then rank, then first come. */
export class HostQueues {
  readonly #hosts = new Map<string, HostQueue>();
  readonly #links = new Links();
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

  /** @param rank a text; numbers must be added once, in any order */
  add(host: string, rank: string, number: number): void {
    const queue = this.#queueOf(host);
    const chain = queue.chains.get(rank);
    if (chain === undefined) queue.chains.set(rank, { first: number, last: number });
    else {
      this.#links.set(chain.last, number);
      chain.last = number;
    }
    this.#count(host, queue, 1);
  }

  take(host: string): number | undefined {
    const queue = this.#hosts.get(host);
    if (queue === undefined) return undefined;
    const number = this.#next(queue);
    this.#count(host, queue, -1);
    return number;
  }

  /** One of the host's was withdrawn: it is passed over when its turn comes. */
  withdraw(host: string): void {
    const queue = this.#hosts.get(host);
    if (queue !== undefined) this.#count(host, queue, -1);
  }

  clear(): void {
    this.#hosts.clear();
    this.#links.clear();
    this.#size = 0;
  }

  #queueOf(host: string): HostQueue {
    const known = this.#hosts.get(host);
    if (known !== undefined) return known;
    const queue = { count: 0, chains: new SortedMap<Chain>() };
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

  #next({ chains }: HostQueue): number | undefined {
    for (let [rank, chain] = chains.first() ?? []; chain !== undefined; [rank, chain] = chains.first() ?? []) {
      const number = chain.first;
      const following = this.#links.take(number);
      if (following !== undefined) chain.first = following;
      else chains.delete(rank ?? '');
      if (!this.isWithdrawn(number)) return number;
    }
    return undefined;
  }
}

const pieceNumbers = 4096;

interface Piece {
  /** One more than the number that follows; 0 where none does. */
  readonly following: Uint32Array;
  used: number;
}

/** From a number to the one that follows it: in pieces, which go when none of their numbers has a follower. */
class Links {
  readonly #pieces = new Map<number, Piece>();

  set(number: number, following: number): void {
    const key = Math.floor(number / pieceNumbers);
    let piece = this.#pieces.get(key);
    if (piece === undefined) {
      piece = { following: new Uint32Array(pieceNumbers), used: 0 };
      this.#pieces.set(key, piece);
    }
    piece.following[number % pieceNumbers] = following + 1;
    piece.used += 1;
  }

  /** The one that follows; forgotten with that. */
  take(number: number): number | undefined {
    const key = Math.floor(number / pieceNumbers);
    const piece = this.#pieces.get(key);
    const following = piece?.following[number % pieceNumbers] ?? 0;
    if (piece === undefined || following === 0) return undefined;
    piece.following[number % pieceNumbers] = 0;
    piece.used -= 1;
    if (piece.used === 0) this.#pieces.delete(key);
    return following - 1;
  }

  clear(): void {
    this.#pieces.clear();
  }
}
