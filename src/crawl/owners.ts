/** The crawls of a process that is gone are taken up by one that is left. */
import { CrawlcastError } from '../errors.js';
import type { Peers, Store } from '../store/store.js';
import { tryToWrite } from './probe.js';

/** What the watch does about what it finds. */
export interface Watch {
  readonly store: Store;
  readonly peers: Peers;
  /** Works on a crawl that is this process's, where nobody does yet. */
  readonly take: (crawl: string) => void;
  /** Lets go of crawls that are no longer this process's. */
  readonly recall: () => void;
}

/** Between two rounds of asking. */
const roundMs = 2_000;

/** How many times in a row a process must not answer to be taken for gone. One that is not gone is fenced off, and loses nothing. */
const patience = 3;

/** Begins at once; the function that it returns ends it. */
export function watchOwners(watch: Watch): () => void {
  const missed = new Map<string, number>();
  let isFirst = true;
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;

  async function round(): Promise<void> {
    watch.recall();
    const owners = crawlsByOwner(watch.store);
    for (const owner of missed.keys()) if (!owners.has(owner)) missed.delete(owner);
    await Promise.all([...owners].map(([owner, crawls]) => look(owner, crawls)));
    isFirst = false;
  }

  async function look(owner: string, crawls: readonly string[]): Promise<void> {
    const { peers, take } = watch;
    if (owner === peers.self) return crawls.forEach(take);
    const answer = owner === nobody ? 'gone' : await peers.ask(owner);
    if (answer === 'alive') return void missed.delete(owner);
    const count = (missed.get(owner) ?? 0) + 1;
    missed.set(owner, count);
    // A process that has just been started goes on at once with what was left behind.
    if (count < patience && !(answer === 'gone' && isFirst)) return;
    for (const crawl of crawls) await claim(crawl, owner);
  }

  async function claim(crawl: string, owner: string): Promise<void> {
    const { store, peers, take } = watch;
    if (isOver) return;
    await store.commit({
      crawl,
      decide({ record }) {
        if (record?.state === 'running' && (record.owner ?? nobody) === owner) {
          return { record: { ...record, owner: peers.self } };
        }
        throw new CrawlcastError('crawl.state', 'another process has taken the crawl up');
      },
    });
    take(crawl);
  }

  async function watchOn(): Promise<void> {
    // A process that is itself cut off knows nothing of the others.
    const error = watch.store.failure && (await tryToWrite(watch.store));
    if (error === undefined) await round().catch(() => {});
    else missed.clear();
    if (!isOver) timer = setTimeout(watchOn, roundMs).unref();
  }

  void watchOn();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

const nobody = '';

function crawlsByOwner(store: Store): Map<string, string[]> {
  const owners = new Map<string, string[]>();
  for (const { id, state, owner = nobody } of store.crawls()) {
    if (state === 'running') owners.set(owner, [...(owners.get(owner) ?? []), id]);
  }
  return owners;
}
