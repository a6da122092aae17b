/** The rows of `replay`: readers that want the whole log at once, and one that follows it live meanwhile. */
import { type Child, startChild } from '../support/child.js';
import type { Counted, CountingOrder } from '../support/counting-subscribers.js';
import { type Spent, startMeter } from '../support/meter.js';
import type { BenchOptions } from '../support/options.js';
import type { Reading, Row } from '../support/row.js';
import { type StreamServer, startBare, startLog } from '../support/servers.js';
import type { Timed, TimedOrder } from '../support/timed-subscribers.js';

/** Events a second that the live reader follows. */
const livePace = 50;

/** The log is replayed until so much time has passed: once alone is over before the live reader has had enough to tell of. */
const measureSeconds = 4;

interface ReplayReading extends Spent {
  readonly events: number;
  readonly seconds: number;
  /** Of the live reader, in milliseconds; absent where there was none. */
  readonly liveP99?: number;
}

interface Case {
  readonly readers: number;
  readonly ours: ReplayReading[];
  readonly limit: ReplayReading[];
}

/** Runs them. */
export async function benchReplay(options: BenchOptions): Promise<Row[]> {
  const [events, seconds] = options.quick ? [10_000, 0] : [100_000, measureSeconds];
  const cases = (options.quick ? [1, 10] : [1, 50]).map((readers): Case => ({ readers, ours: [], limit: [] }));
  for (let round = 0; round < options.rounds; round++) {
    await runAll('ours', startLog, cases, events, seconds, 'ours');
    await runAll('bare loop', startBare, cases, events, seconds, 'limit');
  }
  const last = cases.at(-1);
  return [...cases.map(rateRow), ...(last === undefined ? [] : [liveRow(last)])];
}

/** One server has the log, and is read from by one reader, then by many at once. */
async function runAll(
  name: string,
  start: () => Promise<StreamServer>,
  cases: readonly Case[],
  events: number,
  seconds: number,
  side: 'ours' | 'limit',
): Promise<void> {
  const server = await start();
  try {
    await server.child.ask({ append: events });
    for (const one of cases) {
      const isLast = one === cases.at(-1);
      const reading = await (isLast ? replayBesideLive : replay)(server, one.readers, events, seconds);
      const rate = Math.round(reading.events / reading.seconds);
      const live = reading.liveP99 === undefined ? '' : `, live p99 ${reading.liveP99.toFixed(2)} ms`;
      console.error(`replay: ${name}, ${one.readers} at once: ${rate} events/s${live}`);
      one[side].push(reading);
    }
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

async function replayBesideLive(...all: Parameters<typeof replay>): Promise<ReplayReading> {
  const [server, readers, events, seconds] = all;
  const live = startChild(new URL('../support/timed-subscribers.js', import.meta.url));
  try {
    const order: TimedOrder = { port: server.port, protocol: 'sse', count: 1, skip: livePace, take: 1 };
    await live.ask(order);
    await server.child.ask({ live: livePace });
    // What has come while the others were started is not counted.
    const replayed = await replay(server, readers, events, seconds, () => live.ask('report'));
    const { p99 } = await live.ask<Timed>('report');
    return { ...replayed, liveP99: p99 };
  } finally {
    await live.end();
  }
}

function rateRow({ readers, ours, limit }: Case): Row {
  const readings = (of: readonly ReplayReading[]) =>
    of.map(({ events, seconds, cpuSeconds, peakRssMb }): Reading => {
      return { value: events / seconds, cpuMicros: (cpuSeconds / events) * 1e6, peakRssMb };
    });
  return {
    bench: 'replay',
    what: readers === 1 ? '1 reader' : `${readers} readers at once`,
    unit: 'events/s',
    ours: { name: 'ours', readings: readings(ours) },
    other: { name: 'bare uWS loop, log in memory', readings: readings(limit) },
    goal: { of: 'ours', atLeast: 500_000 },
  };
}

function liveRow({ readers, ours, limit }: Case): Row {
  const readings = (of: readonly ReplayReading[]) =>
    of.flatMap(({ liveP99 }): Reading[] => (liveP99 === undefined ? [] : [{ value: liveP99 }]));
  return {
    bench: 'replay',
    what: `a live one's p99 beside ${readers}`,
    unit: 'ms',
    ours: { name: 'ours', readings: readings(ours) },
    other: { name: 'bare uWS loop, log in memory', readings: readings(limit) },
  };
}
