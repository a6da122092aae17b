/** The rows of `replay`: readers that want the whole log at once, and one that follows it live, alone and beside them. */
import { type Child, startChild } from '../support/child.js';
import type { Counted, CountingOrder } from '../support/counting-subscribers.js';
import { type Spent, startMeter } from '../support/meter.js';
import type { BenchOptions } from '../support/options.js';
import type { Reading, Row } from '../support/row.js';
import { type StreamServer, startBare, startLog } from '../support/servers.js';
import type { ReportOrder, Timed, TimedOrder } from '../support/timed-subscribers.js';

/** Events a second that the live reader follows. */
const livePace = 50;

/** The log is replayed until so much time has passed: once alone is over before the live reader has had enough to tell of. */
const measureSeconds = 4;

interface ReplayReading extends Spent {
  readonly events: number;
  readonly seconds: number;
}

/** How late a live reader had its events, in milliseconds. */
type LiveReading = Pick<Timed, 'p50' | 'p99'>;

/** What one server did in one round. */
interface Round {
  readonly one: ReplayReading;
  readonly many: ReplayReading;
  readonly manyBesideLive: ReplayReading;
  readonly liveAlone: LiveReading;
  readonly liveBesideMany: LiveReading;
}

/** Runs them. */
export async function benchReplay(options: BenchOptions): Promise<Row[]> {
  const size: Size = options.quick
    ? { events: 10_000, seconds: 0, many: 10, liveItems: livePace }
    : { events: 100_000, seconds: measureSeconds, many: 50, liveItems: livePace * measureSeconds };
  const ours: Round[] = [];
  const limit: Round[] = [];
  for (let round = 0; round < options.rounds; round++) {
    ours.push(await run('ours', startLog, size));
    limit.push(await run('bare loop', startBare, size));
  }
  const rate = (what: string, which: 'one' | 'many' | 'manyBesideLive') => rateRow(what, ours, limit, which);
  return [
    rate('1 reader', 'one'),
    rate(`${size.many} readers at once`, 'many'),
    rate(`${size.many} beside a live one`, 'manyBesideLive'),
    ...(['p50', 'p99'] as const).flatMap((which) => liveRows(size.many, which, ours, limit)),
  ];
}

interface Size {
  readonly events: number;
  /** At least so long is read. */
  readonly seconds: number;
  readonly many: number;
  /** Of a live reader, where it is alone. */
  readonly liveItems: number;
}

/** One server has the log, and is read from by one reader, by many at once, by a live one, and by many beside that. */
async function run(name: string, start: () => Promise<StreamServer>, size: Size): Promise<Round> {
  const { events, seconds, many } = size;
  const server = await start();
  const tell = (what: string, { events: read, seconds: took }: ReplayReading) =>
    console.error(`replay: ${name}, ${what}: ${Math.round(read / took)} events/s`);
  try {
    await server.child.ask({ append: events });
    const one = await replay(server, 1, events, seconds);
    tell('1', one);
    const all = await replay(server, many, events, seconds);
    tell(`${many} at once`, all);
    const { replayed, ...live } = await replayBesideLive(server, size);
    tell(`${many} beside a live one`, replayed);
    const shown = ({ p50, p99 }: LiveReading) => `p50 ${p50.toFixed(2)}, p99 ${p99.toFixed(2)} ms`;
    console.error(`replay: ${name}, live: alone ${shown(live.liveAlone)}; beside ${shown(live.liveBesideMany)}`);
    return { one, many: all, manyBesideLive: replayed, ...live };
  } finally {
    await server.end();
  }
}

/** Reads what the log holds from the first event on, again and again until so many seconds have passed. */
async function replay(
  server: StreamServer,
  readers: number,
  events: number,
  minSeconds: number,
  onReady: () => Promise<unknown> = async () => {},
): Promise<ReplayReading> {
  const load = startChild(new URL('../support/counting-subscribers.js', import.meta.url));
  try {
    const bytes = await bytesOf(load, server, events);
    await onReady();
    const meter = startMeter([server.child.pid]);
    const sum = { events: 0, seconds: 0 };
    do {
      sum.seconds += await replayOnce(load, server, readers, { bytes });
      sum.events += events * readers;
    } while (sum.seconds < minSeconds);
    return { ...sum, ...meter.stop() };
  } finally {
    await load.end();
  }
}

/** One reader, before the clock runs: events that come meanwhile are no part of them. */
async function bytesOf(load: Child, server: StreamServer, events: number): Promise<number> {
  await load.ask({ port: server.port, protocol: 'sse', count: 1, query: '?since=0' } satisfies CountingOrder);
  const { bytes } = await load.ask<Counted>({ atLeast: events } satisfies CountingOrder);
  await load.ask('close' satisfies CountingOrder);
  return bytes;
}

async function replayOnce(load: Child, server: StreamServer, count: number, aim: CountingOrder): Promise<number> {
  const startMs = performance.timeOrigin + performance.now();
  await load.ask({ port: server.port, protocol: 'sse', count, query: '?since=0' } satisfies CountingOrder);
  const { atMs } = await load.ask<Counted>(aim);
  await load.ask('close' satisfies CountingOrder);
  return (atMs - startMs) / 1_000;
}

async function replayBesideLive(
  server: StreamServer,
  { events, seconds, many, liveItems }: Size,
): Promise<Pick<Round, 'liveAlone' | 'liveBesideMany'> & { replayed: ReplayReading }> {
  const live = startChild(new URL('../support/timed-subscribers.js', import.meta.url));
  try {
    const report = (count: number) => live.ask<Timed>({ report: count } satisfies ReportOrder);
    await live.ask({ port: server.port, protocol: 'sse', count: 1, skip: livePace } satisfies TimedOrder);
    await server.child.ask({ live: livePace });
    const liveAlone = await report(liveItems);
    // What has come while the others were started is not counted.
    const replayed = await replay(server, many, events, seconds, () => report(1));
    const liveBesideMany = await report(1);
    return { replayed, liveAlone, liveBesideMany };
  } finally {
    await live.end();
  }
}

function rateRow(
  what: string,
  ours: readonly Round[],
  limit: readonly Round[],
  which: 'one' | 'many' | 'manyBesideLive',
): Row {
  const readings = (of: readonly Round[]) =>
    of.map(({ [which]: { events, seconds, cpuSeconds, peakRssMb } }): Reading => {
      return { value: events / seconds, cpuMicros: (cpuSeconds / events) * 1e6, peakRssMb };
    });
  return {
    bench: 'replay',
    what,
    unit: 'events/s',
    ours: { name: 'ours', readings: readings(ours) },
    other: { name: 'bare uWS loop, log in memory', readings: readings(limit) },
    goal: { of: 'ours', atLeast: 500_000 },
  };
}

function liveRows(many: number, which: 'p50' | 'p99', ours: readonly Round[], limit: readonly Round[]): Row[] {
  const readings = (of: readonly Round[], when: 'liveAlone' | 'liveBesideMany') =>
    of.map(({ [when]: reading }): Reading => ({ value: reading[which] }));
  const row = (name: string, others: Reading[]): Row => ({
    bench: 'replay',
    what: `a live one's ${which} beside ${many}`,
    unit: 'ms',
    ours: { name: 'ours', readings: readings(ours, 'liveBesideMany') },
    other: { name, readings: others },
  });
  return [
    row('ours, alone', readings(ours, 'liveAlone')),
    row('bare uWS loop beside as many', readings(limit, 'liveBesideMany')),
  ];
}
