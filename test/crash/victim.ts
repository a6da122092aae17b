/** `crawlcast serve` that kills itself at a chosen moment. Run as a process of its own, with what it needs as JSON. */
import type { Config } from '#src/config.js';
import { startService } from '#src/service.js';
import { openEmbeddedStore } from '#src/store/embedded.js';
import type { Step, Store } from '#src/store/store.js';
import { kindOf, type Moment } from './moment.js';

/** What a victim is told. */
export interface VictimOptions {
  readonly config: Config;
  readonly moment: Moment;
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

function arm(store: Store, { kind, side, nth }: Extract<Moment, { at: 'commit' }>): void {
  let count = 0;
  let awaited: Uint8Array | undefined;
  let cursor = store.log.last;
  // Added before any reader's, this listener is called before they are, and before the commit's promise resolves.
  store.log.onAppend(() => {
    for (let batch = store.log.read(cursor); batch.length > 0; batch = store.log.read(cursor)) {
      cursor = batch.last;
      const tail = awaited;
      if (tail !== undefined && [...batch].some(({ json }) => json.subarray(-tail.length).equals(tail))) die();
    }
  });
  const commit = store.commit.bind(store);
  store.commit = async (step) => {
    let isIt = false;
    const judge = (whole: Step) => {
      isIt = kindOf(whole) === kind && ++count === nth;
      if (isIt && side === 'before') die();
      if (isIt && side === 'durable') awaited = whole.events?.at(-1)?.tail;
    };
    const { decide } = step;
    if (decide === undefined) judge(step);
    const decideAndJudge: Step['decide'] = (standing) => {
      const decided = decide?.(standing) ?? {};
      judge({ ...step, ...decided, events: [...(step.events ?? []), ...(decided.events ?? [])] });
      return decided;
    };
    const committed = await commit(decide === undefined ? step : { ...step, decide: decideAndJudge });
    // A step of which all was known already tells nobody anything.
    if (isIt) die();
    return committed;
  };
}

const { config, moment }: VictimOptions = JSON.parse(process.argv[2] ?? '');
const stage = moment.at === 'start-up' ? moment.stage : undefined;
// Opening waits for the disk more than once: this comes in between.
if (stage === 'opening') queueMicrotask(die);
const store = await openEmbeddedStore(config.data);
if (stage === 'opened') die();
if (moment.at === 'commit') arm(store, moment);
const service = await startService(config, store);
if (stage === 'listening') die();
process.stdout.write(`listening on ${service.url}\n`);
