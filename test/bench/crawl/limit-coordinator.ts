/** The bare loop on all cores: starts its shards, and passes links from one to the other. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { takeOrders } from '../support/child.js';
import { type Extracted, nothing, pathOf, together } from '../support/quote-site.js';
import type { Target } from './contender.js';
import { concurrency } from './spider.js';

/** What a shard says. */
type Message = { readonly links: string[] } | { readonly idle: Idle };

interface Idle {
  readonly sent: number;
  readonly received: number;
  readonly sum: Extracted;
}

const count = availableParallelism();
let shards: ChildProcess[] = [];
let start = '';

/** First the target, answered with the pids once all are ready and warm; then `go`, answered with what was extracted. */
takeOrders(async (order: Target | 'go') => {
  if (order === 'go') return crawl(start);
  start = pathOf(order.pages, 1);
  const script = fileURLToPath(new URL('./limit-shard.js', import.meta.url));
  const width = Math.ceil(concurrency / count);
  shards = Array.from({ length: count }, (_, i) => fork(script, [order.origin, `${i}`, `${count}`, `${width}`]));
  await Promise.all(shards.map((shard) => once(shard, 'message')));
  for (let done = 0; done < order.warmUps; done++) await crawl(pathOf(order.warmUpPages, 1));
  return shards.map(({ pid }) => pid);
});

function crawl(from: string): Promise<Extracted> {
  const idle: (Idle | undefined)[] = shards.map(() => undefined);
  passedOn = 0;
  return new Promise((resolve) => {
    for (const [index, shard] of shards.entries()) {
      shard.removeAllListeners('message').on('message', (message: Message) => {
        if ('links' in message) return passOn(message.links);
        idle[index] = message.idle;
        if (isOver(idle)) resolve(idle.reduce((sum, one) => together(sum, one?.sum ?? nothing), nothing));
      });
      shard.send({ start: from });
    }
  });
}

let passedOn = 0;

function passOn(links: string[]): void {
  passedOn += links.length;
  for (const [index, shard] of shards.entries()) {
    const own = links.filter((path) => crc32(path) % count === index);
    if (own.length > 0) shard.send({ links: own });
  }
}

/** All have said that they are idle, and each has had all that was passed on to it. */
function isOver(idle: readonly (Idle | undefined)[]): boolean {
  const sum = (what: 'sent' | 'received') => idle.reduce((total, one) => total + (one?.[what] ?? Number.NaN), 0);
  return sum('sent') === passedOn && sum('received') === passedOn;
}
