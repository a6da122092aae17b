/** One seeded run: appends at full speed, subscribers that come and go, a service that is started again. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Config } from '#src/config.js';
import type { RunningService } from '#src/service.js';
import { Follower, type ModelEvent, type Question } from './follower.js';
import { eventOf, itemOf, openLogService, recordOf } from './log-service.js';
import { createRandom, type Random } from './random.js';

/** How long and how wild a run is. */
export interface ReplayPlan {
  readonly seed: number;
  readonly transport: Config['transport'];
  readonly data: string;
  readonly steps: number;
  readonly followers: number;
}

const questions: readonly [Question, ...Question[]] = [
  { query: '', matches: () => true },
  { query: '&type=quote', matches: ({ type }) => type === 'quote' },
  { query: '&type=page,quote&crawl=a', matches: ({ crawl }) => crawl === 'a' },
  { query: '&crawl=b', matches: ({ crawl }) => crawl === 'b' },
  { query: '&data.parity=odd', matches: ({ data }) => data.parity === 'odd' },
  {
    query: '&type=quote&data.tags=m2&data.parity=even&crawl=a',
    matches: ({ type, crawl, data }) =>
      type === 'quote' && crawl === 'a' && data.parity === 'even' && data.tags?.includes('m2') === true,
  },
  { query: '&data.tags=nobody', matches: () => false },
];

/** Carries the run out, and throws where a subscriber did not see exactly what it should have. */
export async function runReplay({ seed, transport, data, steps, followers: count }: ReplayPlan): Promise<void> {
  const random = createRandom(seed);
  const model: ModelEvent[] = [];
  let service = await openLogService({ transport, data });
  let url = Promise.resolve(service.url);
  const { epoch } = service.store.log;
  for (const id of ['a', 'b']) await service.store.commit({ crawl: id, record: recordOf(id) });
  const followers: Follower[] = [];
  const appends: Promise<void>[] = [];
  for (let step = 0; step < steps; step++) {
    for (let burst = random.below(4); burst > 0; burst--) appends.push(append(service, random, model));
    if (followers.length < count) {
      const since = `${epoch}-${random.below(service.store.log.last + 1)}`;
      followers.push(new Follower(random.pick(['sse', 'ws']), random.pick(questions), since, () => url));
    }
    if (random.chance(0.2)) random.pick(asList(followers)).interrupt();
    if (random.chance(0.1)) random.pick(asList(followers)).interrupt(random.pick(questions));
    if (random.chance(0.3)) await appends.at(-1);
    if (random.chance(0.3)) await nextTurn();
    if (random.chance(0.03)) {
      await Promise.all(appends);
      const restarted = restart(service, { transport, data });
      url = restarted.then((next) => next.url);
      service = await restarted;
    }
  }
  await Promise.all(appends);
  for (const follower of followers) await follower.untilSeen(model);
  for (const follower of followers) await follower.stop();
  await service.close();
  for (const follower of followers) follower.assertSawAll(model, `seed ${seed}`);
}

async function restart(service: RunningService, options: Pick<ReplayPlan, 'transport' | 'data'>) {
  await service.close();
  return openLogService(options);
}

/** Steps are carried out in the order of the calls, so that the model grows in the order of the log. */
async function append({ store }: RunningService, random: Random, model: ModelEvent[]): Promise<void> {
  const crawl = random.pick(['a', 'b']);
  const items = Array.from({ length: 1 + random.below(40) }, () => ({
    type: random.chance(0.8) ? 'quote' : 'page',
    data: itemOf(random.below(1_000)),
  }));
  const { events } = await store.commit({ crawl, events: items.map(({ type, data }) => eventOf(crawl, type, data)) });
  for (const [index, { offset, type }] of events.entries()) {
    model.push({ offset, type, crawl, data: items[index]?.data ?? {} });
  }
}

function asList<Value>(values: readonly Value[]): readonly [Value, ...Value[]] {
  const [first, ...rest] = values;
  if (first === undefined) throw new Error('nobody is there yet');
  return [first, ...rest];
}
